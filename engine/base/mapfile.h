/*
 * mapfile -- a whole file as read-only memory.
 *
 * Only regular files with at least one byte: a directory, a pipe or a device is
 * refused by name instead of blocking or mapping nothing.  The size is the one
 * fstat() gave; a file that somebody cuts short afterwards raises SIGBUS on the
 * bytes that are gone, as with every mapping; mapfile_at() tells a handler whose
 * bytes they were.
 *
 * Owns     the mapping, from mapfile_open() to mapfile_close()
 * Threads  immutable after open
 */
#ifndef ENGINE_BASE_MAPFILE_H
#define ENGINE_BASE_MAPFILE_H

#include <stddef.h>

#include "engine/base/err.h"

struct mapfile {
	const unsigned char *data;
	size_t size;
};

/* False, with `e` naming path and reason, and *m empty. */
bool mapfile_open(struct mapfile *m, const char *path, struct err *e) MUST_CHECK;
void mapfile_close(struct mapfile *m);          /* an empty one too */

/* The mapping that has this address, for a signal handler: its path and the size it
 * was opened with.  NULL when none has, or when more are open than are listed. */
const char *mapfile_at(const void *addr, size_t *size);

/* What the first bytes of a file say it is, when they say something we know and
 * do not read ("a zip archive (PyTorch checkpoint?)"), else NULL. */
const char *mapfile_looks_like(const void *data, size_t size);

#endif
