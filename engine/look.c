#include "engine/look.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/session_state.h"

static atomic_int *refs(const struct look *k)
{
	return &((struct look *)(uintptr_t)k)->refs;
}

const struct look *look_ref(const struct look *k)
{
	atomic_fetch_add_explicit(refs(k), 1, memory_order_relaxed);
	return k;
}

void look_unref(const struct look *k)
{
	if (!k || atomic_fetch_sub_explicit(refs(k), 1, memory_order_acq_rel) != 1)
		return;
	free(k->attention);
	free(k->neurons);
	free(k->lens);
	free(k->site);
	free((void *)(uintptr_t)k);
}

/* The text a position is seen on: that of now, or one that was left. */
struct line {
	const int32_t *tokens;
	int n_prompt;
};

/* Floats of the keys and values of n positions. */
static size_t row_floats(const struct session *s, int n)
{
	const struct hparams *hp = &s->m->hp;

	return (size_t)hp->n_layers * 2 * (size_t)hp->n_kv_heads * (size_t)hp->d_head * (size_t)n;
}

/* The rows of positions [pos, pos + n) in all layers, so that they can be put back. */
static bool exchange_rows(struct session *s, int pos, int n, float *saved, bool back, struct err *e)
{
	return s->backend.def->rows(s->backend.state, pos, n, saved, back, e);
}

static const struct edit_set *held_set(const struct session *s, uint32_t revision)
{
	for (int i = s->n_sets; i-- > 0;)
		if (edit_set_revision(s->sets[i]) == revision)
			return s->sets[i];
	return NULL;
}

static const struct edit_set *set_of(const struct session *s, uint32_t revision)
{
	const struct edit_set *set = held_set(s, revision);

	return set ? set : s->edits;
}

/* Work is counted in positions read; a layer of the lens is about a quarter of one. */
struct toil {
	double done, of;
};
static const double lens_layer = 0.25;

/* So much more is done.  False when it was called off. */
static bool go_on(struct session *s, struct toil *t, double more, struct err *e)
{
	struct look_watch *w = s->opt.watch;

	t->done += more;
	if (!w)
		return true;
	atomic_store(&w->done, (float)(t->done / t->of));
	return !atomic_load(&w->stop) || err_set(e, ERR_INTERRUPTED, "called off");
}

static bool pass(struct session *s, const struct line *ln, int pos, int m, const struct edit_set *edits,
    const struct capture *c, struct pass *p, struct err *e)
{
	*p = (struct pass){ .tokens = ln->tokens + pos, .m = m, .pos0 = pos, .n_prompt = ln->n_prompt, .edits = edits,
		.capture = c };
	return s->backend.def->run(s->backend.state, p, e);
}

/* Runs the position once more under `edits`; the cache ends as it was. */
static bool again(struct session *s, const struct line *ln, int pos, const struct edit_set *edits,
    const struct capture *c, float *logits, struct err *e)
{
	float *saved = mem_array(row_floats(s, 1), sizeof *saved);
	struct pass p;
	bool ok = exchange_rows(s, pos, 1, saved, false, e) && pass(s, ln, pos, 1, edits, c, &p, e);
	const float *found = ok && logits ? s->backend.def->logits(s->backend.state, &p, 0, 1, e) : NULL;

	if (found)
		memcpy(logits, found, (size_t)s->m->hp.n_vocab * sizeof *logits);
	ok = ok && (found || !logits) && exchange_rows(s, pos, 1, saved, true, e);
	free(saved);
	s->last_logits = NULL;
	return ok;
}

/* A line that was left, put into the cache for as long as it is looked at. */
struct journey {
	int32_t *tokens;        /* [pos + 1] */
	int from, n;            /* positions that are not those of now, but for the last */
	float *saved;
};

/* Reads [from, pos) of the line again: what was generated one by one, as it was, so
 * that the same bits come; a prompt in pieces, which may not be those of then. */
static bool read_past(struct session *s, const struct look_request *what, const struct line *ln, int from,
    struct toil *toil, struct err *e)
{
	struct pass p;

	for (int i = from, m; i < what->pos; i += m) {
		uint32_t edits = what->past[i].edits;
		const struct edit_set *set = held_set(s, edits);
		int most = i < ln->n_prompt ? s->opt.piece : 1;

		for (m = 1; m < most && i + m < what->pos && i + m < ln->n_prompt && what->past[i + m].edits == edits;)
			m++;
		m = edit_set_span(set, i, m, ln->n_prompt);
		if (!pass(s, ln, i, m, set, NULL, &p, e) || !go_on(s, toil, m, e))
			return false;
	}
	return true;
}

