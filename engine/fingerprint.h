/*
 * fingerprint -- which model file this is: SHA-256 of its bytes.
 *
 * Large files take seconds, so the answer is kept in the cache folder under
 * path, size and time of change, and whoever asks is asked on the way whether to
 * go on.
 */
#ifndef ENGINE_FINGERPRINT_H
#define ENGINE_FINGERPRINT_H

#include <stdbool.h>

struct model;

enum { FINGERPRINT_TEXT = 72 };

/* Asked every few milliseconds with the share that was read; false gives up. */
typedef bool fingerprint_go_on(void *to, double done);

/* "sha256:..." into out.  False when `go_on` (may be NULL) gave up. */
bool model_fingerprint(const struct model *m, fingerprint_go_on *go_on, void *to, char out[FINGERPRINT_TEXT]);

#endif
