/*
 * status -- the line that says what is going on, and the line of keys below it.
 */
#ifndef VIEWS_STATUS_H
#define VIEWS_STATUS_H

#include "views/canvas.h"
#include "views/view.h"

/* What is left out first when the line is short is at its end. */
void status_draw(struct canvas *line, const struct view *v);

struct key_hint {
	const char *key, *does;
};
/* As many as fit, in order. */
void keyline_draw(struct canvas *line, const struct key_hint *hints, int n);

#endif
