/*
 * top-w: a set of tokens that loses little of the distribution as the geometry of
 * the embeddings sees it.  With p the candidates' distribution, among the top_m
 * likeliest, a set S is sought that maximises
 *
 *      J(S) = (1 / G) sum_{i in S} p_i phi_i + (beta - lambda) ln G,   G = sum_{i in S} p_i
 *      phi_i = scale f_i + lambda ln p_i,   f_i = -(1 - max_{j in S} cos(e_i, e_j))
 *
 * For fixed f the best set is a prefix by falling phi; f and S are found in turns,
 * beginning with the shortest prefix by p that holds warm_p of the pool, until S
 * repeats (arXiv:2602.10346, as its authors' program has it).  e are the input
 * embeddings less their mean over the vocabulary, divided by the deviation of each
 * coordinate.  Geometry lifts tokens that are close to the set over likelier ones
 * that are not; with scale 0 the set is a prefix by p, and where beta does not
 * exceed lambda one token.  The defaults keep few tokens.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/candidates.h"
#include "engine/kernels.h"
#include "engine/step.h"
#include "engine/tensor.h"

enum { TOP_M, WARM_P, TURNS, SCALE, LAMBDA, BETA };
enum { SHOW_TURNS, SHOW_WARM, SHOW_FIRST, SHOW_LIFTED };

/* Outlives the chain: a pass over an embedding table is worth keeping (0.1 to 0.5 s for
 * 150,000 rows of 896 in Q8_0, at the first step). */
struct whitening {
	size_t d;               /* 0: not computed yet */
	float f[];              /* mean [d], 1 / deviation [d] */
};

/* Scratch of one step; [m] each, m the size of the pool. */
struct pool {
	size_t m, d;
	double *p, *phi;
	float *nearest;         /* largest cosine to a member */
	int *order;             /* by falling phi */
	bool *in;               /* members of S */
	float *e;               /* [m][d], of length 1 */
	float *member, *other;  /* rows of e, gathered, [m][d] together */
	int *other_of;          /* whose they are */
	float *dots;            /* [m][PANEL_ROWS] */
	void *panel;            /* PANEL_BYTES */
};

static const struct whitening *whitening_of(const struct sampler_context *cx)
{
	const struct tensor *t = cx->tok_embd;
	size_t d = t->cols;
	struct whitening *w = stage_common_room(cx, sizeof *w + 5 * d * sizeof(float) + 2 * d * sizeof(double));

	if (w->d == d)
		return w;
	float *row = w->f + 2 * d;
	/* The sums stand behind, on a multiple of their size. */
	double *sum = (double *)(((uintptr_t)(row + d) + 7) & ~(uintptr_t)7), *sum_sq = sum + d;

	memset(sum, 0, 2 * d * sizeof *sum);
	for (size_t id = 0; id < t->rows; id++) {
		kernels()->dequantize[t->type](tensor_row(t, id), row, d);
		for (size_t i = 0; i < d; i++) {
			sum[i] += (double)row[i];
			sum_sq[i] += (double)row[i] * (double)row[i];
		}
	}
	for (size_t i = 0; i < d; i++) {
		double mean = sum[i] / (double)t->rows, var = sum_sq[i] / (double)t->rows - mean * mean;

		w->f[i] = (float)mean;
		w->f[d + i] = var > 0 ? (float)(1 / sqrt(var)) : 0;
	}
	w->d = d;
	return w;
}

static void white_row(const struct whitening *w, const struct tensor *t, int32_t id, float *e)
{
	double length = 0;

	kernels()->dequantize[t->type](tensor_row(t, (size_t)id), e, w->d);
	for (size_t i = 0; i < w->d; i++)
		e[i] = (e[i] - w->f[i]) * w->f[w->d + i];
	length = sqrt(kernels()->sum_sq(e, w->d));
	for (size_t i = 0; i < w->d; i++)
		e[i] = length > 0 ? (float)((double)e[i] / length) : 0;
}

static void *take(char **at, size_t bytes)
{
	void *p = *at;

	*at += (bytes + 63) & ~(size_t)63;
	return p;
}

