/*
 * magnitude24 -- 2:4 sparsity that keeps the two largest weights of four inputs, in
 * f16.
 */
#include "analysis/prune.h"
#include "analysis/quantizer.h"

static bool run(struct quant_job *q, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < q->rows * q->cols; i++)
		q->out[i] = quant_half(q->w[i]);
	for (size_t r = 0; r < q->rows; r++)
		prune_24(q->out + r * q->cols, NULL, q->cols);
	q->bits = prune_24_bits(q->rows, q->cols, 16);
	return true;
}

const struct quantizer_def quantizer_magnitude24 = {
	.name = "magnitude24", .doc = "2:4 by |w|",
	.by_rows = true, .run = run,
};
