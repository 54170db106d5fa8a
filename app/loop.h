/*
 * loop -- one poll(): keys, signals, news, frames.
 *
 * Nothing here waits for the model: a wake does a bounded amount of work and the
 * screen is drawn at most max_fps times a second, whatever comes in.
 */
#ifndef APP_LOOP_H
#define APP_LOOP_H

#include "app/app.h"

struct loop_options {
	int max_fps;            /* 0: 30 */
};

/* Returns the signal that ended it, or 0. */
int loop_run(struct app *a, const struct loop_options *o);

#endif
