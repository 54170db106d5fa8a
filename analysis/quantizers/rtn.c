/*
 * rtn -- rounding to nearest, a scale for every group of inputs of a row.
 *
 * The plain grid that all other methods are measured against (analysis/grid.h).
 */
#include "analysis/grid.h"
#include "analysis/quantizer.h"

static bool run(struct quant_job *q, struct err *e)
{
	struct grid_kind kind = grid_kind(q);
	size_t group = grid_group(q->cols, quant_param(q, "group"));

	(void)e;
	for (size_t r = 0; r < q->rows; r++)
		for (size_t i = 0; i < q->cols; i += group) {
			size_t n = q->cols - i < group ? q->cols - i : group, at = r * q->cols + i;
			struct grid g = grid_fit(kind, q->w + at, n, 1);

			grid_round_all(&g, q->w + at, q->out + at, n, 1);
		}
	q->bits = (double)q->rows * ((double)q->cols * kind.bits +
	    (double)grid_groups(q->cols, group) * grid_bits(kind));
	return true;
}

const struct quantizer_def quantizer_rtn = {
	.name = "rtn", .doc = "round to nearest, groups along the inputs of a row",
	.params = {
		{ "bits", 4, 2, 16, true, "bits of a level" },
		{ "group", 128, 0, 1 << 20, true, "weights that share a scale; 0: a whole row" },
		{ "asym", 0, 0, 1, true, "with a minimum of 16 bits" },
		{ "zero", 0, 0, 1, true, "with a zero point of as many bits as a level" },
	},
	.by_rows = true, .run = run,
};