static bool travel(struct session *s, const struct look_request *what, struct journey *j, struct line *ln,
    struct toil *toil, struct err *e)
{
	int n = what->pos + 1;

	for (int i = 0; i < n; i++)
		if (!held_set(s, what->past[i].edits))
			return err_set(e, ERR_USAGE, "the edits of step %d are no longer there", what->past[i].step);
		else if (what->past[i].token < 0 || what->past[i].token >= s->m->hp.n_vocab)
			return err_set(e, ERR_USAGE, "token %d is not in the vocabulary", what->past[i].token);
	while (j->from < n - 1 && j->from < s->n_read && s->history[j->from] &&
	    s->history[j->from]->index == what->past[j->from].step)
		j->from++;
	j->n = n - 1 - j->from;
	if (j->n && !(j->saved = mem_big(row_floats(s, j->n), sizeof *j->saved,
	    "the cache of the text of now", e)))
		return false;
	j->tokens = mem_array((size_t)n, sizeof *j->tokens);
	for (int i = 0; i < n; i++)
		j->tokens[i] = what->past[i].token;
	*ln = (struct line){ j->tokens, what->n_prompt };
	if (j->n && !exchange_rows(s, j->from, j->n, j->saved, false, e)) {
		mem_big_free(j->saved);
		j->saved = NULL;
		return false;
	}
	toil->of += what->pos - j->from;
	return read_past(s, what, ln, j->from, toil, e);
}

static bool come_back(struct session *s, struct journey *j, struct err *e)
{
	bool ok = !j->saved || exchange_rows(s, j->from, j->n, j->saved, true, e);

	mem_big_free(j->saved);
	free(j->tokens);
	return ok;
}

static void best_few(const float *logits, int n, float lse, struct look_candidate top[LOOK_TOP])
{
	int found = 0;

	for (int v = 0; v < n; v++) {
		int at = found < LOOK_TOP ? found : LOOK_TOP - 1;

		if (found == LOOK_TOP && !(logits[v] > top[at].p))
			continue;
		for (; at > 0 && logits[v] > top[at - 1].p; at--)
			top[at] = top[at - 1];
		top[at] = (struct look_candidate){ v, logits[v] };
		found += found < LOOK_TOP;
	}
	for (int i = 0; i < LOOK_TOP; i++)
		top[i] = i < found ? (struct look_candidate){ top[i].id, expf(top[i].p - lse) } :
		    (struct look_candidate){ -1, NAN };
}

/* KL(p || q) of two sets of logits, nats. */
static double divergence(const float *p, float p_lse, const float *q, float q_lse, int n)
{
	double sum = 0;

	for (int v = 0; v < n; v++) {
		double lp = (double)p[v] - (double)p_lse;

		if (lp > -60)
			sum += exp(lp) * (lp - ((double)q[v] - (double)q_lse));
	}
	return sum > 0 || isnan(sum) ? sum : 0;
}

static double jensen_shannon(const float *p, float p_lse, const float *q, float q_lse, int n)
{
	double sum = 0;

	for (int v = 0; v < n; v++) {
		double a = exp((double)p[v] - (double)p_lse), b = exp((double)q[v] - (double)q_lse), m = (a + b) / 2;

		if (a > 0)
			sum += a * log(a / m) / 2;
		if (b > 0)
			sum += b * log(b / m) / 2;
	}
	return sum > 0 || isnan(sum) ? sum : 0;
}

static bool read_layers(struct session *s, struct look *k, const float *resid, const float *final, float final_lse,
    struct toil *toil, struct err *e)
{
	int n_vocab = s->m->hp.n_vocab, n = k->n_layers, last = -1;

