/*
 * frame -- the whole screen, drawn on a canvas from the state of the app.
 *
 * Pure but for a->placed and a->area, which remember where panes came to lie for
 * clicks and focus.
 */
#ifndef APP_FRAME_H
#define APP_FRAME_H

#include "app/app.h"

/* Brings a->placed up to date with what commands changed since the last frame:
 * several may run before the next. */
void frame_place(struct app *a);

/* The picture that panes draw, with what those in sight want computed for the step
 * under the cursor: had now, or asked for. */
void frame_view(struct app *a, struct view *v);

/* Where the terminal's cursor belongs; y -1: hidden. */
struct frame_cursor {
	int y, x;
};
struct frame_cursor frame_draw(struct app *a, struct canvas *c);

#endif
