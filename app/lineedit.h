/*
 * lineedit -- the `:` prompt: readline does the editing, history and completion,
 * the canvas shows it.
 *
 * readline is used through its callback interface and never touches the
 * terminal: keys are handed to it one at a time, its redisplay does nothing, and
 * what it would draw is read from its variables.  It keeps global state, so
 * there is one prompt in a program.
 *
 * Threads  the UI thread
 */
#ifndef APP_LINEEDIT_H
#define APP_LINEEDIT_H

#include <stdbool.h>

#include "views/prompt.h"

struct app;
struct lineedit;

/* Before the terminal is started.  `history` NULL: kept in memory only. */
struct lineedit *lineedit_new(struct app *a, const char *history);
void lineedit_free(struct lineedit *l);

void lineedit_open(struct lineedit *l, const char *begun);
bool lineedit_active(const struct lineedit *l);
/* Enter runs the line through app_line(). */
void lineedit_key(struct lineedit *l, int key);
void lineedit_cancel(struct lineedit *l);
/* Good until the next key. */
struct prompt_view lineedit_view(struct lineedit *l);

#endif
