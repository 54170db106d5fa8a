/*
 * draw_text -- running text that knows which token each letter came from.
 *
 * Filled piece by piece, broken into lines of a width at blanks (a word longer
 * than a line is cut), then drawn with a style per token.  A newline is shown as
 * a mark and begins a line.
 *
 * Owns     its letters, until text_free()
 */
#ifndef VIEWS_DRAW_TEXT_H
#define VIEWS_DRAW_TEXT_H

#include <stddef.h>

#include "engine/base/utf8.h"
#include "views/canvas.h"

struct letter {
	uint32_t ch;
	int token;
	unsigned char width;
	bool breaks;            /* a line ends behind it */
};

struct text {
	struct letter *letters;
	size_t n, room;
	size_t *line;           /* [n_lines + 1]: first letter of each */
	int n_lines, line_room;
	struct utf8_joiner joiner;
	bool ascii;             /* what is not ASCII is spelled \u{E9} */
};

/* The bytes of the next token. */
void text_add(struct text *t, int token, const char *bytes, size_t n);
/* What comes next begins a line, as if a newline stood here; nothing is shown of it. */
void text_break(struct text *t);
/* The text ends here (a started character comes out as hex). */
void text_end(struct text *t, int token);
void text_free(struct text *t);

/* Breaks into lines of at most `cols` cells. */
void text_wrap(struct text *t, int cols);
/* Line on which a token begins. */
int text_line_of(const struct text *t, int token);

/* Lines [first, first + c->rows) with the style of each token. */
void draw_text(struct canvas *c, const struct text *t, int first, style_bits (*style)(void *of, int token), void *of);
/* Reverses every place where `needle` is found. */
void draw_text_find(struct canvas *c, const struct text *t, int first, const char *needle);
/* Token under (y, x), or -1. */
int text_token_at(const struct text *t, int first, int y, int x);

/* A paragraph of plain words; returns the rows used. */
int draw_paragraph(struct canvas *c, int y, int x, int cols, style_bits st, const char *words);

#endif
