#include "engine/forward.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/attention.h"
#include "engine/base/mem.h"
#include "engine/layers.h"
#include "engine/neurons.h"
#include "engine/rope.h"

enum { ROWS_PER_TASK = 4 };     /* positions a worker takes at a time */

struct forward {
	const struct model *m;
	const struct hparams *hp;
	const struct kernels *k;
	struct matmul *mm;
	struct pool *pool;
	struct kvcache *kv;
	const struct probe_plan *plan;
	int max_m;
	struct layers layers;           /* vectors widened, fused matrices split */
	struct neurons neurons;
	struct rope rope;
	struct attention attn;
	struct acts acts;
	size_t bytes;
	/* Scratch, [max_m][...]: */
	float *resid;                   /* [d_model] the residual stream */
	float *normed;                  /* [d_model] */
	float *q, *z;                   /* [n_heads * d_head] */
	float *temp;                    /* [n_heads] softmax temperatures */
	float *spare;                   /* [widest] what stood where an edit writes */
	int widest;
	float *out;                     /* [d_model] what attention or the MLP adds */
	float *gate, *up;               /* [d_ff]; the product of the two lands in gate (or up) */
	float *logits;                  /* [FORWARD_LOGITS][n_vocab] */
	float *lens;                    /* [FORWARD_LOGITS][d_model] */
	float *spare_logits;            /* [n_vocab] */
	/* The pass at work: */
	const struct pass *pass;
	int layer;
	const struct tensor **swaps;    /* [n_layers + 1][N_WEIGHTS], as edit_set_swaps() fills it */
	bool swapped;                   /* some of them are in force */
	struct layer mine;              /* the layer with them */
	const struct tensor *tok_embd, *pos_embd, *lm_head;
};

static float *scratch(struct forward *f, size_t width, struct err *e)
{
	f->bytes += (size_t)f->max_m * width * sizeof(float);
	return mem_big((size_t)f->max_m * width, sizeof(float), "scratch of the forward pass", e);
}

static void own_weights(struct forward *f)
{
	f->tok_embd = f->m->w.tok_embd;
	f->pos_embd = f->m->w.pos_embd;
	f->lm_head = f->m->w.lm_head;
}

struct forward *forward_new(const struct model *m, struct matmul *mm, struct kvcache *kv, int max_m, bool exact,
    const struct probe_plan *plan, struct err *e)
{
	struct forward *f = mem_zalloc(sizeof *f);
	const struct hparams *hp = &m->hp;
	size_t d = (size_t)hp->d_model, ff = (size_t)hp->d_ff, dq = (size_t)hp->n_heads * (size_t)hp->d_head;
	size_t widest = ff > dq ? ff : dq;

	f->m = m;
	f->hp = hp;
	f->k = kernels();
	f->mm = mm;
	f->pool = matmul_pool(mm);
	f->kv = kv;
	f->plan = plan;
	f->max_m = max_m;
	f->widest = (int)(widest > d ? widest : d);
	layers_init(&f->layers, m);
	f->swaps = mem_array((size_t)(hp->n_layers + 1) * N_WEIGHTS, sizeof *f->swaps);
	own_weights(f);
	neurons_init(&f->neurons, hp);
	rope_init(&f->rope, hp, m->w.rope_freqs, max_m);
	if (!(f->resid = scratch(f, d, e)) || !(f->normed = scratch(f, d, e)) || !(f->out = scratch(f, d, e)) ||
	    !(f->q = scratch(f, dq, e)) || !(f->z = scratch(f, dq, e)) ||
	    !(f->temp = scratch(f, (size_t)hp->n_heads, e)) || !(f->spare = scratch(f, (size_t)f->widest, e)) ||
	    !(f->spare_logits = mem_big((size_t)hp->n_vocab, sizeof(float), "logits", e)) ||
	    !(f->gate = scratch(f, ff, e)) || !(f->up = scratch(f, ff, e)) ||
	    !(f->logits = mem_big((size_t)hp->n_vocab * FORWARD_LOGITS, sizeof(float), "logits", e)) ||
	    !(f->lens = mem_big(d * FORWARD_LOGITS, sizeof(float), "logit lens", e)) ||
	    !acts_new(&f->acts, max_m > FORWARD_LOGITS ? max_m : FORWARD_LOGITS, (int)(widest > d ? widest : d), e) ||
	    !attention_new(&f->attn, hp, f->pool, kv, e)) {
		forward_free(f);
		return NULL;
	}
	f->acts.exact = exact;
	f->bytes += attention_bytes(&f->attn);
	return f;
}

