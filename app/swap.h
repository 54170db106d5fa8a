/*
 * swap -- an edit that waits for its matrices.
 *
 * The lab makes them on its thread; when they are there the edit is made and
 * holds from the next step on.  What was made once in the session is used again.
 *
 * Owns     nothing
 * Threads  the UI thread
 */
#ifndef APP_SWAP_H
#define APP_SWAP_H

#include "engine/edit.h"

struct app;

/* The edit as it was parsed; it stays the caller's. */
bool swap_ask(struct app *a, struct edit *ed, struct err *e) MUST_CHECK;
/* The matrices are there; the edit stays the caller's. */
bool swap_came(struct app *a, struct edit *ed, struct err *e) MUST_CHECK;
/* Calls off what is being made; how many. */
int swap_stop(struct app *a);

#endif
