#include "analysis/lockstep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/distrib.h"
#include "analysis/lens.h"
#include "engine/base/mem.h"

struct lockstepper {
	struct lockstep k;
	struct lockstep_options o;
	struct reader *reader[2];
	struct probe_plan *plan[2];
	struct step *steps[2][READER_PIECE];
	float *resid;           /* [n_layers][READER_PIECE][d_model] of the base */
	double *err_sq, *ref_sq, *cosine, *entropy;     /* [n_layers] sums */
	double *p[2];           /* [n_vocab] */
	float *last[2];         /* [n_vocab] logits of the last position */
	bool has_last;          /* whose next token is still to come */
	int pos;                /* in the context */
};

static bool same(const char *what, int a, int b, struct err *e)
{
	return a == b || err_set(e, ERR_UNSUPPORTED, "the models differ in %s (%d and %d): no lockstep", what, a, b);
}

/* Token by token: numbers that mean other words cannot be compared. */
static bool same_words(const struct model *a, const struct model *b, struct err *e)
{
	for (int i = 0; a->vocab != b->vocab && i < a->hp.n_vocab; i++) {
		size_t n[2];
		const char *s[2] = { vocab_bytes(a->vocab, i, &n[0]), vocab_bytes(b->vocab, i, &n[1]) };

		if (n[0] != n[1] || memcmp(s[0], s[1], n[0]) != 0)
			return err_set(e, ERR_UNSUPPORTED, "the models have other vocabularies: token %d is \"%.*s\" in one and "
			    "\"%.*s\" in the other: no lockstep", i, n[0] < 20 ? (int)n[0] : 20, s[0], n[1] < 20 ? (int)n[1] : 20, s[1]);
	}
	return true;
}

static bool same_shape(const struct model *a, const struct model *b, struct err *e)
{
	const struct hparams *p = &a->hp, *q = &b->hp;

	return same("layers", p->n_layers, q->n_layers, e) && same("d_model", p->d_model, q->d_model, e) &&
	    same("heads", p->n_heads, q->n_heads, e) && same("vocabulary", p->n_vocab, q->n_vocab, e) &&
	    same_words(a, b, e);
}

static void keep_base(void *to, enum place place, int layer, const float *x, int m, int width)
{
	struct lockstepper *r = to;

	if (place == PLACE_RESID)
		memcpy(r->resid + (size_t)layer * READER_PIECE * (size_t)width, x, (size_t)m * (size_t)width * sizeof *x);
}

/* One position behind one layer. */
static void compare_resid(struct lockstepper *r, int layer, size_t token, const float *a, const float *b, int n)
{
	struct lockstep_layer *ly = &r->k.layers[layer];
	size_t at = token * (size_t)r->k.n_layers + (size_t)layer;
	double err = 0, aa = 0, bb = 0, ab = 0, drift, cosine;

	for (int i = 0; i < n; i++) {
		double x = (double)a[i], y = (double)b[i];

		err += (y - x) * (y - x);
		aa += x * x;
		bb += y * y;
		ab += x * y;
	}
	drift = aa > 0 ? sqrt(err / aa) : err > 0 ? (double)INFINITY : 0;
	r->err_sq[layer] += err;
	r->ref_sq[layer] += aa;
	/* Rounding must not make a model differ from itself. */
	cosine = err > 0 && aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 1;
	r->cosine[layer] += cosine;
	r->k.drift[at] = (float)drift;
	r->k.cosine[at] = (float)cosine;
	if (drift > ly->worst) {
		ly->worst = drift;
		ly->worst_at = (int)token;
	}
}

static void compare_other(void *to, enum place place, int layer, const float *x, int m, int width)
{
	struct lockstepper *r = to;
	const float *base = r->resid + (size_t)layer * READER_PIECE * (size_t)width;

	for (int j = 0; place == PLACE_RESID && j < m; j++)
		compare_resid(r, layer, r->k.n + (size_t)j, base + (size_t)j * (size_t)width, x + (size_t)j * (size_t)width,
		    width);
}

static void compare_entropies(struct lockstepper *r, int m)
{
	size_t layers = (size_t)r->k.n_layers, heads = (size_t)r->o.base->hp.n_heads;

	for (int j = 0; j < m; j++) {
		const float *a = step_values(r->steps[0][j], 0), *b = step_values(r->steps[1][j], 0);

		for (size_t l = 0; l < layers; l++) {
			double sum = 0;

			for (size_t i = l * heads; i < (l + 1) * heads; i++)
				sum += fabs((double)b[i] - (double)a[i]) / (double)heads;
			r->entropy[l] += sum;
			r->k.entropy[(r->k.n + (size_t)j) * layers + l] = (float)sum;
		}
	}
}

static int32_t likeliest(const float *logits, size_t n)
{
	size_t best = 0;

	for (size_t i = 1; i < n; i++)
		if (logits[i] > logits[best])
			best = i;
	return (int32_t)best;
}

