/*
 * analyst -- the thread for slow questions: one at a time, in the order asked,
 * with progress and a way to call it off.
 *
 * A question is a pointer and a function that answers it in place; the asker gets
 * the pointer back from analyst_take() when it is answered.  poll() analyst_fd()
 * beside the source.  Between questions the thread sleeps.
 *
 * Owns     questions from analyst_ask() until they are taken back
 * Threads  ask, take and cancel from the UI thread; answer functions run on the
 *          analyst's
 */
#ifndef ANALYSIS_ANALYST_H
#define ANALYSIS_ANALYST_H

#include <stdatomic.h>

#include "engine/base/err.h"

struct analyst;

/* What an answer function may look at and say while it works. */
struct analyst_desk {
	atomic_bool stop;       /* set: give up soon; what is half done stays half done */
	_Atomic float done;     /* 0..1, for a progress bar */
};

typedef void analyst_fn(void *question, struct analyst_desk *desk);

struct analyst *analyst_new(struct err *e) MUST_CHECK;
/* Stops the question at work; `drop` (may be NULL) is called for each that was
 * not taken back. */
void analyst_free(struct analyst *a, void (*drop)(void *question));

int analyst_fd(const struct analyst *a);
/* False when too many wait: ask again later. */
bool analyst_ask(struct analyst *a, analyst_fn *answer, void *question) MUST_CHECK;
/* An answered (or stopped) question, or NULL. */
void *analyst_take(struct analyst *a);
/* Questions that wait or are at work; progress of the one at work. */
int analyst_pending(const struct analyst *a);
float analyst_progress(const struct analyst *a);
/* Gives up the one at work. */
void analyst_cancel(struct analyst *a);

#endif
