/*
 * buf -- growable bytes; the only place strings are built.
 *
 * Zero-initialise, append, free.  `data` is always followed by a NUL that `len`
 * does not count (data is NULL until the first append).
 */
#ifndef ENGINE_BASE_BUF_H
#define ENGINE_BASE_BUF_H

#include <stddef.h>

#include "engine/base/err.h"

struct buf {
	char *data;
	size_t len, room;
};

void buf_free(struct buf *b);
void buf_clear(struct buf *b);                  /* keeps the memory */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A JSON string, quotes included.  Bytes that are not UTF-8 become U+FFFD; what a
 * terminal would obey or hide (utf8_is_printable) is written as \uNNNN. */
void buf_json(struct buf *b, const char *s, size_t n);
/* Nine significant digits, enough to read back the same float; NaN and infinities become null. */
void buf_json_num(struct buf *b, double v);
/* Appends the rest of an open stream; false on a read error or above `limit` bytes. */
bool buf_read_fd(struct buf *b, int fd, size_t limit, struct err *e) MUST_CHECK;

#endif