void forward_free(struct forward *f)
{
	if (!f)
		return;
	attention_free(&f->attn);
	acts_free(&f->acts);
	mem_big_free(f->lens);
	mem_big_free(f->logits);
	mem_big_free(f->up);
	mem_big_free(f->gate);
	mem_big_free(f->spare_logits);
	mem_big_free(f->spare);
	mem_big_free(f->temp);
	mem_big_free(f->z);
	mem_big_free(f->q);
	mem_big_free(f->out);
	mem_big_free(f->normed);
	mem_big_free(f->resid);
	rope_free(&f->rope);
	neurons_free(&f->neurons);
	layers_free(&f->layers);
	free(f->swaps);
	free(f);
}

size_t forward_bytes(const struct forward *f)
{
	return f->bytes;
}

static float *row(float *base, int j, int width)
{
	return base + (size_t)j * (size_t)width;
}

static void copy_out(const struct capture *c, int layer, enum site site, const float *x, int n)
{
	size_t size = (size_t)n * sizeof *x;

	if (site == SITE_mlp && c->neurons)
		memcpy(c->neurons + (size_t)layer * (size_t)n, x, size);
	if (site == SITE_resid_post && c->resid)
		memcpy(c->resid + (size_t)layer * (size_t)n, x, size);
	if (c->values && site == c->site && layer == c->layer)
		memcpy(c->values, x, size);
	if (!c->neuron || layer != c->layer)
		return;
	if (site == SITE_gate)
		c->neuron->gate = x[c->index];
	else if (site == SITE_up)
		c->neuron->up = x[c->index];
	else if (site == SITE_mlp)
		c->neuron->mlp = x[c->index];
}

/* One position at one site: edits write, then probes read. */
static void visit(const struct forward *f, int layer, enum site site, float *x, int j)
{
	const struct pass *p = f->pass;
	int n = site_width(site, f->hp);

	if (edit_set_touches(p->edits, layer, site))
		edit_set_apply(p->edits, layer, site, f->hp, x, p->pos0 + j, p->n_prompt,
		    p->steps ? p->steps[j]->receipts : NULL, row(f->spare, j, f->widest));
	if (p->capture)
		copy_out(p->capture, layer, site, x, n);
	if (!p->steps || !f->plan)
		return;
	for (int i = 0; i < f->plan->n; i++) {
		const struct probe *probe = f->plan->probes[i];

		if (probe->site == site && probe->reduce) {
			struct site_view at = { .site = site, .layer = layer, .pos = p->pos0 + j, .rows = 1,
			    .cols = n, .stride = (size_t)n, .data = x };

			probe->reduce(&at, p->steps[j]->values + f->plan->offset[i] +
			    (probe->axes == PROBE_LAYERS ? layer : 0));
		}
	}
}

/* Runs fn for blocks of positions: on the pool when there are many. */
static void each_position(struct forward *f, pool_fn *fn)
{
	int n_tasks = (f->pass->m + ROWS_PER_TASK - 1) / ROWS_PER_TASK;

	if (n_tasks == 1)
		fn(f, 0, 0);
	else
		pool_run(f->pool, fn, f, n_tasks);
}

#define FOR_ROWS(f, task, j)                                                                 \
	for (int j = (task)*ROWS_PER_TASK, end_ = j + ROWS_PER_TASK < (f)->pass->m ? j + ROWS_PER_TASK : (f)->pass->m; \
	     j < end_; j++)

static void norm(const struct forward *f, float *out, const float *x, const float *w, const float *b)
{
	if (f->hp->arch->norm == NORM_RMS)
		f->k->rms_norm(out, x, w, (size_t)f->hp->d_model, f->hp->norm_eps);
	else
		f->k->layer_norm(out, x, w, b, (size_t)f->hp->d_model, f->hp->norm_eps);
}

