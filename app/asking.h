/*
 * asking -- questions whose answer is computed: what a condition wants to know of
 * the step seen again (look.h) or of the probe text, and what `track' tells where
 * no screen is.
 *
 * One question waits at a time; a script goes on when it is answered.
 *
 * Owns     nothing: part of app's state
 * Threads  the UI thread
 */
#ifndef APP_ASKING_H
#define APP_ASKING_H

#include <stdbool.h>

#include "app/condition.h"

struct app;

enum answered { ANSWER_KNOWN, ANSWER_PENDING, ANSWER_NONE };

struct asking {
	bool waits;
	bool expects;           /* a condition has to hold; else the tracked tokens are told */
	struct condition condition;
	int pos;
	char text[160];         /* as it was typed */
};

/* Whether a condition holds at a position, *holds; what was found is appended.  What
 * is not there yet is asked for. */
enum answered asking_holds(struct app *a, const struct condition *c, int pos, bool *holds, struct buf *found);

/* At the cursor; the failure of a condition that is known at once is the caller's. */
bool asking_expect(struct app *a, const struct condition *c, const char *text, struct err *e) MUST_CHECK;
bool asking_track(struct app *a, struct err *e) MUST_CHECK;
/* Called after news. */
void asking_go_on(struct app *a);

#endif
