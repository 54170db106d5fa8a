/*
 * budget -- which method for which tensor, when the bits are limited.
 *
 * A knapsack over measured losses: every item takes one of its choices, the bits
 * stay within the total, the sum of losses is least.  By dynamic programming over
 * BUDGET_STEPS steps of the total, choices rounded up to whole steps; rounding costs
 * at most a step an item, so totals that are up to so much larger are tried too, and
 * the best of what keeps the exact total is taken -- the uniform choice among them.
 */
#ifndef ANALYSIS_BUDGET_H
#define ANALYSIS_BUDGET_H

#include <stddef.h>

#include "engine/base/err.h"

enum { BUDGET_STEPS = 1 << 15, BUDGET_CHOICES = 32 };

struct budget_choice {
	double bits;            /* of the whole item */
	double loss;            /* NAN: not to be had */
};

/* choices: [n][n_choices]; picks: [n].  ERR_USAGE says how many bits the cheapest
 * choices take when even those are too many. */
bool budget_choose(const struct budget_choice *choices, size_t n, int n_choices, double total_bits, int *picks,
    struct err *e) MUST_CHECK;

/*
 * BAQ's closed form (arXiv 2506.05664): with losses c_j 2^(-2 R_j) and a mean of
 * `mean` bits, the least sum has all losses equal,
 *      R_j = mean + log2(c_j / geometric mean of c) / 2
 * and where that is below 0 an item gets 0 and the others share what is left.
 * Returns geometric over arithmetic mean: what mixed widths can gain.
 */
double budget_baq(const double *c, size_t n, double mean, double *bits);

/*
 * The closed form where items differ in size and only some widths exist.  c_j is
 * the loss of a weight carried to 0 bits, the mean over the choices of
 * log2(loss 2^(2 bits)); means weigh an item by its size; then the choices that lie
 * closest to the R_j, in squared bits over all weights, within the total.  size:
 * [n] weights; want: [n] the R_j, may be NULL; *gain as above.
 */
bool budget_choose_baq(const struct budget_choice *choices, size_t n, int n_choices, const double *size,
    double total_bits, int *picks, double *want, double *gain, struct err *e) MUST_CHECK;

/* The choice that all items can have, fits the total and loses least; -1: none. */
int budget_uniform(const struct budget_choice *choices, size_t n, int n_choices, double total_bits);
/* Sums over what is picked. */
struct budget_choice budget_sum(const struct budget_choice *choices, size_t n, int n_choices, const int *picks);

#endif
