/*
 * record -- a source that writes down what passes: a session on disk.
 *
 * Stands between a live source and who watches it.  Steps and orders are written
 * as they are taken, in the order the engine lived them; disk stalls never touch
 * decoding.  A write that fails is told once, as NEWS_ERROR, and the run goes on
 * unrecorded.  The model's fingerprint is computed on a thread of its own and
 * written when it is known.
 *
 * Owns     the source behind it; the file (mode 0600)
 * Threads  the UI thread, and one for the fingerprint
 */
#ifndef ENGINE_RECORD_H
#define ENGINE_RECORD_H

#include "engine/session_file.h"

struct model;

/* Refuses to write over a file that is there and is no session.  `model` is read
 * for its fingerprint; NULL: none.  On failure `behind` is closed. */
struct source *record_open(struct source *behind, const char *path, const struct session_header *h,
    const struct model *model, struct err *e) MUST_CHECK;
/* Lines that do not come from the engine.  Nothing happens when `s` is no recording. */
void record_command(struct source *s, const char *line);
void record_say(struct source *s, const char *words);

#endif
