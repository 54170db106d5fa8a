/*
 * compare -- a branch that was left beside the line that was gone on with.
 *
 * Row i is position `from' + i, the first where they can differ: what each of the two read next, and how far apart
 * the distributions were that it was drawn from.  A step keeps its STEP_TOP
 * likeliest tokens, so KL(line || branch) is over the tokens that either keeps,
 * made to sum to 1; one that the other lacks counts there as its least likely
 * kept one, which is more than it had: a lower bound, near enough to see where
 * two texts part.
 *
 * Owns     nothing: good until the timeline changes
 */
#ifndef ANALYSIS_COMPARE_H
#define ANALYSIS_COMPARE_H

#include "analysis/timeline.h"

struct compare {
	const struct timeline *t;
	struct timeline_branch branch;
	int from, n;            /* first position; rows */
	int first;              /* position whose next token is the first to differ, -1: none does */
	int n_compared;         /* rows with a KL */
	double mean_kl;         /* nats, over them; NAN without any */
};

struct compare_row {
	int pos;
	int32_t line, branch;   /* the token behind pos; -1: none there */
	double kl;              /* nats; NAN where one of them has no distribution */
};

/* False when there is no such branch. */
bool compare_open(struct compare *c, const struct timeline *t, int number);
struct compare_row compare_at(const struct compare *c, int i);

#endif
