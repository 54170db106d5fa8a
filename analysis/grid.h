/*
 * grid -- rounding to nearest on evenly spaced levels: what RTN, GPTQ and
 * QuantEase share.
 *
 *      symmetric   w = scale q, scale = max |w| / (2^(b-1) - 1)
 *      minimum     w = min + scale q, scale = (max - min) / (2^b - 1)
 *      zero point  w = scale (q - zero), the same scale of a range that contains
 *                  0, zero = round(-min / scale)
 *
 * A scale and a minimum are stored in 16 bits each (f16), a zero point in b.
 */
#ifndef ANALYSIS_GRID_H
#define ANALYSIS_GRID_H

#include <stdbool.h>
#include <stddef.h>

enum grid_base { GRID_SYMMETRIC, GRID_MINIMUM, GRID_ZERO };

struct grid_kind {
	int bits;
	enum grid_base base;
};

struct grid {
	float scale, inverse;
	float lo, hi;           /* levels */
	float base;             /* the minimum, or 0 */
};

/* Of n weights, `stride` apart. */
struct grid grid_fit(struct grid_kind kind, const float *w, size_t n, size_t stride);
struct grid grid_fit_double(struct grid_kind kind, const double *w, size_t n);
/* The weight of the level nearest to w. */
float grid_round(const struct grid *g, float w);
double grid_round_double(const struct grid *g, double w);
/* All n of them; out may be w. */
void grid_round_all(const struct grid *g, const float *w, float *out, size_t n, size_t stride);
/* Bits of a scale and of what goes with it. */
int grid_bits(struct grid_kind kind);

/* Groups of a run of n: 0 means one group of all. */
static inline size_t grid_group(size_t n, double group)
{
	return group < 1 || group > (double)n ? n : (size_t)group;
}

static inline size_t grid_groups(size_t n, size_t group)
{
	return (n + group - 1) / group;
}

struct quant_job;

/* What the parameters bits, asym and zero of a method ask for. */
struct grid_kind grid_kind(const struct quant_job *q);

#endif
