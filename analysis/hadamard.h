/*
 * hadamard -- turning channels into each other, so that none sticks out.
 *
 * The Walsh-Hadamard matrix of a power of two, scaled to be orthogonal and its
 * own inverse.  A width that is no power of two is turned in equal blocks of the
 * largest power that divides it (576 = 9 x 64), as METHODS 5.8 has it.
 *
 * Shapes   x: [n]; gram: [n][n]
 */
#ifndef ANALYSIS_HADAMARD_H
#define ANALYSIS_HADAMARD_H

#include <stddef.h>

size_t hadamard_block(size_t n);
void hadamard_row(float *x, size_t n);
/* E[(H x)_j^2] when all that is known is E[x_j^2]: the mean of the block, as if
 * channels were uncorrelated. */
void hadamard_moments(const float *m, float *out, size_t n);
/* H G H. */
void hadamard_gram(const double *g, double *out, size_t n);

#endif