/* One room cut in pieces, each on a line of the cache. */
static struct pool pool_open(const struct sampler_context *cx, size_t m, size_t d)
{
	size_t bytes = m * (2 * sizeof(double) + 3 * sizeof(int) + 1) + 2 * m * d * sizeof(float) +
	    m * PANEL_ROWS * sizeof(float) + PANEL_BYTES + 12 * 64;
	uintptr_t start = (uintptr_t)stage_room(cx, bytes);
	char *at = (char *)((start + 63) & ~(uintptr_t)63);
	struct pool w = { .m = m, .d = d };

	w.p = take(&at, m * sizeof *w.p);
	w.phi = take(&at, m * sizeof *w.phi);
	w.nearest = take(&at, m * sizeof *w.nearest);
	w.order = take(&at, m * sizeof *w.order);
	w.other_of = take(&at, m * sizeof *w.other_of);
	w.in = take(&at, m * sizeof *w.in);
	w.e = take(&at, m * d * sizeof *w.e);
	w.member = take(&at, m * d * sizeof *w.member);
	w.dots = take(&at, m * PANEL_ROWS * sizeof *w.dots);
	w.panel = take(&at, PANEL_BYTES);
	return w;
}

/* dots[j][r] = member_r . other_j for the n <= PANEL_ROWS members from `first` on. */
static void multiply(const struct pool *w, size_t first, size_t n, size_t n_other)
{
	const struct kernels *k = kernels();
	struct rows rows = { .row_bytes = w->d * sizeof(float), .n_rows = n };

	for (size_t k0 = 0, kn; k0 < w->d; k0 += kn) {
		kn = w->d - k0 < PANEL_K_F32 ? w->d - k0 : PANEL_K_F32;
		rows.data = (const unsigned char *)(w->member + first * w->d + k0);
		k->fill_f32(rows, kn, w->panel);
		k->mul_f32(w->panel, n, kn, w->other + k0, w->d, n_other, w->dots, PANEL_ROWS, k0 == 0);
	}
}

/* Members of S. */
static size_t size_of(const struct pool *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->m; i++)
		n += w->in[i];
	return n;
}

/* nearest[i] = max_{j in S} cos(e_i, e_j): 1 for a member. */
static void find_nearest(struct pool *w)
{
	size_t n_member = 0, n_other = 0;

	w->other = w->member + size_of(w) * w->d;
	for (size_t i = 0; i < w->m; i++) {
		float *to = w->in[i] ? w->member + n_member++ * w->d : w->other + n_other * w->d;

		memcpy(to, w->e + i * w->d, w->d * sizeof *to);
		w->nearest[i] = w->in[i] ? 1 : -1;
		if (!w->in[i])
			w->other_of[n_other++] = (int)i;
	}
	for (size_t first = 0, n; first < n_member; first += n) {
		n = n_member - first < PANEL_ROWS ? n_member - first : PANEL_ROWS;
		multiply(w, first, n, n_other);
		for (size_t j = 0; j < n_other; j++) {
			float *most = &w->nearest[w->other_of[j]];

			for (size_t r = 0; r < n; r++)
				*most = fmaxf(*most, w->dots[j * PANEL_ROWS + r]);
		}
	}
}

/* Pairs of phi and place, sorted by falling phi; likelier first among equals. */
struct ranked {
	double phi;
	int i;
};

static int by_phi(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return x->phi > y->phi ? -1 : x->phi < y->phi ? 1 : x->i - y->i;
}

static void sort_by_phi(struct pool *w)
{
	/* The dots are done with, and there is room for two doubles in each row of them. */
	struct ranked *r = (struct ranked *)(void *)w->dots;

	for (size_t i = 0; i < w->m; i++)
		r[i] = (struct ranked){ w->phi[i], (int)i };
	qsort(r, w->m, sizeof *r, by_phi);
	for (size_t i = 0; i < w->m; i++)
		w->order[i] = r[i].i;
}

