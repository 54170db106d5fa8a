/*
 * evopress -- the choices whose model is closest to the original, by trying
 * (Sieberling et al., arXiv 2410.14649).
 *
 * One parent; each generation makes offspring by a few switches -- an item up one
 * level, others down until the total holds again -- and a tournament on ever more
 * of the text keeps the best.  The parent stays unless it is beaten, so what is
 * found is never worse than where it began.  Reduced for one machine: 16 offspring
 * on an eighth of the text, 4 of them on all of it.
 *
 * The same seed gives the same search.
 */
#ifndef ANALYSIS_EVOPRESS_H
#define ANALYSIS_EVOPRESS_H

#include <stdint.h>

#include "analysis/budget.h"

enum { EVOPRESS_OFFSPRING = 16, EVOPRESS_FINALISTS = 4 };
#define EVOPRESS_SHARE 0.125            /* of the text, in the first round */

struct evopress {
	const struct budget_choice *choices;    /* [n][n_choices] */
	size_t n;
	int n_choices;
	double total_bits;
	uint64_t seed;
	int generations;
	/* KL to the original on a share of the text; false ends the search. */
	bool (*kl)(void *to, const int *picks, double share, double *kl, struct err *e);
	/* Before each generation and after the last; may be NULL. */
	void (*progress)(void *to, int generation, double best);
	void *to;
};

/* picks: [n], the start (within the total), and then the best; *kl its KL on all of
 * the text, also when the search is stopped (false, ERR_INTERRUPTED). */
bool evopress_run(const struct evopress *s, int *picks, double *kl, struct err *e) MUST_CHECK;

#endif
