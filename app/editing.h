/*
 * editing -- what is in force: the edits with their past and future, and the
 * sampler.
 *
 * A set of edits never changes; a change puts another one behind it, so undo is
 * sending the one before.
 *
 * Owns     a reference to each set of the past and the future, in app's state
 * Threads  the UI thread
 */
#ifndef APP_EDITING_H
#define APP_EDITING_H

#include "engine/edit.h"

struct app;

const struct edit_set *app_edits(const struct app *a);
/* Asks for the model's perplexity under the edits in force. */
void app_probe(struct app *a);
/* Sends the set that is in force now in the place of `before`; a text that is no
 * longer read as the edits want is read again. */
bool app_send_edits(struct app *a, const struct edit_set *before, const struct edit_set *now, struct err *e);
/* Makes a set the one in force; takes the reference. */
bool app_set_edits(struct app *a, const struct edit_set *s, struct err *e);
/* A set with one more edit, which gets its number here; the edit stays the caller's. */
bool app_add_edit(struct app *a, struct edit *ed, struct err *e);
bool app_set_chain(struct app *a, const char *text, struct err *e);

#endif