	for (int l = 0, m; l < n; l += m) {
		m = n - l < FORWARD_LOGITS ? n - l : FORWARD_LOGITS;
		const float *logits = s->backend.def->lens(s->backend.state, resid + (size_t)l * (size_t)s->m->hp.d_model, m, e);

		if (!logits)
			return false;
		for (int i = 0; i < m; i++) {
			const float *row = logits + (size_t)i * (size_t)n_vocab;
			struct look_layer *out = &k->lens[l + i];

			kernels()->softmax_stats(row, (size_t)n_vocab, &out->softmax);
			best_few(row, n_vocab, out->softmax.lse, out->top);
			out->kl = (float)divergence(final, final_lse, row, out->softmax.lse, n_vocab);
		}
		if (!go_on(s, toil, m * lens_layer, e))
			return false;
	}
	k->settled = n;
	for (int l = n; l-- > 0 && (last < 0 || k->lens[l].top[0].id == last); last = k->lens[l].top[0].id)
		k->settled = l;
	return true;
}

static bool compare(struct session *s, struct look *k, const struct line *ln, const float *edited, float edited_lse,
    struct err *e)
{
	int n = s->m->hp.n_vocab;
	const struct edit_set *none = edit_set_empty();
	float *plain = mem_array((size_t)n, sizeof *plain);
	struct softmax_stats st;
	struct look_candidate top[LOOK_TOP];

	bool ok = again(s, ln, k->asked.pos, none, NULL, plain, e);

	edit_set_unref(none);
	if (!ok) {
		free(plain);
		return false;
	}
	kernels()->softmax_stats(plain, (size_t)n, &st);
	k->jsd = (float)jensen_shannon(edited, edited_lse, plain, st.lse, n);
	k->kl = (float)divergence(edited, edited_lse, plain, st.lse, n);
	best_few(edited, n, edited_lse, top);
	k->best[0] = top[0].id;
	k->best_p[0] = top[0].p;
	best_few(plain, n, st.lse, top);
	k->best[1] = top[0].id;
	k->best_p[1] = top[0].p;
	for (int i = 0; i < k->asked.n_track; i++) {
		k->tracked[i][0] = edited[k->asked.track[i]] - edited_lse;
		k->tracked[i][1] = plain[k->asked.track[i]] - st.lse;
	}
	free(plain);
	return true;
}

static struct look *look_new(const struct session *s, const struct look_request *what)
{
	const struct hparams *hp = &s->m->hp;
	struct look *k = mem_zalloc(sizeof *k);

	atomic_init(&k->refs, 1);
	k->asked = *what;
	k->asked.past = NULL;   /* the asker's */
	k->step = what->past ? what->past[what->pos].step : s->history[what->pos] ? s->history[what->pos]->index : -1;
	k->edits = what->past ? what->past[what->pos].edits : s->history[what->pos] ? s->history[what->pos]->edits :
	    edit_set_revision(s->edits);
	k->n_layers = hp->n_layers;
	k->n_heads = hp->n_heads;
	k->d_ff = hp->d_ff;
	k->n_keys = what->pos + 1;
	k->jsd = k->kl = NAN;
	k->neuron = (struct look_neuron){ NAN, NAN, NAN };
	k->best[0] = k->best[1] = -1;
	if (what->what & LOOK_ATTENTION)
		k->attention = mem_array((size_t)hp->n_heads * (size_t)k->n_keys, sizeof *k->attention);
	if (what->what & LOOK_NEURONS)
		k->neurons = mem_array((size_t)hp->n_layers * (size_t)hp->d_ff, sizeof *k->neurons);
	if (what->what & LOOK_LENS)
		k->lens = mem_array((size_t)hp->n_layers, sizeof *k->lens);
	if (what->what & LOOK_SITE) {
		k->n_site = site_width(what->at.site, hp);
		k->site = mem_array((size_t)k->n_site, sizeof *k->site);
	}
	return k;
}

static bool check_place(const struct session *s, const struct look_request *what, struct err *e)
{
	if (what->past)
		return (what->pos >= 0 && what->pos < s->n_ctx) || err_set(e, ERR_USAGE, "the context has positions 0 to %d, "
		    "not %d", s->n_ctx - 1, what->pos);
	if (what->pos < 0 || what->pos >= s->n_read)
		return err_set(e, ERR_USAGE, "position %d has not been read; positions 0 to %d have", what->pos,
		    s->n_read - 1);
	if (what->step >= 0 && s->history[what->pos] && s->history[what->pos]->index != what->step)
		return err_set(e, ERR_USAGE, "step %d is on a branch that was left", what->step);
	return true;
}

