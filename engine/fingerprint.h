/*
 * fingerprint -- which model file this is: SHA-256 of its bytes.
 *
 * Large files take seconds, so the answer is kept in the cache folder under
 * path, size and time of change, and asked for from a thread that can be stopped.
 */
#ifndef ENGINE_FINGERPRINT_H
#define ENGINE_FINGERPRINT_H

#include <stdatomic.h>
#include <stdbool.h>

struct model;

enum { FINGERPRINT_TEXT = 72 };

/* "sha256:..." into out.  False when `stop` was set before it was known, or there
 * are no bytes to read.  `stop` may be NULL. */
bool model_fingerprint(const struct model *m, atomic_bool *stop, char out[FINGERPRINT_TEXT]);

#endif
