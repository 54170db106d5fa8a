/*
 * canvas -- a rectangle of styled cells; shown by term, printed by tests.
 *
 * A canvas is a window on cells: canvas_sub() gives a part of it with its own
 * origin, and everything drawn is clipped to the window it is drawn in, so a
 * pane cannot write over its neighbour.  A wide character takes two cells, the
 * second with ch 0.  Combining characters take none and are dropped; what is not
 * printable (engine/base/utf8.h) becomes '?': whoever draws text from a model
 * escapes it first, and this is the second lock.
 *
 * Owns     the cells, from canvas_new() to canvas_free(); windows own nothing
 * Threads  the UI thread
 */
#ifndef VIEWS_CANVAS_H
#define VIEWS_CANVAS_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "views/glyph.h"
#include "views/style.h"

struct cell {
	uint32_t ch;
	style_bits style;
	uint8_t lines;          /* LINE_ bits while the cell is part of a line */
};

struct rect {
	int y, x, rows, cols;
};

struct canvas {
	struct cell *cells;     /* [rows][stride] */
	int rows, cols, stride;
	bool ascii;             /* draws with ASCII only */
	bool mono;              /* no colour: attributes and glyphs carry it all */
};

bool canvas_new(struct canvas *c, int rows, int cols);
void canvas_free(struct canvas *c);
void canvas_clear(struct canvas *c);
/* The part of c inside r (clipped to c), with (0, 0) at its upper left. */
struct canvas canvas_sub(const struct canvas *c, struct rect r);

/* Each returns the column behind what was drawn. */
int canvas_put(struct canvas *c, int y, int x, style_bits st, uint32_t ch);
int canvas_glyph(struct canvas *c, int y, int x, style_bits st, enum glyph g);
int canvas_str(struct canvas *c, int y, int x, style_bits st, const char *utf8);
int canvas_strn(struct canvas *c, int y, int x, style_bits st, const char *utf8, size_t n);
/* At most `cols` cells; what does not fit ends in GLYPH_MORE. */
int canvas_fit(struct canvas *c, int y, int x, int cols, style_bits st, const char *utf8);
int canvas_printf(struct canvas *c, int y, int x, style_bits st, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* Ends at column x (not included). */
void canvas_right(struct canvas *c, int y, int x, style_bits st, const char *utf8);

void canvas_fill(struct canvas *c, struct rect r, style_bits st, uint32_t ch);
/* Changes the style of cells and leaves what is in them. */
void canvas_restyle(struct canvas *c, int y, int x, int cols, style_bits st);
/* Puts cells on the ground of STYLE_SELECTED; letters keep their colour. */
void canvas_light(struct canvas *c, int y, int x, int cols);
/* Lines join where they meet; draw them before what stands beside them. */
void canvas_hline(struct canvas *c, int y, int x, int cols, style_bits st);
void canvas_vline(struct canvas *c, int y, int x, int rows, style_bits st);

/* Cells a UTF-8 string takes. */
int text_width(const char *utf8, size_t n);
/* What a cell shows. */
uint32_t cell_char(const struct cell *cell, bool ascii);

/* Appends one line per row, without trailing blanks. */
void canvas_dump(const struct canvas *c, struct buf *out);
/* The same shape, a letter per style: '.' plain, a-z roles, 0-f heat, and capitals
 * for a heat ground; for tests that hold colours in place. */
void canvas_dump_styles(const struct canvas *c, struct buf *out);

#endif
