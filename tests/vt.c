#include "tests/vt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "engine/base/mem.h"
#include "engine/base/utf8.h"

static uint32_t *blank(int rows, int cols)
{
	uint32_t *c = mem_array((size_t)rows * (size_t)cols, sizeof *c);

	for (int i = 0; i < rows * cols; i++)
		c[i] = ' ';
	return c;
}

void vt_new(struct vt *v, int rows, int cols)
{
	*v = (struct vt){ .rows = rows, .cols = cols, .bottom = rows - 1 };
	v->cell = blank(rows, cols);
	v->main = blank(rows, cols);
}

void vt_free(struct vt *v)
{
	free(v->cell);
	free(v->main);
	buf_free(&v->clipboard);
}

static uint32_t *resized(uint32_t *old, int rows, int cols, int new_rows, int new_cols)
{
	uint32_t *c = blank(new_rows, new_cols);

	for (int y = 0; y < rows && y < new_rows; y++)
		for (int x = 0; x < cols && x < new_cols; x++)
			c[y * new_cols + x] = old[y * cols + x];
	free(old);
	return c;
}

void vt_resize(struct vt *v, int rows, int cols)
{
	v->cell = resized(v->cell, v->rows, v->cols, rows, cols);
	v->main = resized(v->main, v->rows, v->cols, rows, cols);
	v->rows = rows;
	v->cols = cols;
	v->top = 0;
	v->bottom = rows - 1;
	v->y = v->y < rows ? v->y : rows - 1;
	v->x = v->x < cols ? v->x : cols - 1;
	v->wrap = false;
}

static void erase(struct vt *v, int y, int from, int to)
{
	for (int x = from < 0 ? 0 : from; x < to && x < v->cols; x++)
		v->cell[y * v->cols + x] = ' ';
}

/* n > 0: lines between top and bottom go up. */
static void scroll(struct vt *v, int top, int n)
{
	size_t row = (size_t)v->cols * sizeof *v->cell;

	for (; n > 0; n--) {
		memmove(v->cell + top * v->cols, v->cell + (top + 1) * v->cols, row * (size_t)(v->bottom - top));
		erase(v, v->bottom, 0, v->cols);
	}
	for (; n < 0; n++) {
		memmove(v->cell + (top + 1) * v->cols, v->cell + top * v->cols, row * (size_t)(v->bottom - top));
		erase(v, top, 0, v->cols);
	}
}

static void line_feed(struct vt *v)
{
	if (v->y == v->bottom)
		scroll(v, v->top, 1);
	else if (v->y < v->rows - 1)
		v->y++;
}

static void put(struct vt *v, uint32_t ch)
{
	int width = utf8proc_charwidth((utf8proc_int32_t)ch);

	if (width == 0)
		return;
	if (v->wrap || v->x + width > v->cols) {
		v->x = 0;
		line_feed(v);
	}
	v->cell[v->y * v->cols + v->x] = ch;
	if (width == 2)
		v->cell[v->y * v->cols + v->x + 1] = 0;
	v->last = ch;
	v->x += width;
	v->wrap = v->x >= v->cols;
	v->x -= v->wrap;
}

/* Characters on the line move right (n > 0) or left to make or close a gap. */
static void shift(struct vt *v, int n)
{
	uint32_t *row = v->cell + v->y * v->cols;
	int rest = v->cols - v->x - abs(n);

	if (rest < 0)
		rest = 0;
	if (n > 0) {
		memmove(row + v->cols - rest, row + v->x, (size_t)rest * sizeof *row);
		erase(v, v->y, v->x, v->x + n);
	} else {
		memmove(row + v->x, row + v->cols - rest, (size_t)rest * sizeof *row);
		erase(v, v->y, v->x + rest, v->cols);
	}
}

static void lost(struct vt *v)
{
	v->unknown++;
	snprintf(v->what, sizeof v->what, "%.*s", (int)v->n_held, v->held);
}