static void enter_layer(const struct forward *f, int l, int j)
{
	int d = f->hp->d_model;
	float *x = row(f->resid, j, d);

	visit(f, l, SITE_resid_pre, x, j);
	norm(f, row(f->normed, j, d), x, f->layers.l[l].attn_norm, f->layers.l[l].attn_norm_b);
}

static void embed(void *of, int task, int worker)
{
	struct forward *f = of;
	int d = f->hp->d_model;

	(void)worker;
	FOR_ROWS(f, task, j) {
		float *x = row(f->resid, j, d);

		tensor_row_f32(f->tok_embd, (size_t)f->pass->tokens[j], x);
		if (f->pos_embd) {
			float *p = row(f->out, j, d);

			tensor_row_f32(f->pos_embd, (size_t)(f->pass->pos0 + j), p);
			f->k->add(x, p, (size_t)d);
		}
		enter_layer(f, 0, j);
	}
}

/* The residual stream comes from elsewhere. */
static void go_on(void *of, int task, int worker)
{
	struct forward *f = of;
	int d = f->hp->d_model;

	(void)worker;
	FOR_ROWS(f, task, j) {
		memcpy(row(f->resid, j, d), f->pass->resid + (size_t)j * (size_t)d, (size_t)d * sizeof *f->resid);
		enter_layer(f, f->pass->first_layer, j);
	}
}

/* Scores are divided by the temperature of their head: it is enough to divide the
 * query.  Not above zero counts as 1. */
static void warm(const struct forward *f, int j, float *q)
{
	int n = f->hp->n_heads;
	float *temp = row(f->temp, j, n);

	for (int h = 0; h < n; h++)
		temp[h] = 1;
	visit(f, f->layer, SITE_temp, temp, j);
	for (int h = 0; h < n; h++)
		for (int i = 0; temp[h] > 0 && i < f->hp->d_head; i++)
			q[h * f->hp->d_head + i] /= temp[h];
}

static void rotate(void *of, int task, int worker)
{
	struct forward *f = of;
	const struct hparams *hp = f->hp;
	int dq = hp->n_heads * hp->d_head;
	float scale = (float)(1 / sqrt(hp->d_head));

	(void)worker;
	FOR_ROWS(f, task, j) {
		float *q = row(f->q, j, dq);

		rope_apply(&f->rope, j, q, hp->n_heads, hp->d_head);
		for (int i = 0; i < dq; i++)
			q[i] *= scale;
		if (edit_set_touches(f->pass->edits, f->layer, SITE_temp))
			warm(f, j, q);
		rope_apply(&f->rope, j, kvcache_k(f->kv, f->layer, f->pass->pos0 + j), hp->n_kv_heads, hp->d_head);
	}
}

static void visit_z(void *of, int task, int worker)
{
	struct forward *f = of;

	(void)worker;
	FOR_ROWS(f, task, j)
		visit(f, f->layer, SITE_z, row(f->z, j, f->hp->n_heads * f->hp->d_head), j);
}

static void after_attention(void *of, int task, int worker)
{
	struct forward *f = of;
	const struct layer *lw = &f->layers.l[f->layer];
	int d = f->hp->d_model;

	(void)worker;
	FOR_ROWS(f, task, j) {
		float *x = row(f->resid, j, d), *o = row(f->out, j, d);

		visit(f, f->layer, SITE_attn_out, o, j);
		f->k->add(x, o, (size_t)d);
		visit(f, f->layer, SITE_resid_mid, x, j);
		norm(f, row(f->normed, j, d), x, lw->mlp_norm, lw->mlp_norm_b);
	}
}

static void neurons_fire(void *of, int task, int worker)
{
	struct forward *f = of;
	int ff = f->hp->d_ff;
	bool gated = f->hp->arch->mlp == MLP_GATED_SILU;

	(void)worker;
	FOR_ROWS(f, task, j) {
		float *gate = row(f->gate, j, ff), *up = row(f->up, j, ff), *mlp = gated ? gate : up;

		if (gated)
			visit(f, f->layer, SITE_gate, gate, j);
		visit(f, f->layer, SITE_up, up, j);
		if (gated)
			f->k->silu_mul(gate, up, (size_t)ff);
		else
			f->k->gelu(up, (size_t)ff);
		visit(f, f->layer, SITE_mlp, mlp, j);
		if (f->pass->steps && f->plan)
			neurons_strongest(&f->neurons, f->layer, mlp,
			    f->pass->steps[j]->neurons + (size_t)f->layer * STEP_NEURONS);
	}
}

