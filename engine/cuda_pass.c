#include "engine/cuda_pass.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

/* ---- edits ---- */

/* The device's word for an operation; -1: it has none. */
static int op_of(const struct edit *ed)
{
	static const struct { const char *name; bool vec; int op; } ops[] = {
		{ "hold", false, GPU_HOLD }, { "scale", false, GPU_SCALE }, { "add", false, GPU_ADD },
		{ "at_least", false, GPU_AT_LEAST }, { "at_most", false, GPU_AT_MOST }, { "add", true, GPU_ADD_VEC },
		{ "project", true, GPU_PROJECT }, { "patch", true, GPU_PATCH },
	};

	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
		if (ops[i].vec == (ed->vec != NULL) && !strcmp(ops[i].name, ed->op->name))
			return ops[i].op;
	return -1;
}

static struct gpu_edit row_of(const struct edit *ed, const struct hparams *hp, size_t vec)
{
	static const int scopes[] = { [SCOPE_ALL] = GPU_ALL, [SCOPE_PROMPT] = GPU_PROMPT,
		[SCOPE_GENERATED] = GPU_GENERATED, [SCOPE_RANGE] = GPU_RANGE };
	struct gpu_edit g = { .op = op_of(ed), .scope = scopes[ed->scope], .site = ed->at.site, .layer = ed->at.layer,
		.n = site_width(ed->at.site, hp), .from = ed->from, .to = ed->to, .value = ed->value, .vec = -1 };

	if (ed->at.head >= 0) {
		g.first = ed->at.head * hp->d_head;
		g.n = hp->d_head;
	}
	if (ed->at.index >= 0) {
		g.first += ed->at.index;
		g.n = 1;
	}
	if (ed->vec) {
		g.vec = (int64_t)vec;
		g.value = ed->value * ed->vec->scale;
	}
	return g;
}

bool cuda_pass_edits(struct cuda *c, const struct edit_set *s, struct err *e)
{
	int all = edit_set_n(s), n = 0;
	size_t n_vecs = 0;
	struct gpu_edit *rows;
	float *vecs = NULL;
	bool ok;

	if (s == c->edits || (!c->edits && !all))
		return true;
	rows = mem_array((size_t)all, sizeof *rows);
	c->edit_at = mem_resize(c->edit_at, (size_t)all + 1, sizeof *c->edit_at);
	for (int i = 0; i < all; i++) {
		const struct edit *ed = edit_set_at(s, i);

		if (!ed->on)
			continue;
		if (op_of(ed) < 0) {
			free(rows);
			free(vecs);
			return err_set(e, ERR_UNSUPPORTED, "%s works with --backend cpu only", ed->op->name);
		}
		rows[n] = row_of(ed, c->hp, n_vecs);
		if (ed->vec) {
			vecs = mem_resize(vecs, n_vecs + (size_t)ed->vec->n, sizeof *vecs);
			memcpy(vecs + n_vecs, ed->vec->v, (size_t)ed->vec->n * sizeof *vecs);
			n_vecs += (size_t)ed->vec->n;
		}
		c->edit_at[n++] = i;
	}
	ok = c->api->edit(c->gpu, rows, n, vecs, n_vecs, e);
	if (ok) {
		edit_set_ref(s);
		edit_set_unref(c->edits);
		c->edits = s;
		c->n_edits = n;
	}
	free(vecs);
	free(rows);
	return ok;
}

static bool in_scope(const struct edit *ed, int pos, int n_prompt)
{
	switch (ed->scope) {
	case SCOPE_ALL:
		return true;
	case SCOPE_PROMPT:
		return pos < n_prompt;
	case SCOPE_GENERATED:
		return pos >= n_prompt;
	case SCOPE_RANGE:
		return pos >= ed->from && pos <= ed->to;
	}
	return false;
}

/* Lengths of several places add as the sides of a right angle do. */
static void add_receipt(struct receipt *r, const struct gpu_receipt *g)
{
	r->applied++;
	r->change = (float)sqrt((double)r->change * (double)r->change + g->change);
	r->before = (float)sqrt((double)r->before * (double)r->before + g->before);
}

/* Receipts of the edits at the logits, or of all others, for rows [row0, row0 + n). */
static void read_receipts(const struct cuda *c, const struct pass *p, const struct gpu_receipt *r, bool at_logits,
    int row0, int n)
{
	size_t m = (size_t)p->m, per_edit = ((size_t)c->hp->n_layers + 1) * m;

	for (int k = 0; p->steps && k < c->n_edits; k++) {
		const struct edit *ed = edit_set_at(c->edits, c->edit_at[k]);

		if ((ed->at.site == SITE_logits) != at_logits)
			continue;
		for (int l = -1; l < c->about.n_layers; l++) {
			if (ed->at.layer == EVERY_LAYER ? l < 0 : ed->at.layer != l)
				continue;
			/* The final norm is edited where it is computed. */
			if (l < 0 && !c->about.head)
				continue;
			for (int j = row0; j < row0 + n; j++)
				if (in_scope(ed, p->pos0 + j, p->n_prompt))
					add_receipt(&p->steps[j]->receipts[c->edit_at[k]],
					    &r[(size_t)k * per_edit + (size_t)(l + 1) * m + (size_t)j]);
		}
	}
}

