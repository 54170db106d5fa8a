/*
 * recorder -- writes a session file as it is lived, line by line.
 *
 * Each line is one write(), so a kill leaves whole lines behind it and at most
 * one broken one.  The first write that fails ends the recording: nothing more
 * is written, recorder_failure() says why, and whoever records goes on without.
 * The model's fingerprint is computed on a thread of its own and written when it
 * is known.  A file that is being written is locked (flock), so that two
 * programs never write one and nobody clears it away.
 *
 * Owns     the file (mode 0600), from recorder_open() to recorder_close()
 * Threads  the caller's, and one for the fingerprint
 */
#ifndef ENGINE_RECORDER_H
#define ENGINE_RECORDER_H

#include "engine/session_file.h"

struct model;
struct recorder;

/* Refuses to write over a file that is there and is no session, or that is being
 * written.  `model` is read for its fingerprint; NULL: none. */
struct recorder *recorder_open(const char *path, const struct session_header *h, const struct model *model,
    struct err *e) MUST_CHECK;
void recorder_close(struct recorder *r);        /* NULL is fine */

/* `piece` gives the text of tokens, as for trace_line(). */
void recorder_step(struct recorder *r, const struct step *s, piece_fn *piece, void *of);
void recorder_order(struct recorder *r, const struct order *o);
void recorder_command(struct recorder *r, const char *line);
void recorder_say(struct recorder *r, const char *words);

/* What ended the recording, told once; NULL while all is well. */
const char *recorder_failure(struct recorder *r);

#endif
