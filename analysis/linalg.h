/*
 * linalg -- the little linear algebra that quantizers need, in double.
 *
 * Shapes   row by row, the last index contiguous
 * Threads  `pool` may be NULL; the same bits come from any number of workers
 */
#ifndef ANALYSIS_LINALG_H
#define ANALYSIS_LINALG_H

#include <stddef.h>

#include "engine/base/err.h"
#include "engine/base/pool.h"

/*
 * The upper Cholesky factor U of the inverse of a symmetric positive matrix h:
 * h^-1 = U^T U.  Of h with rows and columns reversed comes h = R R^T with R upper;
 * then U = R^-1, and no inverse of h is formed.  h: [n][n] is overwritten with U,
 * zeros below.  False (ERR_RUN) when h is not positive.
 */
bool linalg_inverse_factor(double *h, size_t n, struct pool *pool, struct err *e) MUST_CHECK;

/* The largest eigenvalue of a symmetric positive matrix, by power iteration. */
double linalg_largest(const double *h, size_t n, int iterations);

/* The best approximation of rank r, by randomized subspace iteration (Halko,
 * Martinsson and Tropp 2011; 8 extra directions, two powers, a fixed seed):
 * a is about left right^T, singular values split evenly between the two. */
struct lowrank {
	size_t rows, cols, rank;
	double *left;           /* [rows][rank] */
	double *right;          /* [cols][rank] */
	double *sigma;          /* [rank], falling */
	double total_sq;        /* ||a||^2 */
};

bool lowrank_new(struct lowrank *l, const float *a, size_t rows, size_t cols, size_t rank, struct pool *pool,
    struct err *e) MUST_CHECK;
/* Both factors to 16 bits each, as they would be stored. */
void lowrank_round(struct lowrank *l);
/* The value at a place. */
double lowrank_at(const struct lowrank *l, size_t row, size_t col);
void lowrank_free(struct lowrank *l);

/* Eigenvalues (falling) and eigenvectors (columns of v) of a symmetric a: [n][n],
 * which is destroyed, by Jacobi rotations. */
void linalg_eigen(double *a, double *values, double *v, size_t n);

#endif