static void compare_outputs(struct lockstepper *r, size_t token, const float *a, const float *b)
{
	struct lockstep_token *t = &r->k.tokens[token];
	const float *logits[2] = { a, b };
	size_t v = (size_t)r->o.base->hp.n_vocab;

	for (int i = 0; i < 2; i++) {
		distrib_softmax(logits[i], v, r->p[i]);
		t->best[i] = likeliest(logits[i], v);
		t->nll[i] = (double)NAN;
		memcpy(r->last[i], logits[i], v * sizeof *r->last[i]);
	}
	t->kl = fmax(0, distrib_kl(r->p[0], r->p[1], v));
	t->jsd = fmax(0, distrib_jsd(r->p[0], r->p[1], v));
}

/* What the position before gave the token that came. */
static void next_is(struct lockstepper *r, size_t token, int32_t id)
{
	size_t v = (size_t)r->o.base->hp.n_vocab;

	for (int i = 0; r->has_last && i < 2; i++)
		r->k.tokens[token - 1].nll[i] = distrib_lse(r->last[i], v) - (double)r->last[i][id];
}

static void read_piece(struct lockstepper *r, const int32_t *tokens, int m)
{
	struct onlooker look[2] = { { keep_base, r }, { compare_other, r } };
	size_t v = (size_t)r->o.base->hp.n_vocab;

	for (int i = 0; i < 2; i++) {
		for (int j = 0; j < m; j++)
			r->steps[i][j] = step_new_room(r->plan[i], i && r->o.edits ? edit_set_n(r->o.edits) : 0);
		reader_read(r->reader[i], tokens, m, r->pos, &look[i], r->steps[i]);
	}
	for (int j = 0, n; j < m; j += n) {
		n = m - j < FORWARD_LOGITS ? m - j : FORWARD_LOGITS;
		const float *a = reader_logits(r->reader[0], j, n), *b = reader_logits(r->reader[1], j, n);

		for (int i = 0; i < n; i++) {
			next_is(r, r->k.n + (size_t)(j + i), tokens[j + i]);
			compare_outputs(r, r->k.n + (size_t)(j + i), a + (size_t)i * v, b + (size_t)i * v);
			r->has_last = true;
		}
	}
	compare_entropies(r, m);
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < m; j++)
			step_unref(r->steps[i][j]);
	r->k.n += (size_t)m;
	r->pos += m;
}

bool lockstepper_read(struct lockstepper *r, const int32_t *tokens, size_t n, struct err *e)
{
	const struct lockstep_options *o = &r->o;

	if (n > o->n - r->k.n)
		return err_set(e, ERR_RUN, "lockstep has room for %zu positions", o->n);
	for (size_t at = 0; at < n;) {
		int m;

		if (o->stop && atomic_load_explicit(o->stop, memory_order_relaxed))
			return err_set(e, ERR_INTERRUPTED, "%s", "");
		if (o->progress)
			o->progress(o->to, at, n);
		if (r->pos == o->n_ctx) {       /* a full context predicts nothing */
			r->pos = 0;
			r->has_last = false;
		}
		m = o->n_ctx - r->pos < READER_PIECE ? o->n_ctx - r->pos : READER_PIECE;
		m = n - at < (size_t)m ? (int)(n - at) : m;
		m = o->edits ? edit_set_span(o->edits, r->pos, m, o->n_prompt) : m;
		read_piece(r, tokens + at, m);
		at += (size_t)m;
	}
	return true;
}

void lockstep_first(struct lockstep *k, double threshold)
{
	size_t layers = (size_t)k->n_layers;

	k->first_token = -1;
	k->first_layer = -1;
	for (size_t i = 0; i < k->n * layers; i++)
		if ((double)k->drift[i] > threshold) {
			k->first_token = (long)(i / layers);
			k->first_layer = (int)(i % layers);
			return;
		}
}

static void sum_tokens(struct lockstep *k)
{
	double n = (double)k->n, nll[2] = {0};

	k->kl = k->kl_max = k->jsd = k->agreement = 0;
	k->n_predicted = 0;
	for (size_t i = 0; i < k->n; i++) {
		const struct lockstep_token *t = &k->tokens[i];

		k->kl += t->kl / n;
		k->jsd += t->jsd / n;
		k->kl_max = t->kl > k->kl_max ? t->kl : k->kl_max;
		k->agreement += (t->best[0] == t->best[1]) / n;
		if (isnan(t->nll[0]))
			continue;
		nll[0] += t->nll[0];
		nll[1] += t->nll[1];
		k->n_predicted++;
	}
	for (int i = 0; i < 2; i++)
		k->perplexity[i] = k->n_predicted ? exp(nll[i] / (double)k->n_predicted) : (double)NAN;
}

const struct lockstep *lockstepper_result(struct lockstepper *r)
{
	struct lockstep *k = &r->k;

	for (int l = 0; l < k->n_layers; l++) {
		k->layers[l].drift = r->ref_sq[l] > 0 ? sqrt(r->err_sq[l] / r->ref_sq[l]) : 0;
		k->layers[l].cosine = k->n ? r->cosine[l] / (double)k->n : 1;
		k->layers[l].entropy = k->n ? r->entropy[l] / (double)k->n : 0;
	}
	sum_tokens(k);
	lockstep_first(k, r->o.threshold);
	return k;
}

