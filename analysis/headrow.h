/*
 * headrow -- one row of attention read closely: how wide a head looks, and how
 * narrow it could look.
 *
 * With T visible keys and scores s (before the softmax, any constant added), let
 * sigma be the length of s minus its mean.  No row with that sigma has an
 * entropy below
 *
 *      ln(1 + (T-1) b) + sigma sqrt(T (T-1)) b / (1 + (T-1) b),
 *      b = exp(-sigma sqrt(T / (T-1)))
 *
 * (Zhai et al. 2023, row by row).  The bound is tight for one high score above
 * equal others; bound over entropy near 1 means the head is as sharp as its
 * scores allow.
 */
#ifndef ANALYSIS_HEADROW_H
#define ANALYSIS_HEADROW_H

struct headrow {
	int n;                  /* visible keys */
	double entropy;         /* nats */
	double effective;       /* exp(entropy): keys looked at, in effect */
	double sink;            /* probability of key 0 */
	double nosink;          /* entropy without key 0, renormalised; NAN with one key */
	double sigma;           /* length of the centred scores */
	double bound;           /* smallest entropy for that sigma */
	int strongest;          /* key with the largest probability */
};

/* p: [n], n >= 1.  Probabilities that underflowed count as the smallest float. */
struct headrow headrow_of(const float *p, int n);

#endif
