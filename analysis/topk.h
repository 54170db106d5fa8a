/*
 * topk -- the head of a step's distribution, made to sum to 1.
 *
 * Signals over the whole vocabulary are dominated by its long tail and cost a
 * pass over it; the instability signal (Chen et al. 2026) is defined on the k
 * most probable tokens, renormalised.  Two heads are compared on the union of
 * their tokens, a token that one of them lacks counting 0 there.
 *
 * Owns     nothing; a plain value
 */
#ifndef ANALYSIS_TOPK_H
#define ANALYSIS_TOPK_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/step.h"

struct topk {
	int n;
	int32_t id[STEP_TOP];   /* by falling p */
	double p[STEP_TOP];     /* sums to 1 */
};

/* The k (at most STEP_TOP) most probable tokens of the raw distribution; fewer
 * when the vocabulary is smaller.  False when the step has no distribution. */
bool topk_of_step(const struct step *s, int k, struct topk *out);

/* H of the head, nats: 0 to ln n. */
double topk_entropy(const struct topk *t);
/* JSD of two heads on the union of their tokens, nats: 0 to ln 2. */
double topk_jsd(const struct topk *a, const struct topk *b);

#endif