/* ---- probes ---- */

/* True when the device computes the probe itself. */
static bool is_sent(const struct probe *p)
{
	switch (p->kind) {
	case PROBE_SOFTMAX:
		return p->site == SITE_attn_probs;
	case PROBE_LENGTH:
		return p->site == SITE_attn_out || p->site == SITE_mlp_out || p->site == SITE_resid_post;
	case PROBE_SILENT_SHARE:
		return p->site == SITE_mlp;
	case PROBE_ANY:
		break;
	}
	return false;
}

static void read_heads(const struct cuda *c, const struct pass *p, int i, const struct gpu_head *heads)
{
	const struct probe *probe = c->plan->probes[i];
	int n = c->hp->n_heads;
	struct softmax_stats *st = mem_array((size_t)n, sizeof *st);

	for (int l = 0; l < c->about.n_layers; l++)
		for (int j = 0; j < p->m; j++) {
			const struct gpu_head *h = heads + ((size_t)l * (size_t)p->m + (size_t)j) * (size_t)n;
			struct site_view at = { .site = SITE_attn_probs, .layer = l, .pos = p->pos0 + j, .rows = n,
				.cols = p->pos0 + j + 1, .stride = sizeof *h / sizeof h->first, .data = &h->first, .softmax = st };

			for (int k = 0; k < n; k++)
				st[k] = h[k].softmax;
			probe->reduce(&at, p->steps[j]->values + c->plan->offset[i] + (size_t)l * (size_t)n);
		}
	free(st);
}

static float sent_value(const struct gpu_watch *w, const struct probe *p)
{
	if (p->kind == PROBE_SILENT_SHARE)
		return w->silent;
	return p->site == SITE_attn_out ? w->attn_out : p->site == SITE_mlp_out ? w->mlp_out : w->resid;
}

static void read_watches(const struct cuda *c, const struct pass *p, const struct gpu_watch *watches)
{
	_Static_assert((int)GPU_NEURONS == (int)STEP_NEURONS, "a step keeps what a device sends");
	for (int l = 0; l < c->about.n_layers; l++)
		for (int j = 0; j < p->m; j++) {
			const struct gpu_watch *w = &watches[(size_t)l * (size_t)p->m + (size_t)j];
			struct step_neuron *to = p->steps[j]->neurons + (size_t)l * STEP_NEURONS;

			for (int i = 0; i < c->plan->n; i++) {
				const struct probe *probe = c->plan->probes[i];

				if (is_sent(probe) && probe->kind != PROBE_SOFTMAX)
					p->steps[j]->values[c->plan->offset[i] + (probe->axes == PROBE_LAYERS ? (size_t)l : 0)] =
					    sent_value(w, probe);
			}
			for (int k = 0; k < STEP_NEURONS && w->strongest[k].index >= 0; k++)
				to[k] = (struct step_neuron){ w->strongest[k].index, w->strongest[k].activation,
					w->strongest[k].contribution };
		}
}

static void read_probes(const struct cuda *c, const struct pass *p, const struct gpu_result *r)
{
	for (int i = 0; i < c->plan->n; i++)
		if (c->plan->probes[i]->kind == PROBE_SOFTMAX && is_sent(c->plan->probes[i]))
			read_heads(c, p, i, r->heads);
	read_watches(c, p, r->watches);
}

/* ---- who looks at whole vectors ---- */

static void copy_out(const struct capture *c, int layer, int place, const float *x, size_t n)
{
	if (place == SITE_mlp && c->neurons)
		memcpy(c->neurons + (size_t)layer * n, x, n * sizeof *x);
	if (place == SITE_resid_post && c->resid)
		memcpy(c->resid + (size_t)layer * n, x, n * sizeof *x);
	if (c->values && place == (int)c->site && layer == c->layer)
		memcpy(c->values, x, n * sizeof *x);
	if (!c->neuron || layer != c->layer)
		return;
	if (place == SITE_gate)
		c->neuron->gate = x[c->index];
	else if (place == SITE_up)
		c->neuron->up = x[c->index];
	else if (place == SITE_mlp)
		c->neuron->mlp = x[c->index];
}

