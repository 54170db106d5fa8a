/*
 * patch -- an edit that waits for the value it puts back.
 *
 * The value of a place at an earlier position is looked up by the engine, which
 * computes that position again; when it is there the edit is made.
 *
 * Owns     nothing but a parsed edit, from patch_ask() to patch_came()
 * Threads  the UI thread
 */
#ifndef APP_PATCH_H
#define APP_PATCH_H

#include "engine/edit.h"
#include "engine/look.h"

struct app;

struct patch {
	bool waits;
	struct edit edit;       /* without its vector yet */
	int branch, pos;        /* branch 0: the line */
};

/* The place as in `edit`, at the step that the line (branch 0) or a branch that was
 * left has at a position. */
bool patch_ask(struct app *a, const struct edit *edit, int branch, int pos, struct err *e) MUST_CHECK;
/* The answer, or NULL and why not. */
bool patch_came(struct app *a, const struct look *k, const char *why, struct err *e) MUST_CHECK;
void patch_drop(struct patch *p);

#endif
