/*
 * batch -- a script without a screen: the same commands, and files and an exit
 * status instead of panes.
 *
 * Nothing waits for a reader: pauses and questions pass at once.  What was
 * expected and did not hold ends it with ERR_MISMATCH, naming file, line,
 * condition and the value found.
 */
#ifndef APP_BATCH_H
#define APP_BATCH_H

#include "app/options.h"

/* `run --script': the text as it stands in the end goes to standard output. */
bool batch_script(const struct options *o, struct err *e) MUST_CHECK;

#endif
