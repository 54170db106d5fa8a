/*
 * glyph -- the few drawing characters there are, each with its ASCII stand-in,
 * and how many cells a character takes.
 */
#ifndef VIEWS_GLYPH_H
#define VIEWS_GLYPH_H

#include <stdbool.h>
#include <stdint.h>

enum glyph {
#define GLYPH(id, unicode, ascii, doc) GLYPH_##id,
#include "views/glyphs.def"
#undef GLYPH
	N_GLYPHS,
};

uint32_t glyph_char(enum glyph g, bool ascii);

/* Level 0..8 as a column that grows upwards (0 is a blank). */
uint32_t glyph_column(int eighths, bool ascii);
/* 0..2 as a heavy line that grows to the right over a thin one. */
uint32_t glyph_bar(int halves, bool ascii);
/* Density 0..9, the ramp " .:-=+*#%@"; the same with and without Unicode. */
uint32_t glyph_density(int tenth);

/* Lines meet: bits say which neighbours a cell is joined to. */
enum { LINE_UP = 1, LINE_DOWN = 2, LINE_LEFT = 4, LINE_RIGHT = 8 };
uint32_t glyph_line(int bits, bool ascii);

/* Two-by-four dots of a braille cell; bit (x * 4 + y) is the dot at column x, row y. */
uint32_t glyph_braille(int dots);

/* Cells a printable character takes: 0 (combining), 1 or 2. */
int glyph_width(uint32_t cp);

#endif
