/*
 * tee -- a source that writes a trace line for every step that passes through it.
 *
 * The meter looks at the tee and sees the source behind it; --trace works there
 * as it does in `run'.
 *
 * Owns     the source behind it and the file, from tee_open() to source_close()
 * Threads  the UI thread, like every source
 */
#ifndef APP_TEE_H
#define APP_TEE_H

#include "engine/source.h"

/* NULL, with the source closed and `e` filled, when the file cannot be made.  A
 * write that fails later comes once as NEWS_WARNING and ends the tracing. */
struct source *tee_open(struct source *behind, const char *path, struct err *e) MUST_CHECK;
/* False, with `e` saying why, when not every line could be written. */
bool tee_whole(const struct source *tee, struct err *e) MUST_CHECK;

#endif