static void other_screen(struct vt *v, bool on)
{
	if (on == v->alternate)
		return;
	v->alternate = on;
	if (on) {
		memcpy(v->main, v->cell, (size_t)(v->rows * v->cols) * sizeof *v->cell);
		for (int y = 0; y < v->rows; y++)
			erase(v, y, 0, v->cols);
	} else {
		memcpy(v->cell, v->main, (size_t)(v->rows * v->cols) * sizeof *v->cell);
	}
}

static void private_mode(struct vt *v, int mode, bool on)
{
	switch (mode) {
	case 1:
		v->application_keys = on;
		break;
	case 25:
		v->cursor_hidden = !on;
		break;
	case 1000: case 1002: case 1006:
		v->mouse = on;
		break;
	case 1049:
		other_screen(v, on);
		break;
	case 7: case 12: case 1034: case 2004:
		break;
	default:
		lost(v);
	}
}

static void move_to(struct vt *v, int y, int x)
{
	v->y = y < 0 ? 0 : y >= v->rows ? v->rows - 1 : y;
	v->x = x < 0 ? 0 : x >= v->cols ? v->cols - 1 : x;
	v->wrap = false;
}

static void erase_display(struct vt *v, int how)
{
	if (how == 0)
		erase(v, v->y, v->x, v->cols);
	if (how == 1)
		erase(v, v->y, 0, v->x + 1);
	for (int y = how == 0 ? v->y + 1 : 0; y < (how == 1 ? v->y : v->rows); y++)
		erase(v, y, 0, v->cols);
}

/* CSI p[0] ; p[1] ... final */
static void control(struct vt *v, char final, const int *p, int n)
{
	int count = n && p[0] > 0 ? p[0] : 1, first = n ? p[0] : 0;

	switch (final) {
	case 'A': move_to(v, v->y - count, v->x); break;
	case 'B': move_to(v, v->y + count, v->x); break;
	case 'C': move_to(v, v->y, v->x + count); break;
	case 'D': move_to(v, v->y, v->x - count); break;
	case 'G': move_to(v, v->y, count - 1); break;
	case 'd': move_to(v, count - 1, v->x); break;
	case 'H': move_to(v, count - 1, n > 1 && p[1] > 0 ? p[1] - 1 : 0); break;
	case 'J': erase_display(v, first); break;
	case 'K': erase(v, v->y, first ? 0 : v->x, first == 1 ? v->x + 1 : v->cols); break;
	case 'X': erase(v, v->y, v->x, v->x + count); break;
	case '@': shift(v, count); break;
	case 'P': shift(v, -count); break;
	case 'L': scroll(v, v->y, -count); break;
	case 'M': scroll(v, v->y, count); break;
	case 'S': scroll(v, v->top, count); break;
	case 'T': scroll(v, v->top, -count); break;
	case 'b':
		for (int i = 0; i < count; i++)
			put(v, v->last);
		break;
	case 'm': v->painted = !(n == 0 || (n == 1 && first == 0)); break;
	case 'r':
		v->top = count - 1;
		v->bottom = n > 1 && p[1] > 0 ? p[1] - 1 : v->rows - 1;
		move_to(v, 0, 0);
		break;
	case 'l': case 't':             /* insert mode off, titles kept */
		break;
	default:
		lost(v);
	}
}

static void take_control(struct vt *v)
{
	int p[16] = { 0 }, n = 0;
	bool private = v->held[2] == '?';
	const char *s = v->held + 2 + private;

	for (; *s >= '0' && *s <= ';' && n < 16; s += *s == ';') {
		p[n++] = (int)strtol(s, NULL, 10);
		s += strspn(s, "0123456789");
	}
	if (!private)
		control(v, *s, p, n);
	else if (*s == 'h' || *s == 'l')
		for (int i = 0; i < n; i++)
			private_mode(v, p[i], *s == 'h');
	else
		lost(v);
}

