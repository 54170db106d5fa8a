#include "engine/base/cursor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME_ROOM = 72, PATH_ROOM = 160 };       /* what a message spends on each */

void cursor_init(struct cursor *c, const char *file, const void *data, size_t size, struct err *e)
{
	*c = (struct cursor){ .data = data, .p = data, .size = size, .left = size, .e = e, .file = file };
}

void cursor_enter(struct cursor *c, const char *thing, uint64_t index)
{
	c->thing = thing;
	c->index = index;
	c->name = NULL;
}

void cursor_name(struct cursor *c, const unsigned char *name, size_t n)
{
	c->name = name;
	c->n_name = n;
}

const char *cursor_tail(const char *path, size_t room)
{
	size_t n = strlen(path);

	return n > room ? path + (n - room) : path;
}

const char *cursor_printable(const void *s, size_t n, char *out, size_t room)
{
	const unsigned char *p = s;
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		bool plain = p[i] >= 0x20 && p[i] < 0x7f;
		size_t need = plain ? 1 : 4;

		if (len + need + (i + 1 < n ? 3 : 0) + 1 > room) {
			len += (size_t)snprintf(out + len, room - len, "...");
			break;
		}
		len += (size_t)snprintf(out + len, room - len, plain ? "%c" : "\\x%02X", p[i]);
	}
	out[len < room ? len : room - 1] = 0;
	return out;
}

bool cursor_fail(struct cursor *c, enum err_code code, size_t offset, const char *fmt, ...)
{
	char what[300], name[NAME_ROOM], place[NAME_ROOM + 40] = "";
	va_list ap;

	if (c->failed)
		return false;
	c->failed = true;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	if (c->thing && c->name)
		snprintf(place, sizeof place, "%s %s ", c->thing, cursor_printable(c->name, c->n_name, name, sizeof name));
	else if (c->thing)
		snprintf(place, sizeof place, "%s %" PRIu64 " ", c->thing, c->index);
	return err_set(c->e, code, "%s: %sat offset 0x%zx: %s", cursor_tail(c->file, PATH_ROOM), place, offset, what);
}

bool cursor_can_hold(struct cursor *c, uint64_t n, size_t size, const char *field)
{
	if (c->failed)
		return false;
	if (n <= c->left / size)
		return true;
	if (n > 1 && size > 1)
		return cursor_fail(c, ERR_FILE, cursor_offset(c),
		    "%s: %" PRIu64 " items need at least %zu bytes each, %zu are left in the file", field, n, size, c->left);
	return cursor_fail(c, ERR_FILE, cursor_offset(c), "%s needs %" PRIu64 " bytes, %zu are left in the file",
	    field, n > size ? n : (uint64_t)size, c->left);
}

const unsigned char *cursor_items(struct cursor *c, uint64_t n, size_t size, const char *field)
{
	const unsigned char *at = c->p;

	if (!cursor_can_hold(c, n, size, field))
		return NULL;
	c->p += (size_t)n * size;
	c->left -= (size_t)n * size;
	return at;
}

const unsigned char *cursor_bytes(struct cursor *c, size_t n, const char *field)
{
	return cursor_items(c, n, 1, field);
}

uint64_t cursor_uint(struct cursor *c, size_t n_bytes, const char *field)
{
	const unsigned char *at = cursor_items(c, 1, n_bytes, field);
	uint64_t v = 0;

	for (size_t i = at ? n_bytes : 0; i-- > 0;)
		v = v << 8 | at[i];
	return v;
}