static bool check(const struct session *s, const struct look_request *what, struct err *e)
{
	const struct hparams *hp = &s->m->hp;

	if (!check_place(s, what, e))
		return false;
	if ((what->what & LOOK_ATTENTION) && (what->layer < 0 || what->layer >= hp->n_layers))
		return err_set(e, ERR_USAGE, "the model has layers 0 to %d, not %d", hp->n_layers - 1, what->layer);
	if ((what->what & LOOK_SITE) && (site_width(what->at.site, hp) == 0 || what->at.site == SITE_temp ||
	    what->at.layer == EVERY_LAYER))
		return err_set(e, ERR_USAGE, "%s cannot be copied", what->at.layer == EVERY_LAYER ? "more than one layer" :
		    sites[what->at.site].text);
	if ((what->what & LOOK_NEURON) && (what->at.layer < 0 || what->at.layer >= hp->n_layers || what->at.index < 0 ||
	    what->at.index >= hp->d_ff))
		return err_set(e, ERR_USAGE, "the model has layers 0 to %d of neurons 0 to %d, not L%d.mlp[%d]",
		    hp->n_layers - 1, hp->d_ff - 1, what->at.layer, what->at.index);
	if (what->n_track < 0 || what->n_track > LOOK_TRACK)
		return err_set(e, ERR_USAGE, "at most %d tokens are tracked", LOOK_TRACK);
	for (int i = 0; i < what->n_track; i++)
		if (what->track[i] < 0 || what->track[i] >= hp->n_vocab)
			return err_set(e, ERR_USAGE, "token %d is not in the vocabulary", what->track[i]);
	return true;
}

/* What was asked for, into `k'.  False when it was called off, or a device failed. */
static bool fill(struct session *s, const struct look_request *what, const struct line *ln, struct look *k,
    struct toil *toil, struct err *e)
{
	const struct hparams *hp = &s->m->hp;
	size_t n = (size_t)hp->n_vocab;
	float *resid = k->lens ? mem_array((size_t)hp->n_layers * (size_t)hp->d_model, sizeof *resid) : NULL;
	bool copies_logits = (what->what & LOOK_SITE) && what->at.site == SITE_logits, ok;
	float *logits = what->what & (LOOK_LENS | LOOK_COMPARE) || copies_logits ? mem_array(n, sizeof *logits) : NULL;
	struct softmax_stats st = { 0 };

	ok = again(s, ln, what->pos, set_of(s, k->edits), &(struct capture){ .attention_layer = what->layer,
	    .attention = k->attention, .neurons = k->neurons, .resid = resid, .site = what->at.site,
	    .layer = what->at.layer, .values = k->site, .index = what->at.index,
	    .neuron = what->what & LOOK_NEURON ? &k->neuron : NULL }, logits, e) && go_on(s, toil, 1, e);
	if (ok && logits)
		kernels()->softmax_stats(logits, n, &st);
	if (ok && copies_logits)
		memcpy(k->site, logits, n * sizeof *logits);
	ok = ok && (!k->lens || read_layers(s, k, resid, logits, st.lse, toil, e));
	if (ok && what->what & LOOK_COMPARE)
		ok = compare(s, k, ln, logits, st.lse, e);
	free(logits);
	free(resid);
	return ok;
}

static bool look(struct session *s, const struct look_request *what, const struct look **out, struct err *e)
{
	struct line ln = { s->tokens, s->n_prompt };
	struct journey j = { .from = 0 };
	struct toil toil = { .of = 1 + (what->what & LOOK_LENS ? s->m->hp.n_layers * lens_layer : 0) +
		(what->what & LOOK_COMPARE ? 1 : 0) };
	struct look *k = NULL;
	struct err later;
	bool ok = !what->past || travel(s, what, &j, &ln, &toil, e);

	if (ok) {
		k = look_new(s, what);
		ok = fill(s, what, &ln, k, &toil, e);
	}
	/* The first failure is the one to tell. */
	ok = come_back(s, &j, ok ? e : &later) && ok;
	if (!ok)
		look_unref(k);
	else
		*out = k;
	return ok;
}

bool session_look(struct session *s, const struct look_request *what, const struct look **out, struct err *e)
{
	struct look_watch *w = s->opt.watch;
	bool ok;

	if (!check(s, what, e))
		return false;
	if (w) {
		atomic_store(&w->done, 0);
		atomic_store(&w->works, true);
	}
	ok = look(s, what, out, e);
	if (w)
		atomic_store(&w->works, false);
	return ok;
}
