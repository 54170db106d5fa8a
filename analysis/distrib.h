/*
 * distrib -- entropy and distances of probability distributions, in double.
 *
 * Natural logarithms throughout, so nats; 0 ln 0 is 0.  The definitions behind
 * the lenses, the comparisons and their tests.
 *
 * Shapes   p, q: [n], non-negative, summing to 1
 */
#ifndef ANALYSIS_DISTRIB_H
#define ANALYSIS_DISTRIB_H

#include <stddef.h>

/* ln sum exp(x_i), without overflow. */
double distrib_lse(const float *logits, size_t n);
/* p may not overlap logits. */
void distrib_softmax(const float *logits, size_t n, double *p);

/* H(p) = -sum p ln p: 0 when one outcome is certain, ln n when all are alike. */
double distrib_entropy(const double *p, size_t n);
/* The same from single precision values (a row of attention). */
double distrib_entropy_f32(const float *p, size_t n);
/* sum p (ln p + H)^2, the variance of the surprise around the entropy. */
double distrib_varentropy(const double *p, size_t n);

/* KL(p || q) = sum p ln(p / q); infinite where p has mass and q has none. */
double distrib_kl(const double *p, const double *q, size_t n);
/* H((p+q)/2) - (H(p)+H(q))/2, from 0 (equal) to ln 2 (nothing in common). */
double distrib_jsd(const double *p, const double *q, size_t n);

/* What rounding pushed a hair out of [lo, hi] put back; NaN stays NaN. */
static inline double distrib_within(double x, double lo, double hi)
{
	return x < lo ? lo : x > hi ? hi : x;
}

#endif
