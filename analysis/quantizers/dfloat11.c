/*
 * dfloat11 -- what is left of bf16 when its exponents are Huffman coded
 * (arXiv 2504.11651): no loss, some 11 bits a weight.
 *
 * The 8 exponent bits of trained weights carry about 2.6 bits; sign and
 * mantissa stay as they are.  Weights that are not bf16 to begin with are
 * rounded to it, and that is the error shown.  With `f16` the same is done to
 * the 5 exponent bits of half precision.  Counted: the codes, the raw bits and
 * a byte of code length for each exponent.
 */
#include <math.h>
#include <string.h>

#include "analysis/quantizer.h"
#include "engine/base/half.h"

enum { EXPONENTS = 256 };

/* Total bits of a Huffman code: the sum of all inner nodes.  (Lengths beyond 32
 * need counts above 2^22 apart; such codes do not occur in a tensor's worth.) */
static double huffman_bits(const double *count, int n)
{
	double node[EXPONENTS], total = 0;
	int live = 0;

	for (int i = 0; i < n; i++)
		if (count[i] > 0)
			node[live++] = count[i];
	/* A lone exponent still takes a bit. */
	if (live == 1)
		return node[0];
	while (live > 1) {
		/* The two smallest bubble to the end and become one. */
		for (int end = live - 1; end >= live - 2; end--)
			for (int i = 0; i < end; i++)
				if (node[i] < node[i + 1]) {
					double t = node[i];

					node[i] = node[i + 1];
					node[i + 1] = t;
				}
		node[live - 2] += node[live - 1];
		total += node[--live - 1];
	}
	return total;
}

static double entropy_bits(const double *count, int n, double total)
{
	double h = 0;

	for (int i = 0; i < n; i++)
		if (count[i] > 0)
			h -= count[i] / total * log2(count[i] / total);
	return h;
}

static bool run(struct quant_job *q, struct err *e)
{
	bool half = quant_param(q, "f16") != 0;
	int n_exponents = half ? 32 : EXPONENTS, raw = half ? 11 : 8;
	double count[EXPONENTS] = {0}, coded, n = (double)(q->rows * q->cols);
	enum dtype type = half ? DTYPE_F16 : DTYPE_BF16;
	uint16_t stored;

	(void)e;
	for (size_t i = 0; i < q->rows * q->cols; i++) {
		dtypes[type]->quantize(q->w + i, &stored, 1);
		dtypes[type]->dequantize(&stored, q->out + i, 1);
		count[half ? stored >> 10 & 31 : stored >> 7 & 255]++;
	}
	coded = huffman_bits(count, n_exponents);
	q->bits = raw * n + coded + 8 * n_exponents;
	quant_figure(q, "exponent_entropy", entropy_bits(count, n_exponents, n));
	quant_figure(q, "exponent_code", coded / n);
	return true;
}

const struct quantizer_def quantizer_dfloat11 = {
	.name = "dfloat11", .doc = "bf16 with Huffman coded exponents: without loss",
	.params = { { "f16", 0, 0, 1, true, "half precision instead of bf16" } },
	.run = run,
};
