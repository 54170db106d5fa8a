#include "analysis/quantinside.h"

#include <math.h>
#include <stdlib.h>

#include "engine/base/mem.h"

static void spread(struct quantinside *in)
{
	float *w = mem_array(in->t->cols, sizeof *w);

	for (int pass = 0; pass < 2; pass++)
		for (size_t r = 0; r < in->t->rows; r++) {
			tensor_row_f32(in->t, r, w);
			for (size_t c = 0; c < in->t->cols; c++) {
				double v = (double)w[c], at = in->max_w > 0 ? (v / in->max_w + 1) / 2 * QUANTINSIDE_BINS : 0;

				if (pass == 0)
					in->max_w = fabs(v) > in->max_w ? fabs(v) : in->max_w;
				else if (isfinite(v))
					in->histogram[at >= QUANTINSIDE_BINS ? QUANTINSIDE_BINS - 1 : (int)at]++;
			}
		}
	free(w);
}

bool quantinside_measure(struct quantinside *in, const struct tensor *t, const struct quant_spec *spec,
    const struct quanterr_options *opt, struct err *e)
{
	struct quanterr_options with = *opt;

	*in = (struct quantinside){ .t = t, .spec = *spec };
	with.map = true;
	if (!quanterr_measure(&in->q, t, spec, &with, e))
		return false;
	spread(in);
	return true;
}

void quantinside_free(struct quantinside *in)
{
	quanterr_free(&in->q);
}

double quantinside_at(const struct quantinside *in, int row, int col)
{
	size_t at = (size_t)row * (size_t)in->q.map_cols + (size_t)col;

	return in->q.map_ref[at] > 0 ? in->q.map_err[at] / in->q.map_ref[at] : (double)NAN;
}

size_t quantinside_first(size_t n, int cells, int at)
{
	return ((size_t)at * n + (size_t)cells - 1) / (size_t)cells;
}

bool quantinside_worst(const struct quantinside *in, int *row, int *col)
{
	double worst = -1;

	for (int r = 0; r < in->q.map_rows; r++)
		for (int c = 0; c < in->q.map_cols; c++) {
			double v = quantinside_at(in, r, c);

			if (!(v > worst))
				continue;
			worst = v;
			*row = r;
			*col = c;
		}
	return worst >= 0;
}

bool quantinside_range(const struct quantinside *in, double *lo, double *hi)
{
	bool any = false;

	for (int i = 0; i < in->q.map_rows * in->q.map_cols; i++) {
		double v = quantinside_at(in, i / in->q.map_cols, i % in->q.map_cols);

		if (!isfinite(v))
			continue;
		*lo = any && *lo < v ? *lo : v;
		*hi = any && *hi > v ? *hi : v;
		any = true;
	}
	return any;
}
