#include "views/view.h"

#include <math.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "views/glyph.h"

/* The smallest round number that is not below x. */
static float round_up(float x)
{
	static const float round[] = { 1, 1.2f, 1.5f, 2, 2.5f, 3, 4, 5, 6, 8, 10 };
	float unit = powf(10, floorf(log10f(x)));
	size_t i = 0;

	while (i + 1 < sizeof round / sizeof *round && round[i] * unit < x)
		i++;
	return round[i] * unit;
}

struct scale view_scale(const struct view *v, enum lens_id id)
{
	struct scale s = { .lo = lenses[id]->lo, .hi = lenses[id]->hi, .near = lenses[id]->near };
	float most = 0;

	for (int pos = 0; isnan(s.hi) && pos < timeline_n(v->steps); pos++) {
		float x = timeline_scalar(v->steps, pos, id);

		most = x > most ? x : most;
	}
	if (isnan(s.lo))
		s.lo = 0;
	if (isnan(s.hi))
		s.hi = s.lo + (most > s.lo ? round_up(most - s.lo) : 1);
	return s;
}

static void add_glyph(struct buf *out, enum glyph g, bool ascii)
{
	char utf8[4];

	buf_add(out, utf8, (size_t)utf8_encode(glyph_char(g, ascii), utf8));
}

/* Where only ASCII can be shown, other characters are spelled out. */
static void spell(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t cp = '?';
		int len = utf8_decode(s + i, n - i, &cp);

		if (cp < 0x80)
			buf_char(out, (char)cp);
		else
			buf_printf(out, "\\u{%X}", (unsigned)cp);
		i += len > 0 ? (size_t)len : 1;
	}
}

void view_piece(const struct view *v, int32_t id, struct buf *out)
{
	size_t n = 0;
	const char *bytes = id >= 0 ? source_piece(v->source, id, &n) : NULL;

	if (bytes)
		utf8_escape(bytes, n, out);
	else if (id >= 0)
		buf_printf(out, "#%d", (int)id);
}

void view_token(const struct view *v, int32_t id, bool ascii, struct buf *out)
{
	struct buf piece = { 0 };
	size_t from = 0, to;

	view_piece(v, id, &piece);
	to = piece.len;
	for (; from < to && piece.data[from] == ' '; from++)
		add_glyph(out, GLYPH_SPACE, ascii);
	while (to > from && piece.data[to - 1] == ' ')
		to--;
	if (ascii)
		spell(out, piece.data + from, to - from);
	else if (piece.len)
		buf_add(out, piece.data + from, to - from);
	for (size_t i = to; i < piece.len; i++)
		add_glyph(out, GLYPH_SPACE, ascii);
	buf_free(&piece);
}
