/*
 * complete -- what could stand where the prompt's cursor is.
 *
 * The first word is a command; behind it, the type of the argument decides
 * (args.h).  File names come from the file system, and a text completes nothing.
 */
#ifndef APP_COMPLETE_H
#define APP_COMPLETE_H

#include "app/app.h"

/* Appends to `out` the candidates for line[start..end), each ended by a NUL;
 * returns how many.  `line` is all of it; what stands before start is context. */
int complete_line(const struct app *a, const char *line, size_t start, size_t end, struct buf *out);
/* What the command typed so far expects, for the end of the line; empty when
 * there is nothing to say. */
void complete_hint(const char *line, struct buf *out);

#endif
