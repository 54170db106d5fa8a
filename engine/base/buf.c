#include "engine/base/buf.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "engine/base/utf8.h"

/* Room for n more bytes and the NUL; doubles, so that appending stays linear. */
static void make_room(struct buf *b, size_t n)
{
	size_t need = b->len + n + 1;

	if (need <= b->room)
		return;
	b->room = b->room * 2 > need ? b->room * 2 : need;
	if (b->room < 64)
		b->room = 64;
	b->data = mem_resize(b->data, b->room, 1);
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = 0;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	make_room(b, n);
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = 0;
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	make_room(b, 0);
	va_start(ap, fmt);
	n = vsnprintf(b->data + b->len, b->room - b->len, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->data[b->len] = 0;
		return;
	}
	if ((size_t)n >= b->room - b->len) {
		make_room(b, (size_t)n);
		va_start(ap, fmt);
		vsnprintf(b->data + b->len, b->room - b->len, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
}

/* One character of a JSON string.  What a terminal would obey or hide is
 * escaped too: JSON lines are often read with cat. */
static void json_char(struct buf *b, const char *s, int len, uint32_t cp)
{
	static const char plain[] = "\b\f\n\r\t\"\\", letter[] = "bfnrt\"\\";
	const char *at = cp && cp < 0x80 ? strchr(plain, (int)cp) : NULL;

	if (at)
		buf_printf(b, "\\%c", letter[at - plain]);
	else if (utf8_is_printable(cp))
		buf_add(b, s, (size_t)len);
	else if (cp < 0x10000)
		buf_printf(b, "\\u%04x", (unsigned)cp);
	else
		buf_printf(b, "\\u%04x\\u%04x", 0xd7c0u + (unsigned)(cp >> 10), 0xdc00u + (unsigned)(cp & 0x3ff));
}

void buf_json(struct buf *b, const char *s, size_t n)
{
	buf_char(b, '"');
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		int len = utf8_decode(s + i, n - i, &cp);

		if (len > 0) {
			json_char(b, s + i, len, cp);
			i += (size_t)len;
		} else {
			buf_str(b, "\xef\xbf\xbd");
			i++;
		}
	}
	buf_char(b, '"');
}

void buf_json_num(struct buf *b, double v)
{
	char text[40], *comma;

	snprintf(text, sizeof text, "%.9g", v);
	/* Some locales write a decimal comma; JSON does not. */
	if ((comma = strchr(text, ',')))
		*comma = '.';
	buf_str(b, isfinite(v) ? text : "null");
}

bool buf_read_fd(struct buf *b, int fd, size_t limit, struct err *e)
{
	char chunk[65536];
	size_t total = 0;

	buf_add(b, "", 0);
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof chunk);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_RUN, "reading: %s", strerror(errno));
		if (n == 0)
			return true;
		total += (size_t)n;
		if (total > limit)
			return err_set(e, ERR_FILE, "longer than %zu bytes", limit);
		buf_add(b, chunk, (size_t)n);
	}
}
