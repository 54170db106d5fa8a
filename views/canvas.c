#include "views/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/base/utf8.h"

bool canvas_new(struct canvas *c, int rows, int cols)
{
	*c = (struct canvas){ .rows = rows, .cols = cols, .stride = cols };
	if (rows <= 0 || cols <= 0)
		return false;
	c->cells = mem_array((size_t)rows * (size_t)cols, sizeof *c->cells);
	canvas_clear(c);
	return true;
}

void canvas_free(struct canvas *c)
{
	free(c->cells);
	*c = (struct canvas){ 0 };
}

static struct cell *cell_at(const struct canvas *c, int y, int x)
{
	return c->cells + (size_t)y * (size_t)c->stride + x;
}

void canvas_clear(struct canvas *c)
{
	for (int y = 0; y < c->rows; y++)
		for (int x = 0; x < c->cols; x++)
			*cell_at(c, y, x) = (struct cell){ .ch = ' ' };
}

struct canvas canvas_sub(const struct canvas *c, struct rect r)
{
	struct canvas sub = *c;
	int y0 = r.y < 0 ? 0 : r.y, x0 = r.x < 0 ? 0 : r.x;
	int y1 = r.y + r.rows > c->rows ? c->rows : r.y + r.rows;
	int x1 = r.x + r.cols > c->cols ? c->cols : r.x + r.cols;

	sub.rows = y1 > y0 ? y1 - y0 : 0;
	sub.cols = x1 > x0 ? x1 - x0 : 0;
	sub.cells = sub.rows && sub.cols ? cell_at(c, y0, x0) : c->cells;
	return sub;
}

static bool inside(const struct canvas *c, int y, int x)
{
	return y >= 0 && y < c->rows && x >= 0 && x < c->cols;
}

/* Before a cell is written: half of a wide character that loses its other half
 * becomes a blank.  A right half is never in the first column of the screen, so
 * the cell to its left is always there. */
static void break_wide(const struct canvas *c, int y, int x)
{
	struct cell *cell = cell_at(c, y, x);

	if (cell->ch == 0)
		cell[-1].ch = ' ';
	else if (x + 1 < c->cols && cell[1].ch == 0)
		cell[1].ch = ' ';
}

static void set(struct canvas *c, int y, int x, style_bits st, uint32_t ch, int lines)
{
	break_wide(c, y, x);
	*cell_at(c, y, x) = (struct cell){ .ch = ch, .style = st, .lines = (uint8_t)lines };
}

int canvas_put(struct canvas *c, int y, int x, style_bits st, uint32_t ch)
{
	if (!utf8_is_printable(ch) || (c->ascii && ch > 0x7e))
		ch = '?';

	int width = glyph_width(ch);

	if (width <= 0)
		return x;
	if (inside(c, y, x)) {
		bool fits = width == 1 || x + 1 < c->cols;

		if (width == 2 && fits)
			set(c, y, x + 1, st, ' ', 0);
		set(c, y, x, st, fits ? ch : ' ', 0);
		if (width == 2 && fits)
			cell_at(c, y, x)[1].ch = 0;
	}
	return x + width;
}

int canvas_glyph(struct canvas *c, int y, int x, style_bits st, enum glyph g)
{
	return canvas_put(c, y, x, st, glyph_char(g, c->ascii));
}

int canvas_strn(struct canvas *c, int y, int x, style_bits st, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t cp = '?';
		int len = utf8_decode(s + i, n - i, &cp);

		x = canvas_put(c, y, x, st, cp);
		i += len > 0 ? (size_t)len : 1;
	}
	return x;
}

int canvas_str(struct canvas *c, int y, int x, style_bits st, const char *s)
{
	return canvas_strn(c, y, x, st, s, strlen(s));
}

int text_width(const char *s, size_t n)
{
	int width = 0;

	for (size_t i = 0; i < n;) {
		uint32_t cp = '?';
		int len = utf8_decode(s + i, n - i, &cp), w = glyph_width(cp);

		width += w > 0 ? w : 0;
		i += len > 0 ? (size_t)len : 1;
	}
	return width;
}

