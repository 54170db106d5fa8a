/*
 * power -- levels that are even in |w|^a instead of in w (PowerQuant and NUPES,
 * arXiv 2308.05600).
 *
 *      q = round(s sign(w) |w|^a), s = (2^(b-1) - 1) / max|w|^a, back by 1/a
 *
 * One exponent a tensor, searched where none is given: the one that loses least
 * on rows spread over the tensor.  The training of NUPES is not done here.
 */
#include <math.h>

#include "analysis/grid.h"
#include "analysis/quantizer.h"

enum { ROWS_PER_TASK = 16, SEARCH_WEIGHTS = 1 << 16 };

struct power {
	struct quant_job *q;
	size_t group;
	float top;              /* the highest level */
	float a;
};

/* Squared loss of a group; its weights to `out` unless that is NULL. */
static double one_group(const struct power *p, float a, const float *w, size_t n, float *out)
{
	float most = 0, s;
	double loss = 0;

	for (size_t i = 0; i < n; i++)
		most = fabsf(w[i]) > most ? fabsf(w[i]) : most;
	most = quant_half(most);
	s = most > 0 && isfinite(most) ? p->top / powf(most, a) : 0;
	for (size_t i = 0; i < n; i++) {
		float level = fminf(rintf(s * powf(fabsf(w[i]), a)), p->top);
		float back = s > 0 ? copysignf(powf(level / s, 1 / a), w[i]) : 0;

		loss += ((double)w[i] - (double)back) * ((double)w[i] - (double)back);
		if (out)
			out[i] = back;
	}
	return loss;
}

static double one_row(const struct power *p, float a, size_t r, float *out)
{
	size_t cols = p->q->cols;
	double loss = 0;

	for (size_t i = 0; i < cols; i += p->group)
		loss += one_group(p, a, p->q->w + r * cols + i, cols - i < p->group ? cols - i : p->group,
		    out ? out + i : NULL);
	return loss;
}

static double sampled_loss(const struct power *p, float a)
{
	size_t step = p->q->rows * p->q->cols / SEARCH_WEIGHTS + 1;
	double loss = 0;

	for (size_t r = 0; r < p->q->rows; r += step)
		loss += one_row(p, a, r, NULL);
	return loss;
}

static float search(const struct power *p)
{
	double best = INFINITY;
	float at = 1;

	for (int i = 8; i <= 20; i++) {
		double loss = sampled_loss(p, 0.05f * (float)i);

		if (loss < best) {
			best = loss;
			at = 0.05f * (float)i;
		}
	}
	return at;
}

static void rows(void *job, int task, int worker)
{
	const struct power *p = job;
	size_t first = (size_t)task * ROWS_PER_TASK;

	(void)worker;
	for (size_t r = first; r < first + ROWS_PER_TASK && r < p->q->rows; r++)
		one_row(p, p->a, r, p->q->out + r * p->q->cols);
}

static bool run(struct quant_job *q, struct err *e)
{
	int bits = (int)quant_param(q, "bits");
	struct power p = { .q = q, .group = grid_group(q->cols, quant_param(q, "group")),
	    .top = (float)((1 << (bits - 1)) - 1), .a = (float)quant_param(q, "exponent") };

	(void)e;
	if (!(p.a > 0))
		p.a = search(&p);
	quant_each(q, rows, &p, (int)((q->rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK));
	q->bits = 16 + (double)q->rows * ((double)q->cols * bits + 16 * (double)grid_groups(q->cols, p.group));
	quant_figure(q, "exponent", (double)p.a);
	return true;
}

const struct quantizer_def quantizer_power = {
	.name = "power", .doc = "levels even in |w|^a, the exponent searched for each tensor",
	.params = {
		{ "bits", 4, 2, 12, true, "bits of a level" },
		{ "group", 128, 0, 1 << 20, true, "weights that share a scale; 0: a whole row" },
		{ "exponent", 0, 0, 2, false, "0: searched from 0.4 to 1" },
	},
	.run = run,
};
