#include "analysis/lockstep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/distrib.h"
#include "analysis/lens.h"
#include "engine/base/mem.h"

struct run {
	struct lockstep *k;
	const struct lockstep_options *opt;
	struct reader *reader[2];
	struct probe_plan *plan[2];
	struct step *steps[2][READER_PIECE];
	float *resid;           /* [n_layers][READER_PIECE][d_model] of the base */
	double *err_sq, *ref_sq, *cosine, *entropy;     /* [n_layers] sums */
	double *p[2];           /* [n_vocab] */
	size_t at;              /* first token of the piece */
};

static bool same(const char *what, int a, int b, struct err *e)
{
	return a == b || err_set(e, ERR_UNSUPPORTED, "the models differ in %s (%d and %d): no lockstep", what, a, b);
}

static bool same_shape(const struct model *a, const struct model *b, struct err *e)
{
	const struct hparams *p = &a->hp, *q = &b->hp;

	return same("layers", p->n_layers, q->n_layers, e) && same("d_model", p->d_model, q->d_model, e) &&
	    same("heads", p->n_heads, q->n_heads, e) && same("vocabulary", p->n_vocab, q->n_vocab, e);
}

static void keep_base(void *to, enum place place, int layer, const float *x, int m, int width)
{
	struct run *r = to;

	if (place == PLACE_RESID)
		memcpy(r->resid + (size_t)layer * READER_PIECE * (size_t)width, x, (size_t)m * (size_t)width * sizeof *x);
}

/* One position behind one layer. */
static void compare_resid(struct run *r, int layer, size_t token, const float *a, const float *b, int n)
{
	struct lockstep_layer *ly = &r->k->layers[layer];
	double err = 0, aa = 0, bb = 0, ab = 0, drift;

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
	r->cosine[layer] += err > 0 && aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 1;
	r->k->drift[token * (size_t)r->k->n_layers + (size_t)layer] = (float)drift;
	if (drift > ly->worst) {
		ly->worst = drift;
		ly->worst_at = (int)token;
	}
}

static void compare_other(void *to, enum place place, int layer, const float *x, int m, int width)
{
	struct run *r = to;
	const float *base = r->resid + (size_t)layer * READER_PIECE * (size_t)width;

	for (int j = 0; place == PLACE_RESID && j < m; j++)
		compare_resid(r, layer, r->at + (size_t)j, base + (size_t)j * (size_t)width, x + (size_t)j * (size_t)width,
		    width);
}

