#include "views/draw_grid.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "views/pane.h"
#include "views/scale.h"

enum { NUMBERS = 4 };           /* columns of a cell from which on it shows its figure */

struct shape {
	int label, cell, top;           /* columns of a row's name, of a cell; row of the first cell */
	int shown, first;               /* rows in sight */
	int cols;                       /* columns of values in sight */
	int quarters, digit;            /* column of the counts, 0: none; width of each */
};

/* The counts take their room where cells can still show figures without it. */
static int room_for_quarters(const struct canvas *c, const struct reading *r, struct shape *s)
{
	int width;

	s->digit = r->n_cols > 9 ? 3 : 2;
	width = 4 * s->digit + 2;
	return r->n_cols && (c->cols - s->label - width) / r->n_cols >= NUMBERS ? width : 0;
}

static struct shape shape_of(const struct canvas *c, const struct reading *r, int row)
{
	struct shape s = { .label = r->n_rows > 100 ? 5 : r->n_rows > 10 ? 4 : 3, .top = 1 };
	int counts = room_for_quarters(c, r, &s);

	s.cell = r->n_cols ? (c->cols - s.label - counts) / r->n_cols : 1;
	s.cell = s.cell < 1 ? 1 : s.cell > 5 ? 5 : s.cell;
	s.cols = (c->cols - s.label) / s.cell;
	s.cols = s.cols > r->n_cols ? r->n_cols : s.cols;
	s.shown = c->rows - s.top - 1;  /* the last row is the caption */
	s.shown = s.shown > r->n_rows ? r->n_rows : s.shown < 1 ? 1 : s.shown;
	s.first = pane_scroll(r->n_rows, s.shown, row < 0 ? 0 : row);
	s.quarters = counts ? s.label + s.cols * s.cell : 0;
	return s;
}

/* Every column is named where there is room, else every fifth. */
static void draw_head(struct canvas *c, const struct shape *s, char letter)
{
	for (int i = 0; i < s->cols; i++) {
		int x = s->label + i * s->cell;

		if (s->cell >= 3)
			canvas_printf(c, 0, x + (s->cell - 2) / 2, STYLE_DIM, "%c%d", letter, i);
		else if (i % 5 == 0 && (i + 2) * s->cell + s->label <= c->cols)
			canvas_printf(c, 0, x, STYLE_DIM, s->cell * 5 > 4 && i < 100 ? "%c%d" : "%c", letter, i);
	}
}

static void draw_cell(struct canvas *c, int y, int x, int cell, float v, struct scale sc)
{
	float u = scale_unit(sc, v);
	char text[16];

	if (isnan(u)) {
		canvas_glyph(c, y, x + (cell - 1) / 2, STYLE_HOLE, GLYPH_HOLE);
	} else if (cell >= NUMBERS) {
		style_bits st = style_ground(scale_step(u));
		int n;

		canvas_fill(c, (struct rect){ y, x, 1, cell }, st, ' ');
		scale_short(v, text, sizeof text);
		n = (int)strlen(text);
		if (n <= cell - 1)
			canvas_str(c, y, x + (cell - n + 1) / 2, st, text);
		else
			canvas_put(c, y, x, st, glyph_column(1 + (int)(u * 7.99f), c->ascii));
	} else {
		for (int i = 0; i < (cell > 2 ? cell - 1 : cell); i++)
			canvas_put(c, y, x + i, style_heat(scale_step(u)), glyph_column(1 + (int)(u * 7.99f), c->ascii));
	}
}

static void draw_row(struct canvas *c, const struct reading *r, const struct grid_options *o, const struct shape *s,
    struct scale sc, int row, int y)
{
	canvas_printf(c, y, 0, row == o->row && o->col >= 0 ? STYLE_TITLE : STYLE_DIM, "%c%d", o->row_letter, row);
	for (int i = 0; i < s->cols; i++) {
		int x = s->label + i * s->cell, wide = s->cell == 3 ? 2 : s->cell;

		draw_cell(c, y, x, s->cell, r->values[(size_t)row * (size_t)r->n_cols + (size_t)i], sc);
		if (o->marked && o->marked(o->of, row, i))
			canvas_restyle(c, y, x, wide, STYLE_EDITED | STYLE_REVERSE);
		if (row == o->row && i == o->col)
			canvas_restyle(c, y, x, wide, STYLE_CURSOR);
	}
}

