/*
 * cursor -- reading bytes that nobody vouches for.
 *
 * Every reader of a binary file goes through one: each read says how many bytes
 * it needs and what they are called, and is compared with what is left.  The
 * first failure is kept in `e`, with file, place and offset, and from then on
 * every read gives zeros; a parser may read on and ask cursor_ok() at the end
 * of a record, but must ask before it uses a count.
 *
 * A message reads
 *     model.gguf: tensor blk.0.attn_q.weight at offset 0x1a40: needs ...
 *
 * Owns     nothing
 */
#ifndef ENGINE_BASE_CURSOR_H
#define ENGINE_BASE_CURSOR_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

struct cursor {
	const unsigned char *data, *p;
	size_t size, left;
	bool failed;
	struct err *e;
	const char *file;
	/* The record being read: "tensor" 7, called `name` once that is known. */
	const char *thing;
	uint64_t index;
	const unsigned char *name;
	size_t n_name;
};

void cursor_init(struct cursor *c, const char *file, const void *data, size_t size, struct err *e);
static inline bool cursor_ok(const struct cursor *c) { return !c->failed; }
static inline size_t cursor_offset(const struct cursor *c) { return (size_t)(c->p - c->data); }

/* What the following reads belong to; NULL for the file itself. */
void cursor_enter(struct cursor *c, const char *thing, uint64_t index);
void cursor_name(struct cursor *c, const unsigned char *name, size_t n);

/* Little-endian unsigned number of 1, 2, 4 or 8 bytes; 0 after a failure. */
uint64_t cursor_uint(struct cursor *c, size_t n_bytes, const char *field);
/* n bytes where they lie, and past them; NULL after a failure. */
const unsigned char *cursor_bytes(struct cursor *c, size_t n, const char *field);
/* n items of `size` bytes: the product is never formed when it does not fit. */
const unsigned char *cursor_items(struct cursor *c, uint64_t n, size_t size, const char *field);
/* Does the file have n times `size` more bytes?  Fails the cursor if not. */
bool cursor_can_hold(struct cursor *c, uint64_t n, size_t size, const char *field);

/* Keeps the first failure; always false.  `offset` is where the bad field lies. */
bool cursor_fail(struct cursor *c, enum err_code code, size_t offset, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* The end of a long path, printable bytes of a short text: for messages. */
const char *cursor_tail(const char *path, size_t room);
const char *cursor_printable(const void *s, size_t n, char *out, size_t room);

#endif