int canvas_fit(struct canvas *c, int y, int x, int cols, style_bits st, const char *s)
{
	size_t n = strlen(s), i = 0;
	int used = 0;

	if (cols <= 0)
		return x;
	if (text_width(s, n) <= cols)
		return canvas_str(c, y, x, st, s);
	while (i < n) {
		uint32_t cp = '?';
		int len = utf8_decode(s + i, n - i, &cp), w = glyph_width(cp);

		if (used + w > cols - 1)
			break;
		used += w;
		i += len > 0 ? (size_t)len : 1;
	}
	x = canvas_strn(c, y, x, st, s, i);
	return canvas_glyph(c, y, x, st, GLYPH_MORE);
}

int canvas_printf(struct canvas *c, int y, int x, style_bits st, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return canvas_str(c, y, x, st, text);
}

void canvas_right(struct canvas *c, int y, int x, style_bits st, const char *s)
{
	canvas_str(c, y, x - text_width(s, strlen(s)), st, s);
}

void canvas_fill(struct canvas *c, struct rect r, style_bits st, uint32_t ch)
{
	for (int y = r.y; y < r.y + r.rows; y++)
		for (int x = r.x; x < r.x + r.cols; x++)
			canvas_put(c, y, x, st, ch);
}

void canvas_restyle(struct canvas *c, int y, int x, int cols, style_bits st)
{
	for (int i = x; i < x + cols; i++)
		if (inside(c, y, i))
			cell_at(c, y, i)->style = st;
}

void canvas_light(struct canvas *c, int y, int x, int cols)
{
	for (int i = x; i < x + cols; i++)
		if (inside(c, y, i))
			cell_at(c, y, i)->style |= STYLE_LIT;
}

static void add_line(struct canvas *c, int y, int x, int bits, style_bits st)
{
	if (inside(c, y, x))
		set(c, y, x, st, ' ', cell_at(c, y, x)->lines | bits);
}

/* A line that reaches the edge of the screen goes on behind it. */
void canvas_hline(struct canvas *c, int y, int x, int cols, style_bits st)
{
	for (int i = 0; i < cols; i++)
		add_line(c, y, x + i, (i || !x ? LINE_LEFT : 0) | (i < cols - 1 || x + i == c->cols - 1 ? LINE_RIGHT : 0), st);
}

void canvas_vline(struct canvas *c, int y, int x, int rows, style_bits st)
{
	for (int i = 0; i < rows; i++)
		add_line(c, y + i, x, (i ? LINE_UP : 0) | (i < rows - 1 || y + i == c->rows - 1 ? LINE_DOWN : 0), st);
}

uint32_t cell_char(const struct cell *cell, bool ascii)
{
	return cell->lines ? glyph_line(cell->lines, ascii) : cell->ch;
}

void canvas_dump(const struct canvas *c, struct buf *out)
{
	for (int y = 0; y < c->rows; y++) {
		size_t end = out->len;

		for (int x = 0; x < c->cols; x++) {
			uint32_t ch = cell_char(cell_at(c, y, x), c->ascii);
			char utf8[4];

			if (!ch)
				continue;
			buf_add(out, utf8, (size_t)utf8_encode(ch, utf8));
			if (ch != ' ')
				end = out->len;
		}
		out->len = end;
		buf_char(out, '\n');
	}
}

static char style_letter(style_bits st)
{
	int id = st & STYLE_ID;

	if (id >= STYLE_GROUND_FIRST)
		return (char)('A' + id - STYLE_GROUND_FIRST);
	if (id >= STYLE_HEAT_FIRST)
		return "0123456789abcdef"[(id - STYLE_HEAT_FIRST) & 15];
	return id ? (char)('g' + id - 1 < '~' ? 'g' + id - 1 : '~') : '.';
}

void canvas_dump_styles(const struct canvas *c, struct buf *out)
{
	for (int y = 0; y < c->rows; y++) {
		for (int x = 0; x < c->cols; x++)
			buf_char(out, style_letter(cell_at(c, y, x)->style));
		buf_char(out, '\n');
	}
}
