/*
 * branch -- branches that were left, as the user names them.
 *
 * Threads  the UI thread
 */
#ifndef APP_BRANCH_H
#define APP_BRANCH_H

#include "analysis/timeline.h"
#include "engine/look.h"

struct app;

/* By its number or its name; a name may begin with a digit only when it is none. */
bool branch_named(const struct app *a, const char *text, struct timeline_branch *out, struct err *e) MUST_CHECK;
/* A request for a position of it: allocates request->past, which is the caller's. */
bool branch_request(const struct app *a, int number, int pos, struct look_request *out, struct err *e) MUST_CHECK;

#endif
