/*
 * quanterr -- what a tensor loses under a method.
 *
 *      rel_error     ||W - W'||^2 / ||W||^2, and as SQNR in dB
 *      output_error  E||(W - W') x||^2 / E||W x||^2 on the inputs that were seen:
 *                    by their Gram matrix where it is known, else by E[x_j^2]
 *                    as if inputs were uncorrelated
 *      worst         the block of QUANTERR_BLOCK weights of a row that loses most
 *                    of its own energy
 *
 * A tensor is worked through by slices of rows where the method allows it, so
 * that memory stays small; sums are in double and in the order of the rows,
 * whatever the number of threads.
 *
 * Threads  quanterr_measure() from one thread at a time; the pool's workers run
 *          inside
 */
#ifndef ANALYSIS_QUANTERR_H
#define ANALYSIS_QUANTERR_H

#include "analysis/quantizer.h"
#include "engine/tensor.h"

enum { QUANTERR_BLOCK = 32, QUANTERR_CELLS = 64 };

/* What is known of the inputs of a tensor. */
struct quant_inputs {
	const float *moments;           /* [cols] E[x_j^2], or NULL */
	const double *gram;             /* [cols][cols] E[x x^T], or NULL */
	uint64_t n_tokens;              /* behind both */
};

struct quanterr {
	size_t rows, cols;
	double bits;                    /* per weight, scales and all */
	double err_sq, ref_sq;          /* ||W - W'||^2, ||W||^2 */
	double max_abs;                 /* largest |w - w'| */
	double out_err, out_ref;        /* E||(W - W') x||^2, E||W x||^2; NAN: inputs unknown */
	double worst;                   /* relative error of the worst block */
	size_t worst_row, worst_col;
	struct quant_figure figures[QUANT_FIGURES];
	int n_figures;
	/* Into the tensor: squared error and energy of a raster of blocks, both
	 * [map_rows][map_cols], at most QUANTERR_CELLS each way; of rows and columns
	 * cut evenly.  NULL unless asked for, and then the caller's to free. */
	int map_rows, map_cols;
	double *map_err, *map_ref;
};

double quanterr_rel(const struct quanterr *q);
/* -10 log10 of it; infinite without an error. */
double quanterr_sqnr_db(const struct quanterr *q);
double quanterr_output(const struct quanterr *q);      /* NAN: inputs unknown */

struct quanterr_options {
	struct quant_inputs in;
	struct pool *pool;
	const atomic_bool *stop;        /* may be NULL */
	bool map;
	/* Receives the reconstructed weights, any rows in any order, from workers. */
	void (*take)(void *to, size_t row, size_t n_rows, const float *w);
	void *to;
};

/* ERR_UNSUPPORTED: the method does not fit the shape; ERR_INTERRUPTED: stopped. */
bool quanterr_measure(struct quanterr *q, const struct tensor *t, const struct quant_spec *spec,
    const struct quanterr_options *opt, struct err *e) MUST_CHECK;

/* The same for weights that are there already: w, back: [rows][cols]. */
void quanterr_compare(struct quanterr *q, const float *w, const float *back, size_t rows, size_t cols,
    const struct quanterr_options *opt);

void quanterr_free(struct quanterr *q);

#endif
