/*
 * recording -- where sessions go, what their header says, and what goes when they
 * become many.
 *
 * The meter records by itself: $XDG_STATE_HOME/clampmeter/sessions/, one file a
 * run, named by when it began.  The folder is kept below RECORDINGS_BYTES: the
 * oldest sessions go first, never one that is being written, never a file whose
 * name we do not make.
 */
#ifndef APP_RECORDING_H
#define APP_RECORDING_H

#include "app/options.h"
#include "app/setup.h"
#include "engine/session_file.h"
#include "engine/source.h"

/* 200 MB. */
#define RECORDINGS_BYTES ((uint64_t)200 * 1000 * 1000)

/* What the header says of a run.  `add_bos`: as texts are tokenized. */
void recording_header(struct session_header *h, const struct setup *s, int n_threads, int n_ctx, int piece,
    const char *kernels, bool add_bos);

/* Wraps the meter's source as --record and --no-record say.  NULL, with `behind`
 * closed, only when the file that was asked for by name cannot be made; a
 * recording nobody named that cannot be made is a warning on the screen. */
struct source *recording_open(struct source *behind, const struct setup *s, const struct options *o, struct err *e)
    MUST_CHECK;

/* The folder, made if it is not there; false when there is no place for one. */
bool recording_folder(struct buf *out, struct err *e) MUST_CHECK;
/* Deletes the oldest sessions of a folder until they hold at most `bytes`. */
void recording_prune(const char *folder, uint64_t bytes);

#endif
