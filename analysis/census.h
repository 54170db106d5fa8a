/*
 * census -- every weight of a tensor looked at once: is it a number, and how big.
 *
 * Weights are widened as the engine widens them, so a block whose scale is NaN
 * counts as a block of NaN weights.
 *
 * Threads  runs on the pool; the counts do not depend on how many workers it has
 */
#ifndef ANALYSIS_CENSUS_H
#define ANALYSIS_CENSUS_H

#include <stdint.h>

#include "engine/base/pool.h"
#include "engine/tensor.h"

struct census {
	uint64_t n, n_nan, n_inf, n_zero;
	float largest;          /* of the finite ones, by size */
};

struct census census_tensor(struct pool *p, const struct tensor *t);
void census_add(struct census *sum, const struct census *more);

#endif