static void show(const struct onlooker *o, int place, int layer, const float *x, int m, int width)
{
	static const struct { int place; enum place shown; } places[] = {
		{ GPU_SEE_QKV_IN, PLACE_QKV_IN }, { SITE_z, PLACE_ATTN_OUT_IN }, { GPU_SEE_MLP_IN, PLACE_MLP_IN },
		{ SITE_mlp, PLACE_DOWN_IN }, { SITE_final_norm, PLACE_HEAD_IN }, { SITE_resid_post, PLACE_RESID },
	};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (places[i].place == place)
			o->see(o->to, places[i].shown, layer, x, m, width);
}

static bool wants_values(const struct probe *probe)
{
	return probe->reduce && probe->site != SITE_logits && !is_sent(probe);
}

static void see(void *of, int place, int layer, const float *x, int m, int width)
{
	const struct cuda *c = of;
	const struct pass *p = c->pass;

	if (p->capture)
		copy_out(p->capture, layer, place, x, (size_t)width);
	for (int i = 0; p->steps && c->plan && i < c->plan->n; i++) {
		const struct probe *probe = c->plan->probes[i];

		if ((int)probe->site != place || !wants_values(probe))
			continue;
		for (int j = 0; j < m; j++)
			probe->reduce(&(struct site_view){ .site = probe->site, .layer = layer, .pos = p->pos0 + j, .rows = 1,
			    .cols = width, .stride = (size_t)width, .data = x + (size_t)j * (size_t)width },
			    p->steps[j]->values + c->plan->offset[i] + (probe->axes == PROBE_LAYERS ? layer : 0));
	}
	if (p->onlooker)
		show(p->onlooker, place, layer, x, m, width);
}

static uint32_t places_wanted(const struct cuda *c, const struct pass *p)
{
	uint32_t mask = 0;

	if (p->onlooker)
		mask |= 1u << GPU_SEE_QKV_IN | 1u << SITE_z | 1u << GPU_SEE_MLP_IN | 1u << SITE_mlp | 1u << SITE_final_norm |
		    1u << SITE_resid_post;
	if (p->capture && p->capture->neurons)
		mask |= 1u << SITE_mlp;
	if (p->capture && p->capture->resid)
		mask |= 1u << SITE_resid_post;
	if (p->capture && p->capture->neuron)
		mask |= 1u << SITE_gate | 1u << SITE_up | 1u << SITE_mlp;
	if (p->capture && p->capture->values)
		mask |= 1u << p->capture->site;
	for (int i = 0; p->steps && c->plan && i < c->plan->n; i++)
		if (wants_values(c->plan->probes[i]))
			mask |= 1u << c->plan->probes[i]->site;
	return mask;
}

bool cuda_pass_run(struct cuda *c, const struct pass *p, struct gpu_result *r, struct err *e)
{
	_Static_assert(N_GPU_SEE <= 32, "places fit a mask");
	struct gpu_pass g = { .tokens = p->tokens, .m = p->m, .pos0 = p->pos0, .n_prompt = p->n_prompt,
		.watch = p->steps && (c->plan || c->n_edits), .head = p->m == 1, .see_mask = places_wanted(c, p), .see = see,
		.to = c, .attention_layer = p->capture ? p->capture->attention_layer : -1,
		.attention = p->capture ? p->capture->attention : NULL };

	c->pass = p;
	if (!c->api->run(c->gpu, &g, r, e))
		return false;
	c->receipts = r->receipts;
	if (p->steps && c->plan)
		read_probes(c, p, r);
	read_receipts(c, p, r->receipts, false, 0, p->m);
	/* Those at the logits of a single token are there already. */
	if (c->about.head && g.head)
		read_receipts(c, p, r->receipts, true, 0, 1);
	return true;
}

const float *cuda_pass_logits(struct cuda *c, const struct pass *p, int row0, int n, struct err *e)
{
	const float *logits;
	const struct softmax_stats *stats;

	if (!c->api->logits(c->gpu, row0, n, &logits, &stats, e))
		return NULL;
	for (int j = 0; p->steps && j < n; j++) {
		struct step *s = p->steps[row0 + j];

		s->logits = stats[j];
		s->has_logits = true;
		for (int i = 0; c->plan && i < c->plan->n; i++) {
			const struct probe *probe = c->plan->probes[i];

			if (probe->site == SITE_logits && probe->reduce)
				probe->reduce(&(struct site_view){ .site = SITE_logits, .layer = -1, .pos = p->pos0 + row0 + j,
				    .rows = 1, .cols = c->hp->n_vocab, .stride = (size_t)c->hp->n_vocab,
				    .data = logits + (size_t)j * (size_t)c->hp->n_vocab, .softmax = &s->logits },
				    s->values + c->plan->offset[i]);
		}
	}
	if (p->m > 1)
		read_receipts(c, p, c->receipts, true, row0, n);
	return logits;
}
