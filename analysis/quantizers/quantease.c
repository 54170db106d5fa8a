/*
 * quantease -- coordinate descent on the error at the output (Behdin et al.,
 * arXiv 2309.01885).
 *
 *      minimise tr((W - W') S (W - W')^T), S = E[x x^T], one column at a time:
 *      u_j = W_j + sum over i != j of (W - W')_i S_ij / S_jj, W'_j = round(u_j)
 *
 * Sweeps 1, 4, 7, ... before the 26th leave their columns unrounded, the last
 * rounds.  The grid is that of the weights themselves.  With `outliers` a share
 * of the weights is kept beside the grid in f16, W is about W' + H: first the
 * largest, then after every sweep the largest of H + eta (W - W' - H) S, with
 * eta = 1 / (2 lambda_max(S)).  Channels that are never active are just rounded.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/grid.h"
#include "analysis/linalg.h"
#include "analysis/quantizer.h"
#include "engine/base/mem.h"

enum { FREE_BEFORE = 26 };

struct quantease {
	struct quant_job *q;
	struct grid_kind kind;
	size_t group;
	bool round;             /* this sweep */
	double eta;
	float *d;               /* [rows][cols] W - W' - H */
	float *sparse;          /* [rows][cols] H, NULL without outliers */
	float *next;            /* [rows][cols] H + eta (W - W' - H) S */
};

/* One sweep over one row; `p` is the row of d times S. */
static void sweep_row(struct quantease *a, size_t r, double *p)
{
	const struct quant_job *q = a->q;
	size_t n = q->cols;
	float *d = a->d + r * n, *back = q->out + r * n, target[1];
	const float *w = q->w + r * n, *h = a->sparse ? a->sparse + r * n : NULL;
	struct grid grid = { .scale = 0 };
	float *plain = mem_array(a->group, sizeof *plain);

	for (size_t j = 0; j < n; j++) {
		double s = q->gram[j * n + j], u, gap;
		size_t m = n - j < a->group ? n - j : a->group;

		if (j % a->group == 0) {
			for (size_t k = 0; k < m; k++)
				plain[k] = w[j + k] - (h ? h[j + k] : 0);
			grid = grid_fit(a->kind, plain, m, 1);
		}
		target[0] = w[j] - (h ? h[j] : 0);
		/* p_j holds the column's own share d_j S_jj, which is not its error to mend. */
		u = (double)target[0] + (s > 0 ? (p[j] - (double)d[j] * s) / s : 0);
		back[j] = a->round || s == 0 ? (float)grid_round_double(&grid, u) : (float)u;
		gap = (double)target[0] - (double)back[j];
		gap = (double)(float)gap;
		if (gap != (double)d[j]) {
			const double *row = q->gram + j * n;
			double change = gap - (double)d[j];

			for (size_t k = 0; k < n; k++)
				p[k] += change * row[k];
			d[j] = (float)gap;
		}
	}
	free(plain);
}

static void row_task(void *job, int task, int worker)
{
	struct quantease *a = job;
	size_t n = a->q->cols, r = (size_t)task;
	double *p = mem_array(n, sizeof *p);

	(void)worker;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; a->d[r * n + i] != 0 && k < n; k++)
			p[k] += (double)a->d[r * n + i] * a->q->gram[i * n + k];
	sweep_row(a, r, p);
	for (size_t i = 0; a->sparse && i < n; i++)
		a->next[r * n + i] = a->sparse[r * n + i] + (float)(a->eta * p[i]);
	free(p);
}

static int falling(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x < y) - (x > y);
}

/* Keeps the `keep` largest of next as H (fewer where values tie) and takes the
 * change out of d. */
static void keep_largest(struct quantease *a, size_t keep, float *sorted)
{
	size_t n = a->q->rows * a->q->cols;
	float least;

	for (size_t i = 0; i < n; i++)
		sorted[i] = fabsf(a->next[i]);
	qsort(sorted, n, sizeof *sorted, falling);
	least = sorted[keep];
	for (size_t i = 0; i < n; i++) {
		float h = fabsf(a->next[i]) > least ? quant_half(a->next[i]) : 0;

		a->d[i] += a->sparse[i] - h;
		a->sparse[i] = h;
	}
}

static bool sweeps(struct quantease *a, size_t keep, float *sorted, struct err *e)
{
	int n_sweeps = (int)quant_param(a->q, "sweeps");

	for (int i = 0; i < n_sweeps; i++) {
		if (quant_stopped(a->q, e))
			return false;
		a->round = i % 3 != 1 || i >= FREE_BEFORE || i == n_sweeps - 1;
		quant_each(a->q, row_task, a, (int)a->q->rows);
		if (a->sparse && i + 1 < n_sweeps)
			keep_largest(a, keep, sorted);
	}
	return true;
}

static bool run(struct quant_job *q, struct err *e)
{
	size_t n = q->rows * q->cols, keep = (size_t)(quant_param(q, "outliers") / 100 * (double)n);
	struct quantease a = { .q = q, .kind = grid_kind(q), .group = grid_group(q->cols, quant_param(q, "group")) };
	float *sorted = NULL;
	bool ok = (a.d = mem_big(n, sizeof *a.d, "errors of a tensor", e)) != NULL;

	if (ok && keep)
		ok = (a.sparse = mem_big(n, sizeof *a.sparse, "outliers", e)) &&
		    (a.next = mem_big(n, sizeof *a.next, "outliers", e)) && (sorted = mem_big(n, sizeof *sorted, "outliers", e));
	if (ok) {
		memcpy(q->out, q->w, n * sizeof *q->w);
		if (keep) {
			a.eta = 0.5 / fmax(linalg_largest(q->gram, q->cols, 50), 1e-300);
			memcpy(a.next, q->w, n * sizeof *q->w);
			keep_largest(&a, keep, sorted);
			/* W' starts as what H leaves, so nothing is in error yet. */
			memset(a.d, 0, n * sizeof *a.d);
		}
		ok = sweeps(&a, keep, sorted, e);
	}
	for (size_t i = 0; ok && keep && i < n; i++)
		q->out[i] += a.sparse[i];
	q->bits = (double)q->rows * ((double)q->cols * a.kind.bits + (double)grid_groups(q->cols, a.group) * grid_bits(a.kind)) +
	    (double)keep * (16 + ceil(log2((double)q->cols))) + (keep ? 32 * (double)q->rows : 0);
	mem_big_free(sorted);
	mem_big_free(a.next);
	mem_big_free(a.sparse);
	mem_big_free(a.d);
	return ok;
}

const struct quantizer_def quantizer_quantease = {
	.name = "quantease", .doc = "coordinate descent on the error at the output",
	.params = {
		{ "bits", 4, 2, 16, true, "bits of a level" },
		{ "group", 128, 0, 1 << 20, true, "weights that share a scale; 0: a whole row" },
		{ "asym", 0, 0, 1, true, "with a minimum of 16 bits" },
		{ "zero", 1, 0, 1, true, "with a zero point of as many bits as a level" },
		{ "sweeps", 30, 1, 1000, true, "times over all columns" },
		{ "outliers", 0, 0, 20, false, "per cent of the weights kept beside the grid" },
	},
	.needs = QUANT_GRAM, .run = run,
};
