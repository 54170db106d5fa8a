/*
 * bitstack -- a stack of blocks, any number of which can be loaded (Wang et al.,
 * arXiv 2410.23918).
 *
 *      R_0 = W diag(s); a block is sign(R) and |R| to rank k in f16;
 *      R <- R - sign(R) * (U V^T)
 *
 * with s the size of the inputs.  Each block takes 1 + 16 k (m + n) / (m n) bits
 * a weight; the scales take 16 a column.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/linalg.h"
#include "analysis/quantizer.h"
#include "analysis/scaled.h"
#include "engine/base/mem.h"

static bool one_block(struct quant_job *q, float *left, float *size, size_t rank, struct err *e)
{
	size_t n = q->rows * q->cols;
	struct lowrank l;

	for (size_t i = 0; i < n; i++)
		size[i] = fabsf(left[i]);
	if (!lowrank_new(&l, size, q->rows, q->cols, rank, q->pool, e))
		return false;
	lowrank_round(&l);
	/* Sizes of low rank can be negative here and there; the sign is stored beside them. */
	for (size_t i = 0; i < n; i++) {
		float v = (float)lowrank_at(&l, i / q->cols, i % q->cols);

		left[i] -= left[i] < 0 ? -v : v;
	}
	lowrank_free(&l);
	return true;
}

static bool run(struct quant_job *q, struct err *e)
{
	size_t n = q->rows * q->cols, rank = (size_t)quant_param(q, "rank");
	int blocks = (int)quant_param(q, "blocks");
	float *left = mem_big(n, sizeof *left, "a residual", e), *size = NULL, *s = mem_array(q->cols, sizeof *s);
	bool ok = left && (size = mem_big(n, sizeof *size, "a residual", e));

	scaled_channels(q, s);
	for (size_t c = 0; c < q->cols; c++)
		s[c] = quant_half(s[c]) > 0 ? quant_half(s[c]) : 0x1p-24f;
	for (size_t i = 0; ok && i < n; i++)
		left[i] = q->w[i] * s[i % q->cols];
	for (int b = 0; ok && b < blocks; b++)
		ok = !quant_stopped(q, e) && one_block(q, left, size, rank, e);
	for (size_t i = 0; ok && i < n; i++)
		q->out[i] = q->w[i] - left[i] / s[i % q->cols];
	q->bits = blocks * ((double)n + 16 * (double)rank * (double)(q->rows + q->cols)) + 16 * (double)q->cols;
	free(s);
	mem_big_free(size);
	mem_big_free(left);
	return ok;
}

const struct quantizer_def quantizer_bitstack = {
	.name = "bitstack", .doc = "a stack of signs with low-rank sizes",
	.params = {
		{ "blocks", 4, 1, 16, true, "blocks loaded" },
		{ "rank", 16, 1, 1 << 12, true, "of the sizes of a block" },
	},
	.run = run,
};