static void leave_layer(void *of, int task, int worker)
{
	struct forward *f = of;
	int d = f->hp->d_model, l = f->layer;

	(void)worker;
	FOR_ROWS(f, task, j) {
		float *x = row(f->resid, j, d), *o = row(f->out, j, d);

		visit(f, l, SITE_mlp_out, o, j);
		f->k->add(x, o, (size_t)d);
		visit(f, l, SITE_resid_post, x, j);
		if (l + 1 < f->hp->n_layers) {
			enter_layer(f, l + 1, j);
		} else {
			norm(f, row(f->normed, j, d), x, f->layers.final_norm, f->layers.final_norm_b);
			visit(f, -1, SITE_final_norm, row(f->normed, j, d), j);
		}
	}
}

static bool reads(const struct forward *f, enum site site)
{
	for (int i = 0; f->pass->steps && f->plan && i < f->plan->n; i++)
		if (f->plan->probes[i]->site == site)
			return true;
	return f->pass->capture && f->pass->capture->values && f->pass->capture->site == site;
}

static void show(const struct forward *f, enum place place, int layer, const float *x, int width)
{
	const struct onlooker *o = f->pass->onlooker;

	if (o)
		o->see(o->to, place, layer, x, f->pass->m, width);
}

static void attend(struct forward *f, const struct layer *lw)
{
	const struct pass *p = f->pass;
	int l = f->layer, dq = f->hp->n_heads * f->hp->d_head;
	struct product qkv[3] = {
		{ &lw->q, lw->q_b, f->q, (size_t)dq },
		{ &lw->k, lw->k_b, kvcache_k(f->kv, l, p->pos0), f->kv->row },
		{ &lw->v, lw->v_b, kvcache_v(f->kv, l, p->pos0), f->kv->row },
	};
	struct product out = { lw->attn_out, lw->attn_out_b, f->out, (size_t)f->hp->d_model };

	show(f, PLACE_QKV_IN, l, f->normed, f->hp->d_model);
	acts_set(&f->acts, f->normed, (size_t)f->hp->d_model, p->m, f->hp->d_model);
	matmul_run(f->mm, &f->acts, qkv, 3);
	each_position(f, rotate);
	attention_run(&f->attn, &(struct attention_pass){ .q = f->q, .z = f->z, .layer = l, .pos0 = p->pos0,
	    .m = p->m, .steps = p->steps, .plan = f->plan, .capture = p->capture && p->capture->attention_layer == l ?
	    p->capture->attention : NULL });
	if (edit_set_touches(p->edits, l, SITE_z) || reads(f, SITE_z))
		each_position(f, visit_z);
	show(f, PLACE_ATTN_OUT_IN, l, f->z, dq);
	acts_set(&f->acts, f->z, (size_t)dq, p->m, dq);
	matmul_run(f->mm, &f->acts, &out, 1);
	each_position(f, after_attention);
}

static void think(struct forward *f, const struct layer *lw)
{
	size_t ff = (size_t)f->hp->d_ff, d = (size_t)f->hp->d_model;
	bool gated = f->hp->arch->mlp == MLP_GATED_SILU;
	struct product in[2] = { { lw->up, lw->up_b, f->up, ff }, { lw->gate, NULL, f->gate, ff } };
	struct product out = { lw->down, lw->down_b, f->out, d };

	show(f, PLACE_MLP_IN, f->layer, f->normed, (int)d);
	acts_set(&f->acts, f->normed, d, f->pass->m, (int)d);
	matmul_run(f->mm, &f->acts, in, gated ? 2 : 1);
	each_position(f, neurons_fire);
	show(f, PLACE_DOWN_IN, f->layer, gated ? f->gate : f->up, (int)ff);
	acts_set(&f->acts, gated ? f->gate : f->up, ff, f->pass->m, (int)ff);
	matmul_run(f->mm, &f->acts, &out, 1);
	each_position(f, leave_layer);
}

static void use(const struct tensor **at, const struct tensor *t)
{
	if (t)
		*at = t;
}