/* Length of the best prefix of the order. */
static size_t best_prefix(const struct pool *w, double gain)
{
	double mass = 0, sum = 0, most = -INFINITY;
	size_t best = 1;

	for (size_t k = 0; k < w->m; k++) {
		double p = w->p[w->order[k]];

		mass += p;
		sum += p > 0 ? p * w->phi[w->order[k]] : 0;
		double j = sum / mass + gain * log(mass);
		/* Equal means differ by rounding; the shorter set is meant. */
		if (j > most + 1e-12) {
			most = j;
			best = k + 1;
		}
	}
	return best;
}

/* S becomes the best prefix for its own f; false when it stays what it was. */
static bool turn(struct pool *w, const double *params, const struct sampler_context *cx)
{
	bool geometry = cx->tok_embd && params[SCALE] > 0, moved = false;
	size_t n;

	if (geometry)
		find_nearest(w);
	for (size_t i = 0; i < w->m; i++) {
		double f = geometry ? -(1 - (double)w->nearest[i]) : 0;

		w->phi[i] = params[SCALE] * f + params[LAMBDA] * log(w->p[i]);
	}
	sort_by_phi(w);
	n = best_prefix(w, params[BETA] - params[LAMBDA]);
	for (size_t k = 0; k < w->m; k++) {
		moved |= w->in[w->order[k]] != (k < n);
		w->in[w->order[k]] = k < n;
	}
	return moved;
}

/* The pool with its probabilities, embeddings and first set. */
static struct pool begin(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	size_t m = (size_t)params[TOP_M] < c->n ? (size_t)params[TOP_M] : c->n;
	bool geometry = cx->tok_embd && params[SCALE] > 0;
	double lse = candidates_lse(c, NULL), all = 0, mass = 0;

	candidates_sort(c, m);
	/* What is impossible has no place in a sum of logarithms. */
	while (m > 1 && c->c[m - 1].logit == -INFINITY)
		m--;
	const struct whitening *white = geometry ? whitening_of(cx) : NULL;
	struct pool w = pool_open(cx, m, white ? white->d : 0);
	for (size_t i = 0; i < m; i++) {
		w.p[i] = exp((double)c->c[i].logit - lse);
		all += w.p[i];
		if (white)
			white_row(white, cx->tok_embd, c->c[i].id, w.e + i * w.d);
	}
	for (size_t i = 0; i < m; i++) {
		w.in[i] = i == 0 || mass < params[WARM_P] * all;
		mass += w.p[i];
	}
	return w;
}

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	int turns = 0;
	size_t kept = 0;

	if (!cx->at)
		return;
	struct pool w = begin(c, params, cx);
	float *shown = cx->at->out->shown;
	shown[SHOW_WARM] = (float)size_of(&w);
	for (bool moved = true; moved && turns < (int)params[TURNS]; turns++) {
		moved = turn(&w, params, cx);
		if (turns == 0)
			shown[SHOW_FIRST] = (float)size_of(&w);
	}
	shown[SHOW_TURNS] = (float)turns;
	shown[SHOW_LIFTED] = 0;
	for (size_t i = 0; i < w.m; i++)
		if (w.in[i]) {
			shown[SHOW_LIFTED] += kept < i;
			c->c[kept++] = c->c[i];
		}
	c->n = c->n_sorted = kept;
}

extern const struct sampler_def sampler_top_w;
const struct sampler_def sampler_top_w = {
	.name = "top-w",
	.doc = "keep a set that loses little as the embeddings see it: distance to the set weighs scale, entropy lambda, "
	       "mass beta; the defaults keep few tokens",
	.source = "Top-W, arXiv:2602.10346",
	.n_params = 6, .n_required = 0,
	.params = { { "top_m", 1, 4096, 1200 }, { "warm_p", 0, 1, 0.999 }, { "turns", 1, 100, 9 },
		    { "scale", 0, 100, 0.6 }, { "lambda", 0, 100, 2.2 }, { "beta", 0, 100, 2.8 } },
	.shows = { "turns", "warm set", "first set", "lifted" },
	.apply = apply,
};
