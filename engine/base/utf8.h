/*
 * utf8 -- well-formedness, and text that arrives in pieces.
 *
 * A token may end in the middle of a character.  `struct utf8_joiner` holds the
 * started character back until it is whole; bytes that can never become one
 * come out as the four letters \xNN.
 */
#ifndef ENGINE_BASE_UTF8_H
#define ENGINE_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/buf.h"

/* Length 1..4 of the well-formed character at s (n bytes there), 0 if none can
 * start here, -1 if what is there is the beginning of one that needs more. */
int utf8_decode(const char *s, size_t n, uint32_t *cp);
/* Writes 1..4 bytes, returns how many; cp <= 0x10FFFF. */
int utf8_encode(uint32_t cp, char out[4]);

struct utf8_joiner {
	char held[4];
	int n_held;
};

/* Appends to `out` what has become whole of `s`. */
void utf8_join(struct utf8_joiner *j, const char *s, size_t n, struct buf *out);
/* The text ends here: what is still held comes out as hex. */
void utf8_flush(struct utf8_joiner *j, struct buf *out);

/* Appends `s` fit for a terminal: control characters (C0, DEL, C1), bidi
 * overrides, zero-width and non-UTF-8 bytes are written as \n, \t, \xNN, \u{NNNN}. */
void utf8_escape(const char *s, size_t n, struct buf *out);

#endif