/* True when the sequence held is complete (and was obeyed). */
static bool take_sequence(struct vt *v)
{
	char last = v->held[v->n_held - 1];

	if (v->n_held == 2 && (last == '[' || last == ']' || last == '('))
		return false;
	if (v->held[1] == '[') {
		if (last < '@' || last > '~')
			return false;
		take_control(v);
	} else if (v->held[1] == '(') {
		if (last != 'B')
			lost(v);
	} else if (last == 'M') {
		if (v->y == v->top)
			scroll(v, v->top, -1);
		else
			v->y--;
	} else if (last != '=' && last != '>' && last != '7' && last != '8') {
		lost(v);
	}
	return true;
}

static void hold(struct vt *v, char c)
{
	/* The text of an OSC may be long: it goes on until BEL. */
	if (v->n_held >= 2 && v->held[1] == ']') {
		if (v->n_held == 2)
			buf_clear(&v->clipboard);
		v->n_held = 3;
		if (c == '\a')
			v->n_held = 0;
		else
			buf_char(&v->clipboard, c);
		return;
	}
	if (v->n_held + 1 < sizeof v->held)
		v->held[v->n_held++] = c;
	v->held[v->n_held] = 0;
	if (v->n_held > 1 && take_sequence(v))
		v->n_held = 0;
}

/* Bytes of a character, or one control byte; returns how many were used, 0: more are
 * needed. */
static size_t take_plain(struct vt *v, const char *s, size_t n)
{
	uint32_t cp = 0;
	int len;

	switch (*s) {
	case '\r': v->x = 0; v->wrap = false; return 1;
	case '\n': line_feed(v); return 1;
	case '\b': move_to(v, v->y, v->x - 1); return 1;
	case '\t': move_to(v, v->y, (v->x / 8 + 1) * 8); return 1;
	case '\a': case 15: return 1;
	}
	len = utf8_decode(s, n, &cp);
	if (len < 0)
		return 0;
	if (len == 0 || cp < ' ') {
		snprintf(v->what, sizeof v->what, "byte %02x", (unsigned char)*s);
		v->unknown++;
		return 1;
	}
	put(v, cp);
	return (size_t)len;
}

void vt_feed(struct vt *v, const char *bytes, size_t n)
{
	char rest[8];
	size_t used;

	/* A character may have been cut by the last read. */
	if (v->n_held && v->held[0] != '\033') {
		memcpy(rest, v->held, v->n_held);
		while (n && v->n_held && v->n_held < 4) {
			rest[v->n_held++] = *bytes++;
			n--;
			if (take_plain(v, rest, v->n_held))
				v->n_held = 0;
		}
	}
	for (size_t i = 0; i < n; i += used) {
		used = 1;
		if (v->n_held || bytes[i] == '\033') {
			hold(v, bytes[i]);
			continue;
		}
		used = take_plain(v, bytes + i, n - i);
		if (!used) {
			v->n_held = n - i;
			memcpy(v->held, bytes + i, v->n_held);
			return;
		}
	}
}

void vt_line(const struct vt *v, int y, struct buf *out)
{
	int end = v->cols;
	char utf8[4];

	while (end > 0 && v->cell[y * v->cols + end - 1] == ' ')
		end--;
	for (int x = 0; x < end; x++)
		if (v->cell[y * v->cols + x])
			buf_add(out, utf8, (size_t)utf8_encode(v->cell[y * v->cols + x], utf8));
}

void vt_screen(const struct vt *v, struct buf *out)
{
	for (int y = 0; y < v->rows; y++) {
		vt_line(v, y, out);
		buf_char(out, '\n');
	}
}

int vt_find(const struct vt *v, const char *text)
{
	struct buf line = { 0 };
	int found = -1;

	for (int y = 0; y < v->rows && found < 0; y++) {
		buf_clear(&line);
		vt_line(v, y, &line);
		if (line.len && strstr(line.data, text))
			found = y;
	}
	buf_free(&line);
	return found;
}
