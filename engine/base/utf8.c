#include "engine/base/utf8.h"

#include <string.h>

/* Unicode 15, table 3-7: what may follow a lead byte.  Only the second byte has
 * bounds of its own (no overlong forms, no surrogates, nothing above 10FFFF). */
static int lead(unsigned char c, unsigned char *lo, unsigned char *hi)
{
	*lo = 0x80;
	*hi = 0xbf;
	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	if (c < 0xe0)
		return 2;
	if (c == 0xe0)
		*lo = 0xa0;
	if (c == 0xed)
		*hi = 0x9f;
	if (c == 0xf0)
		*lo = 0x90;
	if (c == 0xf4)
		*hi = 0x8f;
	return c < 0xf0 ? 3 : 4;
}

int utf8_decode(const char *s, size_t n, uint32_t *cp)
{
	unsigned char lo, hi, c = n ? (unsigned char)*s : 0xff;
	int len = lead(c, &lo, &hi);
	uint32_t v = len == 1 ? c : c & (0x7fu >> len);

	for (int i = 1; i < len; i++) {
		if ((size_t)i >= n)
			return -1;
		c = (unsigned char)s[i];
		if (c < lo || c > hi)
			return 0;
		lo = 0x80;
		hi = 0xbf;
		v = v << 6 | (c & 0x3fu);
	}
	if (len)
		*cp = v;
	return len;
}

int utf8_encode(uint32_t cp, char out[4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	int len = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;

	for (int i = len - 1; i > 0; i--, cp >>= 6)
		out[i] = (char)(0x80 | (cp & 0x3f));
	out[0] = (char)((0xf00u >> len & 0xff) | cp);
	return len;
}

/* Invisible or steering characters, from the Unicode character database:
 * general category Cc, Cf, Zl, Zp and non-characters. */
static const struct { uint32_t first, last; } unprintable[] = {
	{ 0x0000, 0x001f }, { 0x007f, 0x009f }, { 0x00ad, 0x00ad }, { 0x061c, 0x061c }, { 0x180e, 0x180e },
	{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfdd0, 0xfdef }, { 0xfeff, 0xfeff },
	{ 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
};

bool utf8_is_printable(uint32_t cp)
{
	if (cp >= 0x20 && cp < 0x7f)
		return true;
	for (size_t i = 0; i < sizeof unprintable / sizeof *unprintable; i++)
		if (cp >= unprintable[i].first && cp <= unprintable[i].last)
			return false;
	return (cp & 0xfffe) != 0xfffe && cp <= 0x10ffff;
}

static void add_hex(struct buf *out, char c)
{
	buf_printf(out, "\\x%02X", (unsigned)(unsigned char)c);
}

/* Gives the first held byte up: no character begins with what is held. */
static void drop_first(struct utf8_joiner *j, struct buf *out)
{
	add_hex(out, j->held[0]);
	j->n_held--;
	memmove(j->held, j->held + 1, (size_t)j->n_held);
}

void utf8_join(struct utf8_joiner *j, const char *s, size_t n, struct buf *out)
{
	uint32_t cp;

	for (size_t i = 0; i < n; i++) {
		j->held[j->n_held++] = s[i];
		while (j->n_held) {
			int len = utf8_decode(j->held, (size_t)j->n_held, &cp);

			if (len < 0)
				break;
			if (len > 0) {
				buf_add(out, j->held, (size_t)len);
				j->n_held = 0;
			} else {
				drop_first(j, out);
			}
		}
	}
}

void utf8_flush(struct utf8_joiner *j, struct buf *out)
{
	while (j->n_held)
		drop_first(j, out);
}

static void escape_char(struct buf *out, uint32_t cp)
{
	if (cp == '\n')
		buf_str(out, "\\n");
	else if (cp == '\r')
		buf_str(out, "\\r");
	else if (cp == '\t')
		buf_str(out, "\\t");
	else if (cp < 0x80)
		add_hex(out, (char)cp);
	else
		buf_printf(out, "\\u{%04X}", (unsigned)cp);
}

void utf8_escape(const char *s, size_t n, struct buf *out)
{
	buf_add(out, "", 0);
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		int len = utf8_decode(s + i, n - i, &cp);

		if (len <= 0) {
			add_hex(out, s[i++]);
			continue;
		}
		if (utf8_is_printable(cp))
			buf_add(out, s + i, (size_t)len);
		else
			escape_char(out, cp);
		i += (size_t)len;
	}
}

bool utf8_is_whole(const char *s, size_t n)
{
	for (size_t at = 0; at < n;) {
		uint32_t cp;
		int len = utf8_decode(s + at, n - at, &cp);

		if (len < 1)
			return false;
		at += (size_t)len;
	}
	return true;
}
