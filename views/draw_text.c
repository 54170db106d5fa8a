#include "views/draw_text.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

static void add_letter(struct text *t, int token, uint32_t ch, bool breaks)
{
	int width = glyph_width(ch);

	if (t->n == t->room) {
		t->room = t->room ? t->room * 2 : 1024;
		t->letters = mem_resize(t->letters, t->room, sizeof *t->letters);
	}
	if (width > 0 || breaks)
		t->letters[t->n++] = (struct letter){
			.ch = ch, .token = token, .width = (unsigned char)width, .breaks = breaks };
}

static void add_escaped(struct text *t, int token, const char *s, size_t n, uint32_t cp)
{
	struct buf out = { 0 };

	if (cp > 0x7e && t->ascii && utf8_is_printable(cp))
		buf_printf(&out, "\\u{%X}", (unsigned)cp);
	else
		utf8_escape(s, n, &out);
	for (size_t i = 0; i < out.len;) {
		uint32_t ch = '?';
		int len = utf8_decode(out.data + i, out.len - i, &ch);

		add_letter(t, token, ch, false);
		i += len > 0 ? (size_t)len : 1;
	}
	buf_free(&out);
}

static void add_whole(struct text *t, int token, const struct buf *b)
{
	for (size_t i = 0; i < b->len;) {
		uint32_t cp = '?';
		int len = utf8_decode(b->data + i, b->len - i, &cp);

		len = len > 0 ? len : 1;
		if (cp == '\n')
			add_letter(t, token, '\n', true);
		else
			add_escaped(t, token, b->data + i, (size_t)len, cp);
		i += (size_t)len;
	}
}

void text_add(struct text *t, int token, const char *bytes, size_t n)
{
	struct buf whole = { 0 };

	utf8_join(&t->joiner, bytes, n, &whole);
	add_whole(t, token, &whole);
	buf_free(&whole);
}

void text_end(struct text *t, int token)
{
	struct buf whole = { 0 };

	utf8_flush(&t->joiner, &whole);
	add_whole(t, token, &whole);
	buf_free(&whole);
}

void text_break(struct text *t)
{
	if (!t->n)
		return;
	text_end(t, t->letters[t->n - 1].token);
	t->letters[t->n - 1].breaks = true;
}

void text_free(struct text *t)
{
	free(t->letters);
	free(t->line);
	*t = (struct text){ 0 };
}

static void add_line(struct text *t, size_t first)
{
	if (t->n_lines + 1 >= t->line_room) {
		t->line_room = t->line_room ? t->line_room * 2 : 64;
		t->line = mem_resize(t->line, (size_t)t->line_room, sizeof *t->line);
	}
	t->line[t->n_lines++] = first;
}

void text_wrap(struct text *t, int cols)
{
	size_t start = 0, word = 0;
	int x = 0;

	t->n_lines = 0;
	add_line(t, 0);
	for (size_t i = 0; i < t->n; i++) {
		if (t->letters[i].ch == ' ' || (i && t->letters[i - 1].ch == ' '))
			word = i;
		/* A blank may hang over the edge; it would be invisible anyway. */
		if (x + t->letters[i].width > cols && t->letters[i].ch != ' ') {
			start = word > start ? word : i;
			add_line(t, start);
			x = 0;
			for (size_t k = start; k < i; k++)
				x += t->letters[k].width;
		}
		x += t->letters[i].width;
		if (t->letters[i].breaks) {
			start = word = i + 1;
			add_line(t, start);
			x = 0;
		}
	}
	t->line[t->n_lines] = t->n;
}

int text_line_of(const struct text *t, int token)
{
	int line = 0;

	for (int i = 0; i < t->n_lines; i++)
		if (t->line[i] < t->n && t->letters[t->line[i]].token <= token)
			line = i;
	return line;
}

static int draw_letter(struct canvas *c, int y, int x, const struct letter *l, style_bits st)
{
	if (l->ch == '\n')
		return canvas_glyph(c, y, x, st == STYLE_CURSOR ? st : STYLE_HOLE, GLYPH_RETURN);
	return canvas_put(c, y, x, st, l->ch);
}

void draw_text(struct canvas *c, const struct text *t, int first, style_bits (*style)(void *of, int token), void *of)
{
	style_bits st = 0;
	int known = -1;

	for (int y = 0; y < c->rows && first + y < t->n_lines; y++) {
		int x = 0;

		for (size_t i = t->line[first + y]; i < t->line[first + y + 1]; i++) {
			if (t->letters[i].token != known)
				st = style(of, known = t->letters[i].token);
			x = draw_letter(c, y, x, &t->letters[i], st);
		}
	}
}

static bool found_at(const struct text *t, size_t i, const char *needle, size_t *n)
{
	size_t k = i, len = strlen(needle);

	for (size_t b = 0; b < len; k++) {
		uint32_t cp = 0;
		int used = utf8_decode(needle + b, len - b, &cp);

		if (used <= 0 || k >= t->n || t->letters[k].ch != cp)
			return false;
		b += (size_t)used;
	}
	*n = k - i;
	return *n > 0;
}

void draw_text_find(struct canvas *c, const struct text *t, int first, const char *needle)
{
	size_t left = 0, n = 0;

	for (int y = 0; y < c->rows && first + y < t->n_lines; y++) {
		int x = 0;

		for (size_t i = t->line[first + y]; i < t->line[first + y + 1]; i++) {
			if (!left && found_at(t, i, needle, &n))
				left = n;
			if (left) {
				canvas_restyle(c, y, x, t->letters[i].width, STYLE_CHOSEN | STYLE_REVERSE);
				left--;
			}
			x += t->letters[i].width;
		}
	}
}

int text_token_at(const struct text *t, int first, int y, int x)
{
	int line = first + y, at = 0;

	if (line < 0 || line >= t->n_lines)
		return -1;
	for (size_t i = t->line[line]; i < t->line[line + 1]; i++) {
		at += t->letters[i].width;
		if (x < at)
			return t->letters[i].token;
	}
	return -1;
}

static style_bits one_style(void *of, int token)
{
	(void)token;
	return *(const style_bits *)of;
}

int draw_paragraph(struct canvas *c, int y, int x, int cols, style_bits st, const char *words)
{
	struct canvas part = canvas_sub(c, (struct rect){ y, x, c->rows - y, cols });
	struct text t = { .ascii = c->ascii };
	int rows;

	text_add(&t, 0, words, strlen(words));
	text_wrap(&t, cols);
	if (part.rows > 0 && part.cols > 0)
		draw_text(&part, &t, 0, one_style, &st);
	rows = t.n_lines;
	text_free(&t);
	return rows;
}
