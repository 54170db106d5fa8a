/*
 * quanting -- the quantlab in app's state: what its answers do, and what the quant
 * pane wants when it is in sight.
 *
 * Threads  the UI thread
 */
#ifndef APP_QUANTING_H
#define APP_QUANTING_H

#include <stdbool.h>
#include <stdint.h>

#include "views/view.h"

struct app;

/* Takes what the lab has answered. */
void quanting_take(struct app *a);
/* Before a frame that shows the pane: begins with a method where none was chosen,
 * and brings its figures up to what the model has read. */
void quanting_in_sight(struct app *a);
/* Progress moves by itself; lowers *wait to when. */
void quanting_tick(struct app *a, uint64_t *wait);
/* Out of a tensor, back to the map; false when there was none. */
bool quanting_leave(struct app *a);
/* What panes see of it. */
void quanting_view(const struct app *a, struct view *v);

#endif
