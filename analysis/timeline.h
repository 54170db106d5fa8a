/*
 * timeline -- the steps of a session by position: the line that is being
 * written, and the branches that were left behind by going back.
 *
 *      pos   0  1  2  3  4  5  6
 *            o--o--o--o--o--o--o      branch 0, left at 3
 *                     \--o--o--o      branch 1, the line
 *
 * Steps are kept while the budget lasts; then the oldest go, those of left
 * branches first.  The tokens of the line are never dropped.  A place whose step
 * is gone, or was never reported, is a hole.
 *
 * Owns     a reference to each step it holds
 * Threads  the UI thread
 */
#ifndef ANALYSIS_TIMELINE_H
#define ANALYSIS_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/lens.h"
#include "engine/step.h"

struct timeline;

/* Room for 4,096 steps of 64 kB. */
#define TIMELINE_BUDGET ((size_t)256 << 20)

struct timeline *timeline_new(size_t budget_bytes);
void timeline_free(struct timeline *t);

/* Takes the reference.  A step at a position that the line has already begins a
 * branch there. */
void timeline_add(struct timeline *t, const struct step *s);
/* The text keeps its first n tokens. */
void timeline_cut(struct timeline *t, int n_tokens);

/* Steps of the line: its last position + 1. */
int timeline_n(const struct timeline *t);
/* NULL is a hole. */
const struct step *timeline_at(const struct timeline *t, int pos);
/* Value of a lens with one value a step, kept side by side for charts, also when
 * the step itself had to go; NAN is a hole. */
float timeline_scalar(const struct timeline *t, int pos, enum lens_id id);
/* Steps received so far, whatever became of them. */
long timeline_received(const struct timeline *t);
/* Bytes of the steps held. */
size_t timeline_bytes(const struct timeline *t);

int timeline_n_tokens(const struct timeline *t);
int32_t timeline_token(const struct timeline *t, int i);
/* How token i came; the first is always given. */
enum step_why timeline_why(const struct timeline *t, int i);

/* A branch that was left: it shares positions below `fork` with the line it left. */
struct timeline_branch {
	int number;             /* 1, 2, ...: in the order they were left */
	const char *name;       /* that the user gave it, or NULL */
	int fork, n;            /* its own positions: [fork, fork + n) */
	const struct step *const *steps;        /* [n]; NULL is a hole */
};
int timeline_n_branches(const struct timeline *t);
struct timeline_branch timeline_branch(const struct timeline *t, int i);
/* False when there is no such branch (any more). */
bool timeline_find_branch(const struct timeline *t, int number, struct timeline_branch *out);
/* A name is copied, NULL takes it away.  Names and deletions are of what is shown,
 * not of the session. */
void timeline_name_branch(struct timeline *t, int number, const char *name);
/* Lets go of its steps; another branch that shared them has holes there. */
void timeline_forget_branch(struct timeline *t, int number);

/* The step that the line of a branch had at a position, shared ones too: those are
 * on the line of now, or on branches that were left later.  NULL: a hole, or the
 * branch does not go there. */
const struct step *timeline_branch_at(const struct timeline *t, int number, int pos);
/* The first position where that line may not be the line of now. */
int timeline_branch_from(const struct timeline *t, int number);

#endif
