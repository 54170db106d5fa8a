/*
 * record -- a source that writes down what passes: a session on disk.
 *
 * Stands between a live source and who watches it.  Steps and orders are written
 * as they are taken, in the order the engine lived them; disk stalls never touch
 * decoding.  A write that fails is told once, as NEWS_WARNING, and the run goes
 * on unrecorded.
 *
 * Owns     the source behind it, and the recorder
 * Threads  the UI thread
 */
#ifndef ENGINE_RECORD_H
#define ENGINE_RECORD_H

#include "engine/recorder.h"

/* See recorder_open().  On failure `behind` is closed. */
struct source *record_open(struct source *behind, const char *path, const struct session_header *h,
    const struct model *model, struct err *e) MUST_CHECK;
/* Records nothing and says why, once: for a recording nobody asked for by name. */
struct source *record_refused(struct source *behind, const struct err *why) MUST_CHECK;

/* Lines that do not come from the engine.  Nothing happens when `s` is no recording. */
void record_command(struct source *s, const char *line);
void record_say(struct source *s, const char *words);

#endif
