/*
 * rtn_ic -- rounding to nearest with groups along the outputs: each input
 * channel has scales of its own, so a channel with large weights does not
 * coarsen its neighbours (AdaDim, arXiv 2309.15531).
 */
#include "analysis/grid.h"
#include "analysis/quantizer.h"

enum { COLS_PER_TASK = 64 };

static void columns(void *job, int task, int worker)
{
	struct quant_job *q = job;
	struct grid_kind kind = grid_kind(q);
	size_t group = grid_group(q->rows, quant_param(q, "group"));
	size_t first = (size_t)task * COLS_PER_TASK, last = first + COLS_PER_TASK;

	(void)worker;
	for (size_t i = 0; i < q->rows; i += group)
		for (size_t c = first; c < last && c < q->cols; c++) {
			size_t n = q->rows - i < group ? q->rows - i : group, at = i * q->cols + c;
			struct grid g = grid_fit(kind, q->w + at, n, q->cols);

			grid_round_all(&g, q->w + at, q->out + at, n, q->cols);
		}
}

static bool run(struct quant_job *q, struct err *e)
{
	struct grid_kind kind = grid_kind(q);
	size_t group = grid_group(q->rows, quant_param(q, "group"));

	(void)e;
	quant_each(q, columns, q, (int)((q->cols + COLS_PER_TASK - 1) / COLS_PER_TASK));
	q->bits = (double)q->cols * ((double)q->rows * kind.bits +
	    (double)grid_groups(q->rows, group) * grid_bits(kind));
	return true;
}

const struct quantizer_def quantizer_rtn_ic = {
	.name = "rtn_ic", .doc = "round to nearest, groups along the outputs of an input channel",
	.params = {
		{ "bits", 4, 2, 16, true, "bits of a level" },
		{ "group", 128, 0, 1 << 20, true, "weights that share a scale; 0: a whole column" },
		{ "asym", 0, 0, 1, true, "with a minimum of 16 bits" },
		{ "zero", 0, 0, 1, true, "with a zero point of as many bits as a level" },
	},
	.run = run,
};