static void compare_entropies(struct run *r, int m)
{
	size_t layers = (size_t)r->k->n_layers, heads = (size_t)r->opt->base->hp.n_heads;

	for (int j = 0; j < m; j++) {
		const float *a = step_values(r->steps[0][j], 0), *b = step_values(r->steps[1][j], 0);

		for (size_t i = 0; i < layers * heads; i++)
			r->entropy[i / heads] += fabs((double)b[i] - (double)a[i]) / (double)heads;
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

static void compare_outputs(struct run *r, size_t token, const float *a, const float *b, bool predicts)
{
	struct lockstep_token *t = &r->k->tokens[token];
	const float *logits[2] = { a, b };
	size_t v = (size_t)r->opt->base->hp.n_vocab;

	for (int i = 0; i < 2; i++) {
		distrib_softmax(logits[i], v, r->p[i]);
		t->best[i] = likeliest(logits[i], v);
		t->nll[i] = predicts ? distrib_lse(logits[i], v) - (double)logits[i][r->opt->tokens[token + 1]] : (double)NAN;
	}
	t->kl = fmax(0, distrib_kl(r->p[0], r->p[1], v));
	t->jsd = fmax(0, distrib_jsd(r->p[0], r->p[1], v));
}

static void read_piece(struct run *r, int m, int pos)
{
	const struct lockstep_options *o = r->opt;
	const int32_t *tokens = o->tokens + r->at;
	struct onlooker look[2] = { { keep_base, r }, { compare_other, r } };

	for (int i = 0; i < 2; i++) {
		for (int j = 0; j < m; j++)
			r->steps[i][j] = step_new(r->plan[i]);
		reader_read(r->reader[i], tokens, m, pos, &look[i], r->steps[i]);
	}
	for (int j = 0, n; j < m; j += n) {
		n = m - j < FORWARD_LOGITS ? m - j : FORWARD_LOGITS;
		const float *a = reader_logits(r->reader[0], j, n), *b = reader_logits(r->reader[1], j, n);
		size_t v = (size_t)o->base->hp.n_vocab;

		for (int i = 0; i < n; i++) {
			size_t token = r->at + (size_t)(j + i);

			compare_outputs(r, token, a + (size_t)i * v, b + (size_t)i * v,
			    token + 1 < o->n && pos + j + i + 1 < o->n_ctx);
		}
	}
	compare_entropies(r, m);
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < m; j++)
			step_unref(r->steps[i][j]);
}

static bool read_all(struct run *r, struct err *e)
{
	const struct lockstep_options *o = r->opt;
	int pos = 0, m;

	for (r->at = 0; r->at < o->n; r->at += (size_t)m) {
		size_t left = o->n - r->at;

		m = o->n_ctx - pos < READER_PIECE ? o->n_ctx - pos : READER_PIECE;
		m = left < (size_t)m ? (int)left : m;
		if (o->stop && atomic_load_explicit(o->stop, memory_order_relaxed))
			return err_set(e, ERR_INTERRUPTED, "%s", "");
		if (o->progress)
			o->progress(o->to, r->at, o->n);
		read_piece(r, m, pos);
		pos = pos + m < o->n_ctx ? pos + m : 0;
	}
	return true;
}

static void find_first(struct lockstep *k, double threshold)
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

static void finish(struct run *r)
{
	struct lockstep *k = r->k;
	double n = (double)k->n, nll[2] = {0};

	for (int l = 0; l < k->n_layers; l++) {
		k->layers[l].drift = r->ref_sq[l] > 0 ? sqrt(r->err_sq[l] / r->ref_sq[l]) : 0;
		k->layers[l].cosine = r->cosine[l] / n;
		k->layers[l].entropy = r->entropy[l] / n;
	}
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
	find_first(k, r->opt->threshold);
}

static bool prepare(struct run *r, struct err *e)
{
	const struct lockstep_options *o = r->opt;
	const struct probe *probe = &lenses[LENS_attn_entropy]->probe;
	const struct model *models[2] = { o->base, o->other };
	size_t layers = (size_t)o->base->hp.n_layers;

	r->k->n = o->n;
	r->k->n_layers = (int)layers;
	r->k->layers = mem_array(layers, sizeof *r->k->layers);
	r->k->tokens = mem_array(o->n, sizeof *r->k->tokens);
	r->err_sq = mem_array(layers, sizeof *r->err_sq);
	r->ref_sq = mem_array(layers, sizeof *r->ref_sq);
	r->cosine = mem_array(layers, sizeof *r->cosine);
	r->entropy = mem_array(layers, sizeof *r->entropy);
	if (!(r->k->drift = mem_big(o->n * layers, sizeof(float), "drift of every position", e)) ||
	    !(r->resid = mem_big(layers * READER_PIECE, (size_t)o->base->hp.d_model * sizeof(float),
	    "a piece of the residual stream", e)))
		return false;
	for (int i = 0; i < 2; i++) {
		r->p[i] = mem_array((size_t)o->base->hp.n_vocab, sizeof(double));
		r->plan[i] = probe_plan_new(&probe, 1, &models[i]->hp);
		if (!(r->reader[i] = reader_new(models[i], o->pool, o->exact, o->n_ctx, r->plan[i], e)))
			return false;
	}
	return true;
}

bool lockstep_run(struct lockstep *k, const struct lockstep_options *opt, struct err *e)
{
	struct run r = { .k = k, .opt = opt };
	bool ok;

	*k = (struct lockstep){ .first_token = -1, .first_layer = -1 };
	ok = same_shape(opt->base, opt->other, e) && prepare(&r, e) && read_all(&r, e);
	if (ok)
		finish(&r);
	else
		lockstep_free(k);
	for (int i = 0; i < 2; i++) {
		reader_free(r.reader[i]);
		probe_plan_free(r.plan[i]);
		free(r.p[i]);
	}
	mem_big_free(r.resid);
	free(r.err_sq);
	free(r.ref_sq);
	free(r.cosine);
	free(r.entropy);
	return ok;
}

void lockstep_free(struct lockstep *k)
{
	free(k->layers);
	free(k->tokens);
	mem_big_free(k->drift);
	*k = (struct lockstep){ .first_token = -1, .first_layer = -1 };
}
