/*
 * svd -- a product of two thin matrices in f16, the best of its rank for what the
 * layer is given: the SVD of W diag(sqrt(E[x_j^2])), scaled back (ASVD; where the
 * inputs are unknown, of W itself).
 */
#include <math.h>
#include <stdlib.h>

#include "analysis/linalg.h"
#include "analysis/quantizer.h"
#include "analysis/scaled.h"
#include "engine/base/mem.h"

void scaled_channels(const struct quant_job *q, float *s)
{
	float least = 0;

	for (size_t c = 0; c < q->cols; c++) {
		s[c] = q->moments ? sqrtf(q->moments[c]) : 1;
		least = s[c] > 0 && (least == 0 || s[c] < least) ? s[c] : least;
	}
	for (size_t c = 0; c < q->cols; c++)
		s[c] = s[c] > 0 ? s[c] : least > 0 ? least : 1;
}

static bool run(struct quant_job *q, struct err *e)
{
	size_t n = q->rows * q->cols, least = q->rows < q->cols ? q->rows : q->cols, rank = (size_t)quant_param(q, "rank");
	float *a = mem_big(n, sizeof *a, "scaled weights", e), *s = mem_array(q->cols, sizeof *s);
	struct lowrank l = { .rank = 0 };
	double kept = 0;
	bool ok;

	rank = rank ? rank : (size_t)ceil(quant_param(q, "share") * (double)least);
	scaled_channels(q, s);
	for (size_t i = 0; a && i < n; i++)
		a[i] = q->w[i] * s[i % q->cols];
	ok = a && lowrank_new(&l, a, q->rows, q->cols, rank, q->pool, e) && !quant_stopped(q, e);
	if (ok) {
		for (size_t i = 0; i < l.rank; i++)
			kept += l.sigma[i] * l.sigma[i];
		for (size_t c = 0; c < q->cols; c++)
			for (size_t k = 0; k < l.rank; k++)
				l.right[c * l.rank + k] /= (double)s[c];
		lowrank_round(&l);
		for (size_t i = 0; i < n; i++)
			q->out[i] = (float)lowrank_at(&l, i / q->cols, i % q->cols);
		q->bits = 16 * (double)l.rank * (double)(q->rows + q->cols);
		quant_figure(q, "rank", (double)l.rank);
		quant_figure(q, "energy", l.total_sq > 0 ? kept / l.total_sq : 1);
	}
	lowrank_free(&l);
	free(s);
	mem_big_free(a);
	return ok;
}

const struct quantizer_def quantizer_svd = {
	.name = "svd", .doc = "two thin f16 matrices, best for the inputs that were seen",
	.params = {
		{ "rank", 0, 0, 1 << 16, true, "0: a share of the smaller side" },
		{ "share", 0.25, 0, 1, false, "that share" },
	},
	.run = run,
};