/* Matrices that edits put in the place of the model's own. */
static void swap_weights(struct forward *f)
{
	const struct pass *p = f->pass;

	if (f->swapped)
		own_weights(f);
	f->swapped = edit_set_swaps(p->edits, p->pos0, p->n_prompt, f->swaps, f->hp->n_layers);
	if (!f->swapped)
		return;
	assert(edit_set_span(p->edits, p->pos0, p->m, p->n_prompt) == p->m);
	use(&f->tok_embd, f->swaps[WEIGHT_tok_embd]);
	use(&f->pos_embd, f->swaps[WEIGHT_pos_embd]);
	use(&f->lm_head, f->m->w.tied_head ? f->swaps[WEIGHT_tok_embd] : NULL);
	use(&f->lm_head, f->swaps[WEIGHT_lm_head]);
	for (int j = 0; p->steps && j < p->m; j++)
		edit_set_account_swaps(p->edits, p->pos0 + j, p->n_prompt, p->steps[j]->receipts);
}

static const struct layer *layer_in_force(struct forward *f, int l)
{
	if (!f->swapped)
		return &f->layers.l[l];
	f->mine = f->layers.l[l];
	layer_swap(&f->mine, f->swaps + (size_t)(l + 1) * N_WEIGHTS, f->hp);
	return &f->mine;
}

void forward_run(struct forward *f, const struct pass *p)
{
	f->pass = p;
	swap_weights(f);
	if (p->steps && f->plan)
		neurons_measure(&f->neurons, f->m, f->pool);
	rope_set(&f->rope, p->pos0, p->m);
	f->layer = 0;
	each_position(f, p->resid ? go_on : embed);
	for (int l = p->resid ? p->first_layer : 0; l < f->hp->n_layers; l++) {
		f->layer = l;
		const struct layer *lw = layer_in_force(f, l);

		attend(f, lw);
		think(f, lw);
		show(f, PLACE_RESID, l, f->resid, f->hp->d_model);
	}
	show(f, PLACE_HEAD_IN, -1, f->normed, f->hp->d_model);
	f->kv->len = p->pos0 + p->m;
}

static void read_logits(const struct forward *f, const struct pass *p, int j, const float *logits)
{
	struct step *s = p->steps[j];

	f->k->softmax_stats(logits, (size_t)f->hp->n_vocab, &s->logits);
	s->has_logits = true;
	for (int i = 0; f->plan && i < f->plan->n; i++) {
		const struct probe *probe = f->plan->probes[i];
		struct site_view at = { .site = SITE_logits, .layer = -1, .pos = p->pos0 + j, .rows = 1,
		    .cols = f->hp->n_vocab, .stride = (size_t)f->hp->n_vocab, .data = logits, .softmax = &s->logits };

		if (probe->site == SITE_logits && probe->reduce)
			probe->reduce(&at, s->values + f->plan->offset[i]);
	}
}

const float *forward_logits(struct forward *f, const struct pass *p, int row0, int n)
{
	size_t d = (size_t)f->hp->d_model, v = (size_t)f->hp->n_vocab;
	struct product head = { f->lm_head, NULL, f->logits, v };

	acts_set(&f->acts, f->normed + (size_t)row0 * d, d, n, (int)d);
	matmul_run(f->mm, &f->acts, &head, 1);
	for (int j = 0; j < n; j++) {
		float *logits = f->logits + (size_t)j * v;

		if (edit_set_touches(p->edits, -1, SITE_logits))
			edit_set_apply(p->edits, -1, SITE_logits, f->hp, logits, p->pos0 + row0 + j, p->n_prompt,
			    p->steps ? p->steps[row0 + j]->receipts : NULL, f->spare_logits);
		if (p->steps)
			read_logits(f, p, row0 + j, logits);
	}
	return f->logits;
}

const float *forward_lens(struct forward *f, const float *resid, int n)
{
	size_t d = (size_t)f->hp->d_model;
	struct product head = { f->lm_head, NULL, f->logits, (size_t)f->hp->n_vocab };

	for (int j = 0; j < n; j++)
		norm(f, f->lens + (size_t)j * d, resid + (size_t)j * d, f->layers.final_norm, f->layers.final_norm_b);
	acts_set(&f->acts, f->lens, d, n, (int)d);
	matmul_run(f->mm, &f->acts, &head, 1);
	return f->logits;
}
