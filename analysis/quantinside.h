/*
 * quantinside -- one tensor under a method, from within: which blocks of rows and
 * columns lose most, and how its weights are spread.
 *
 * Owns     its raster; the tensor is borrowed
 * Threads  one at a time
 */
#ifndef ANALYSIS_QUANTINSIDE_H
#define ANALYSIS_QUANTINSIDE_H

#include "analysis/quanterr.h"

enum { QUANTINSIDE_BINS = 64 };

struct quantinside {
	const struct tensor *t;
	struct quant_spec spec;
	struct quanterr q;              /* with its raster */
	double max_w;                   /* largest |w| */
	double histogram[QUANTINSIDE_BINS];     /* weights by value, of [-max_w, max_w] */
};

/* ERR_UNSUPPORTED: the method does not fit the shape; ERR_INTERRUPTED: stopped. */
bool quantinside_measure(struct quantinside *in, const struct tensor *t, const struct quant_spec *spec,
    const struct quanterr_options *opt, struct err *e) MUST_CHECK;
void quantinside_free(struct quantinside *in);

/* Relative error of a cell of the raster; NAN where all weights are 0. */
double quantinside_at(const struct quantinside *in, int row, int col);
/* First row (or column) of the tensor that a row (column) of the raster holds. */
size_t quantinside_first(size_t n, int cells, int at);
bool quantinside_worst(const struct quantinside *in, int *row, int *col);
bool quantinside_range(const struct quantinside *in, double *lo, double *hi);

#endif
