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

/* True when all of it is well-formed. */
bool utf8_is_whole(const char *s, size_t n);

struct utf8_joiner {
	char held[4];
	int n_held;
};

/* Appends to `out` what has become whole of `s`. */
void utf8_join(struct utf8_joiner *j, const char *s, size_t n, struct buf *out);
/* The text ends here: what is still held comes out as hex. */
void utf8_flush(struct utf8_joiner *j, struct buf *out);

/* False for what a terminal would obey or hide: controls (C0, DEL, C1), bidi
 * controls, zero-width and tag characters, line separators, non-characters. */
bool utf8_is_printable(uint32_t cp);

/* Appends `s` fit for a terminal: what is not printable and what is not UTF-8 is
 * written as \n, \t, \r, \xNN, \u{NNNN}.  A backslash stays a backslash: this is
 * for reading, not for reading back. */
void utf8_escape(const char *s, size_t n, struct buf *out);

#endif
