/*
 * pairs -- the second models in app's state: the one of the lockstep pane, and the
 * model under the matrices that are swapped, whose distance from the original is
 * their receipt.
 *
 * Threads  the UI thread
 */
#ifndef APP_PAIRS_H
#define APP_PAIRS_H

#include <stdbool.h>
#include <stdint.h>

#include "views/view.h"

struct app;

void pairs_take(struct app *a);
/* Before a frame: what the panes in sight want read. */
void pairs_in_sight(struct app *a, bool lockstep, bool receipt);
/* The lockstep goes on with the text as it is now. */
void pairs_follow(struct app *a);
void pairs_tick(struct app *a, uint64_t *wait);
bool pairs_busy(const struct app *a);
void pairs_view(const struct app *a, struct view *v);
void pairs_free(struct app *a);

#endif
