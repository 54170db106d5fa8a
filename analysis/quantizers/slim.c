/*
 * slim -- 4 bits, 2:4 sparsity, and a low-rank side path for what they lose
 * (Mozaffari et al., arXiv 2410.09615).
 *
 * 1. One symmetric scale a tensor.  The cap alpha minimises, over the histogram f
 *    of |w|, the rounding error below it and the clipping error above:
 *    int_0^alpha f (x - Q(x))^2 + int_alpha^inf f (x - alpha)^2; eleven caps
 *    first, then eleven between the neighbours of the best.
 * 2. 2:4 by |w| sqrt(E[x_j^2]).
 * 3. (W - W^c) diag(sqrt(E[x_j^2])) to rank 0.1 min(dim), scaled back, beside the
 *    weights; these are compressed again with that taken out, and the better of
 *    the two is kept.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/linalg.h"
#include "analysis/prune.h"
#include "analysis/quantizer.h"
#include "analysis/scaled.h"
#include "engine/base/mem.h"

enum { CAPS = 11 };

struct histogram {
	double *count;
	size_t n;
	double width;           /* of a bin */
};

static double cap_loss(const struct histogram *h, double cap, double levels)
{
	double step = cap / levels, loss = 0;

	for (size_t i = 0; i < h->n; i++) {
		double x = ((double)i + 0.5) * h->width, back = x < cap ? rint(x / step) * step : cap;

		loss += h->count[i] * (x - back) * (x - back);
	}
	return loss;
}

static double best_cap(const struct histogram *h, double lo, double hi, double levels)
{
	double best = hi, least = (double)INFINITY;

	for (int i = 0; i < CAPS; i++) {
		double cap = lo + (hi - lo) * i / (CAPS - 1), loss = cap > 0 ? cap_loss(h, cap, levels) : (double)INFINITY;

		if (loss < least) {
			least = loss;
			best = cap;
		}
	}
	return best;
}

static double find_cap(const float *w, size_t n, double levels)
{
	struct histogram h = { .n = n / 1000 < 512 ? 512 : n / 1000 > 20000 ? 20000 : n / 1000 };
	float most = 0;
	double cap, step;

	for (size_t i = 0; i < n; i++)
		most = fabsf(w[i]) > most && isfinite(w[i]) ? fabsf(w[i]) : most;
	if (most == 0)
		return 0;
	h.width = (double)most / (double)h.n;
	h.count = mem_array(h.n, sizeof *h.count);
	for (size_t i = 0; i < n; i++) {
		double bin = fabs((double)w[i]) / h.width;

		h.count[bin < (double)h.n ? (size_t)bin : h.n - 1]++;
	}
	step = (double)most / (CAPS - 1);
	cap = best_cap(&h, step, (double)most, levels);
	cap = best_cap(&h, fmax(cap - step, h.width), fmin(cap + step, (double)most), levels);
	free(h.count);
	return cap;
}

static void compress(const struct quant_job *q, const float *w, float *out, double *cap)
{
	size_t n = q->rows * q->cols;
	double levels = exp2(quant_param(q, "bits") - 1) - 1;
	float step;

	*cap = find_cap(w, n, levels);
	step = (float)(*cap / levels);
	for (size_t i = 0; i < n; i++) {
		float level = step > 0 ? rintf(w[i] / step) : 0;

		level = level > (float)levels ? (float)levels : level < -(float)levels ? -(float)levels : level;
		out[i] = step * level;
	}
	for (size_t r = 0; r < q->rows; r++)
		prune_24(out + r * q->cols, q->moments, q->cols);
}

static double loss(const struct quant_job *q, const float *back, const float *s)
{
	double sum = 0;

	for (size_t i = 0; i < q->rows * q->cols; i++) {
		double d = ((double)q->w[i] - (double)back[i]) * (double)s[i % q->cols];

		sum += d * d;
	}
	return sum;
}

/* The side path of what `out` lacks, into `side`. */
static bool side_path(const struct quant_job *q, const float *s, size_t rank, float *side, struct err *e)
{
	size_t n = q->rows * q->cols;
	struct lowrank l;

	for (size_t i = 0; i < n; i++)
		side[i] = (q->w[i] - q->out[i]) * s[i % q->cols];
	if (!lowrank_new(&l, side, q->rows, q->cols, rank, q->pool, e))
		return false;
	for (size_t c = 0; c < q->cols; c++)
		for (size_t k = 0; k < l.rank; k++)
			l.right[c * l.rank + k] /= (double)s[c];
	lowrank_round(&l);
	for (size_t i = 0; i < n; i++)
		side[i] = (float)lowrank_at(&l, i / q->cols, i % q->cols);
	lowrank_free(&l);
	return true;
}

static void join(const struct quant_job *q, const float *s, float *side, float *again, double *cap)
{
	size_t n = q->rows * q->cols;
	double second;

	for (size_t i = 0; i < n; i++)
		again[i] = q->w[i] - side[i];
	/* Reading and writing go through the same place, element by element. */
	compress(q, again, again, &second);
	for (size_t i = 0; i < n; i++) {
		again[i] += side[i];
		q->out[i] += side[i];
	}
	if (loss(q, again, s) < loss(q, q->out, s)) {
		memcpy(q->out, again, n * sizeof *again);
		*cap = second;
	}
}

static bool run(struct quant_job *q, struct err *e)
{
	size_t n = q->rows * q->cols, least = q->rows < q->cols ? q->rows : q->cols;
	size_t rank = (size_t)ceil(quant_param(q, "share") * (double)least);
	float *side = mem_big(n, sizeof *side, "a side path", e), *again = NULL, *s = mem_array(q->cols, sizeof *s);
	double cap;
	bool ok = side && (again = mem_big(n, sizeof *again, "a side path", e));

	if (ok) {
		scaled_channels(q, s);
		compress(q, q->w, q->out, &cap);
		ok = side_path(q, s, rank, side, e) && !quant_stopped(q, e);
	}
	if (ok) {
		join(q, s, side, again, &cap);
		q->bits = prune_24_bits(q->rows, q->cols, quant_param(q, "bits")) + 16 +
		    16 * (double)rank * (double)(q->rows + q->cols);
		quant_figure(q, "cap", cap);
		quant_figure(q, "rank", (double)rank);
	}
	free(s);
	mem_big_free(again);
	mem_big_free(side);
	return ok;
}

const struct quantizer_def quantizer_slim = {
	.name = "slim", .doc = "few bits, 2:4 sparsity and a low-rank side path",
	.params = {
		{ "bits", 4, 2, 8, true, "bits of a weight" },
		{ "share", 0.1, 0, 1, false, "rank of the side path, of the smaller side" },
	},
	.run = run,
};
