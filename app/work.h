/*
 * work -- what takes a while just now: one line of words for the status line, how
 * far it is, how long yet, and the way to call it off.
 *
 * Each kind is a row of work.def with a function that looks and one that stops;
 * the first that is at it is shown, once it has taken half a second.
 *
 * Threads  the UI thread
 */
#ifndef APP_WORK_H
#define APP_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/pace.h"

struct app;

enum work_kind {
#define WORK(id, words) WORK_##id,
#include "app/work.def"
#undef WORK
	N_WORKS,
	WORK_NONE = N_WORKS,
};

struct work {
	enum work_kind kind;    /* WORK_NONE: nothing */
	char words[96];         /* "read 312 of 2048 tokens" */
	double done;            /* 0..1, NAN: it cannot say */
	struct pace pace;
	bool shown;             /* it takes long enough */
	uint64_t over_ns;       /* with WORK_NONE: when what was shown came to its end; 0: long ago */
};

/* Looks what is under way; lowers *wait to when it wants to be shown again. */
void work_tick(struct app *a, uint64_t now, uint64_t *wait);
/* Calls off what is under way; false when nothing is.  What came to its end just now
 * counts as called off: the key was meant for it, not for leaving. */
bool work_cancel(struct app *a);
/* The key that calls it off: Esc only where it has nothing nearer to leave. */
const char *work_key(const struct app *a);
/* The engine has come to rest: says what a reading that was called off has kept. */
void work_rested(struct app *a);

#endif
