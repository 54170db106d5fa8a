/*
 * search -- the scales under which a group of weights loses least, for the
 * K formats.
 *
 * Rounding with the scale that just covers the range is not the best that a
 * grid can do.  A search tries neighbouring scales; for each it rounds, then
 * solves the weighted least squares for the scale (and minimum) that those
 * levels want, and keeps the set that loses least.  The number of trials, their
 * spacing and the weights follow the description of ggml's reference, so that
 * the errors are those a user of such files meets; the bytes are not the same.
 *
 * Shapes   x: [n], n a multiple of 8 and at most 32
 */
#ifndef ENGINE_DTYPES_SEARCH_H
#define ENGINE_DTYPES_SEARCH_H

#include "engine/dtypes/block.h"

/* x is about scale * q - min, q in 0..top, scale and min not below 0. */
void search_affine(const float *x, int n, int top, float *scale, float *min);
/* x is about scale * q, q in -half..half - 1; the scale may be negative. */
float search_symmetric(const float *x, int n, int half);

/* The nearest level of lo..hi; what has no nearest (NaN) is lo. */
int search_level(float x, int lo, int hi);
/* Of (x - base) * inverse, counted from lo. */
void search_levels(const float *x, int n, float base, float inverse, int lo, int hi, unsigned char *q);
/* 1 / x, or 0 where that is not finite. */
float search_inverse(float x);
/* The largest of n values that are not negative; infinite ones are passed over. */
float search_largest(const float *x, int n);
/* The step that puts the scale of largest magnitude on -levels, the far end of a
 * signed grid. */
float search_step(const float *scale, int n, int levels);

/* The eight 6-bit scales and minima of Q4_K and Q5_K, with their shared d and
 * dmin behind them, written as block_scale_min() reads them; `q` (256 levels up
 * to `top`) is rounded against what was stored. */
void search_put_affine8(const float *x, int top, unsigned char *d, unsigned char *scales, unsigned char *q);

#endif
