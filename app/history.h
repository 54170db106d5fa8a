/*
 * history -- where the lines of the prompt are kept from one day to the next.
 *
 * $XDG_STATE_HOME/clampmeter/history, in ~/.local/state when that is not set.
 * Folders are made with mode 0700 and the file with 0600: prompts are private.
 */
#ifndef APP_HISTORY_H
#define APP_HISTORY_H

#include "engine/base/buf.h"

enum { HISTORY_LINES = 2000 };

/* False when there is no place for it; the program then goes without. */
bool history_path(struct buf *out);
/* Loads the file into readline's history.  A missing or unreadable one is empty. */
void history_load(const char *path);
/* Adds a line, in memory and at the end of the file (path NULL: memory only);
 * the last line again is not added. */
void history_add_line(const char *path, const char *line);

#endif
