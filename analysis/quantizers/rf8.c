/*
 * rf8 -- 8 bits for range: sign and the two leading set bits of the magnitude,
 * the second at most 4 places below the first (arXiv 2506.00486).
 *
 *      +-2^e, +-2^e (1 + 2^-j), j = 1..4
 *
 * 7 bits hold 25 exponents of 5 values each and zero, counted down from that of
 * the largest weight, which is kept for the tensor; the paper's own layout of
 * the bits is not public.  To nearest, or by dropping the bits below.
 */
#include <math.h>

#include "analysis/quantizer.h"

enum { ROWS_PER_TASK = 16, EXPONENTS = 25 };

struct rf8 {
	struct quant_job *q;
	int top;                /* exponent of the largest magnitude */
	bool truncate;
};

/* The value of 1 <= m < 2. */
static float mantissa(float m, bool truncate)
{
	static const float values[] = { 1, 1.0625f, 1.125f, 1.25f, 1.5f, 2 };
	int i = 0;

	while (i < 4 && values[i + 1] <= m)
		i++;
	return truncate || m - values[i] < values[i + 1] - m ? values[i] : values[i + 1];
}

static float value(const struct rf8 *f, float w)
{
	int exponent;
	float m = frexpf(fabsf(w), &exponent) * 2;

	if (w == 0 || !isfinite(w) || --exponent <= f->top - EXPONENTS)
		return 0;
	return copysignf(ldexpf(mantissa(m, f->truncate), exponent), w);
}

static void rows(void *job, int task, int worker)
{
	const struct rf8 *f = job;
	size_t first = (size_t)task * ROWS_PER_TASK * f->q->cols, n = f->q->rows * f->q->cols;
	size_t last = first + ROWS_PER_TASK * f->q->cols;

	(void)worker;
	for (size_t i = first; i < last && i < n; i++)
		f->q->out[i] = value(f, f->q->w[i]);
}

static bool run(struct quant_job *q, struct err *e)
{
	struct rf8 f = { .q = q, .truncate = quant_param(q, "truncate") != 0 };
	size_t n = q->rows * q->cols;
	float most = 0;

	(void)e;
	for (size_t i = 0; i < n; i++)
		most = fabsf(q->w[i]) > most && isfinite(q->w[i]) ? fabsf(q->w[i]) : most;
	frexpf(most, &f.top);
	/* Rounding up may reach the next exponent, which then is the top one. */
	f.top -= most < 0.984375f * ldexpf(1, f.top) || f.truncate;
	quant_each(q, rows, &f, (int)((q->rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK));
	q->bits = 8 * (double)n + 8;
	return true;
}

const struct quantizer_def quantizer_rf8 = {
	.name = "rf8", .doc = "8 bits: sign and the two leading bits of the magnitude",
	.params = { { "truncate", 0, 0, 1, true, "drop bits instead of rounding" } },
	.run = run,
};
