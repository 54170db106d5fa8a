/*
 * looks -- what is computed only for the step somebody looks at, kept for a while.
 *
 * The frame says what its panes need; a look that answers it is handed out, or an
 * order goes to the engine and the panes show that the answer is pending.  One
 * order is under way at a time, and none while text is being generated at full
 * speed under the cursor: watching must not slow the run.
 *
 * Owns     a reference to each look it keeps
 * Threads  the UI thread
 */
#ifndef APP_LOOKS_H
#define APP_LOOKS_H

#include "engine/source.h"

enum { LOOKS_KEPT = 32 };

struct looks {
	const struct look *kept[LOOKS_KEPT];    /* a ring */
	int next;
	bool asked;             /* an order is under way */
	int failed;             /* index of the step under the cursor when it cannot be looked at, -1 */
	char why[80];           /* it cannot */
	int n_track;            /* tokens whose probability is compared */
	int32_t track[LOOK_TRACK];
};

void looks_start(struct looks *l);
void looks_clear(struct looks *l);
/* The look at step `s` with all of `needs`, of layer `layer` where that matters.
 * NULL: pending when `may_ask` was true, else not to be had now. */
const struct look *looks_get(struct looks *l, struct source *src, const struct step *s, unsigned needs, int layer,
    bool may_ask);
/* An answer came: takes the reference.  NULL: it could not be given, and why; the
 * step is asked for again when the cursor has been elsewhere. */
void looks_came(struct looks *l, const struct look *k, int step, const char *why);

#endif