static float largest_of(const struct reading *r)
{
	float most = 0;

	for (size_t i = 0; i < (size_t)r->n_rows * (size_t)r->n_cols; i++)
		most = r->values[i] > most ? r->values[i] : most;
	return most;
}

static void draw_quarters(struct canvas *c, const struct reading *r, const struct shape *s, float most, int row, int y)
{
	int n[4] = { 0 }, measured = 0;

	for (int i = 0; i < r->n_cols; i++) {
		float v = r->values[(size_t)row * (size_t)r->n_cols + (size_t)i];

		if (isnan(v) || most <= 0)
			continue;
		n[v >= most ? 3 : v <= 0 ? 0 : (int)(4 * v / most)]++;
		measured++;
	}
	for (int q = 0; q < 4; q++)
		canvas_printf(c, y, s->quarters + q * s->digit, n[q] ? STYLE_NUMBER : STYLE_HOLE, "%*d", s->digit, n[q]);
	if (2 * n[3] > measured)
		canvas_put(c, y, s->quarters + 4 * s->digit, STYLE_BAD, '!');
}

/* The four glyphs of the quarters stand above their counts. */
static void draw_all_quarters(struct canvas *c, const struct reading *r, const struct shape *s)
{
	float most = largest_of(r);

	for (int q = 0; q < 4; q++)
		canvas_put(c, 0, s->quarters + (q + 1) * s->digit - 1, style_heat(RAMP / 8 + q * RAMP / 4),
		    glyph_column(2 * q + 2, c->ascii));
	for (int i = 0; i < s->shown; i++)
		draw_quarters(c, r, s, most, s->first + i, s->top + i);
}

/* The chosen value in full, and what is out of sight. */
static void draw_caption(struct canvas *c, const struct reading *r, const struct grid_options *o, const struct shape *s)
{
	int y = s->top + s->shown, x = 0;

	if (y >= c->rows)
		return;
	if (o->row >= 0 && o->row < r->n_rows && o->col >= 0 && o->col < r->n_cols) {
		float v = r->values[(size_t)o->row * (size_t)r->n_cols + (size_t)o->col];

		x = canvas_printf(c, y, 0, STYLE_NUMBER, "%c%d.%c%d ", o->row_letter, o->row, o->col_letter, o->col);
		x = isnan(v) ? canvas_str(c, y, x, STYLE_DIM, "not measured")
			     : canvas_printf(c, y, x, STYLE_NUMBER, "%.4g", (double)v);
		x = canvas_printf(c, y, x, STYLE_DIM, " %s", isnan(v) ? "" : r->lens->unit);
	}
	if (s->first + s->shown < r->n_rows || s->first > 0) {
		char more[48];

		snprintf(more, sizeof more, "%c%d-%d of %d", o->row_letter, s->first, s->first + s->shown - 1, r->n_rows);
		if (x + (int)sizeof "L00-00 of 00" < c->cols)
			canvas_right(c, y, c->cols, STYLE_DIM, more);
	}
}

void draw_grid(struct canvas *c, const struct reading *r, const struct grid_options *o)
{
	struct shape s = shape_of(c, r, o->row);
	struct scale sc = scale_of(r);

	draw_head(c, &s, o->col_letter);
	for (int i = 0; i < s.shown; i++)
		draw_row(c, r, o, &s, sc, s.first + i, s.top + i);
	if (o->quarters && s.quarters)
		draw_all_quarters(c, r, &s);
	draw_caption(c, r, o, &s);
}

bool draw_grid_pick(const struct canvas *c, const struct reading *r, int chosen_row, int y, int x, int *row, int *col)
{
	struct shape s = shape_of(c, r, chosen_row);

	*row = s.first + y - s.top;
	*col = (x - s.label) / s.cell;
	return y >= s.top && y < s.top + s.shown && x >= s.label && *col < s.cols;
}
