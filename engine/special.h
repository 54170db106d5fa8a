/*
 * special -- tokens that are found in a text by their name, before tokenizing.
 *
 * Longer names are looked for first in the whole text, whatever stands where: a
 * shorter one counts only outside what longer ones took (llama.cpp's rule).
 * User-defined tokens are always found, control and unknown ones only on
 * request, since a user's text must not be able to end a turn by itself.  Names
 * above 512 bytes are never found.
 *
 * Owns     a sorted list; the names belong to the pieces
 * Threads  immutable after special_new()
 */
#ifndef ENGINE_SPECIAL_H
#define ENGINE_SPECIAL_H

#include "engine/pieces.h"

struct special;

/* A place in the text where a token's name stands. */
struct special_hit {
	size_t at, n;
	int32_t id;
};

struct special *special_new(const struct pieces *p);
void special_free(struct special *s);

/* Which control tokens count: none, or those that touch none of the spans. */
struct special_rule {
	bool control;
	const struct vocab_span *plain; /* [n_plain], in the order of the text */
	size_t n_plain;
};

/* The places in order, not overlapping; *out is allocated (free()), NULL when there is none. */
size_t special_find(const struct special *s, const char *text, size_t n, struct special_rule rule,
    struct special_hit **out);

#endif