static bool make_room(struct lockstep *k, size_t n, int n_layers, struct err *e)
{
	size_t layers = (size_t)n_layers;

	k->n_layers = n_layers;
	k->layers = mem_array(layers, sizeof *k->layers);
	return (k->tokens = mem_big(n, sizeof *k->tokens, "distances of every position", e)) &&
	    (k->drift = mem_big(n * layers, sizeof(float), "drift of every position", e)) &&
	    (k->cosine = mem_big(n * layers, sizeof(float), "cosine of every position", e)) &&
	    (k->entropy = mem_big(n * layers, sizeof(float), "attention entropy of every position", e));
}

static bool prepare(struct lockstepper *r, struct err *e)
{
	const struct lockstep_options *o = &r->o;
	const struct probe *probe = &lenses[LENS_attn_entropy]->probe;
	const struct model *models[2] = { o->base, o->other };
	size_t layers = (size_t)o->base->hp.n_layers, v = (size_t)o->base->hp.n_vocab;

	r->err_sq = mem_array(layers, sizeof *r->err_sq);
	r->ref_sq = mem_array(layers, sizeof *r->ref_sq);
	r->cosine = mem_array(layers, sizeof *r->cosine);
	r->entropy = mem_array(layers, sizeof *r->entropy);
	if (!make_room(&r->k, o->n, (int)layers, e) || !(r->resid = mem_big(layers * READER_PIECE,
	    (size_t)o->base->hp.d_model * sizeof(float), "a piece of the residual stream", e)))
		return false;
	for (int i = 0; i < 2; i++) {
		r->p[i] = mem_array(v, sizeof(double));
		r->last[i] = mem_array(v, sizeof(float));
		r->plan[i] = probe_plan_new(&probe, 1, &models[i]->hp);
		if (!(r->reader[i] = reader_new(models[i], o->pool, o->exact, o->n_ctx, r->plan[i], e)))
			return false;
	}
	if (o->edits)
		reader_edits(r->reader[1], o->edits, o->n_prompt);
	return true;
}

struct lockstepper *lockstepper_new(const struct lockstep_options *opt, struct err *e)
{
	struct lockstepper *r = mem_zalloc(sizeof *r);

	r->o = *opt;
	r->k.first_token = r->k.first_layer = -1;
	if (same_shape(opt->base, opt->other, e) && prepare(r, e))
		return r;
	lockstepper_free(r);
	return NULL;
}

void lockstepper_free(struct lockstepper *r)
{
	if (!r)
		return;
	for (int i = 0; i < 2; i++) {
		reader_free(r->reader[i]);
		probe_plan_free(r->plan[i]);
		free(r->p[i]);
		free(r->last[i]);
	}
	lockstep_free(&r->k);
	mem_big_free(r->resid);
	free(r->err_sq);
	free(r->ref_sq);
	free(r->cosine);
	free(r->entropy);
	free(r);
}

bool lockstep_run(struct lockstep *k, const struct lockstep_options *opt, struct err *e)
{
	struct lockstepper *r = lockstepper_new(opt, e);
	bool ok = r && lockstepper_read(r, opt->tokens, opt->n, e);

	*k = (struct lockstep){ .first_token = -1, .first_layer = -1 };
	if (ok) {
		*k = *lockstepper_result(r);
		r->k = (struct lockstep){ .first_token = -1, .first_layer = -1 };
	}
	lockstepper_free(r);
	return ok;
}

bool lockstep_update(struct lockstep *to, const struct lockstep *k, size_t room, struct err *e)
{
	struct lockstep old = *to;
	size_t layers = (size_t)k->n_layers, first = old.n * layers, more = (k->n - old.n) * layers * sizeof(float);

	if (!old.layers && !make_room(&old, room, k->n_layers, e)) {
		lockstep_free(&old);
		return false;
	}
	/* The next token of the last position is known by now. */
	size_t from = old.n ? old.n - 1 : 0;

	memcpy(old.layers, k->layers, layers * sizeof *k->layers);
	memcpy(old.tokens + from, k->tokens + from, (k->n - from) * sizeof *k->tokens);
	memcpy(old.drift + first, k->drift + first, more);
	memcpy(old.cosine + first, k->cosine + first, more);
	memcpy(old.entropy + first, k->entropy + first, more);
	*to = *k;
	to->layers = old.layers;
	to->tokens = old.tokens;
	to->drift = old.drift;
	to->cosine = old.cosine;
	to->entropy = old.entropy;
	return true;
}

void lockstep_free(struct lockstep *k)
{
	free(k->layers);
	mem_big_free(k->tokens);
	mem_big_free(k->drift);
	mem_big_free(k->cosine);
	mem_big_free(k->entropy);
	*k = (struct lockstep){ .first_token = -1, .first_layer = -1 };
}
