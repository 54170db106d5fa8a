/*
 * account -- what an edit has done so far, added up from the receipts of steps.
 *
 * An edit that was in force and wrote nothing is the most important thing to
 * know about it: `asked` counts the steps that had it, `positions` those where
 * it wrote.
 */
#ifndef ANALYSIS_ACCOUNT_H
#define ANALYSIS_ACCOUNT_H

#include "analysis/timeline.h"
#include "engine/base/buf.h"

struct account {
	int asked;              /* steps made with the edit in the set */
	int positions;          /* of them, where it wrote */
	long applied;           /* places written: one for each layer it names */
	double mean_change;     /* L2 length of what it changed, over positions */
	float last_change, last_before;
	int last_pos;           /* -1: nowhere yet */
};

/* One more step. */
void account_add(struct account *a, const struct step *s, const struct receipt *r);
/* Members of a JSON object: applied, positions, mean_change, last_change, last_before. */
void account_json(const struct account *a, struct buf *out);
/* Along the line, positions 0 to upto. */
struct account account_of(const struct timeline *t, int edit, int upto);

#endif
