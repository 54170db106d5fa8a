#include "views/draw_chart.h"

#include <math.h>

/* The top has the colour; what carries it is dim, so that a signal that is high
 * all along is a line and not a wall. */
static void draw_column(struct canvas *c, struct rect r, int x, float u)
{
	int eighths = (int)lrintf(u * (float)(r.rows * 8));
	style_bits st = style_heat(scale_step(u));

	if (eighths < 1)
		eighths = 1;            /* measured, and near zero: not a hole */
	for (int row = 0; row < r.rows && eighths > 0; row++, eighths -= 8)
		canvas_put(c, r.y + r.rows - 1 - row, x, eighths > 8 && !c->mono ? STYLE_TRACK : st,
		    glyph_column(eighths > 8 ? 8 : eighths, false));
}

/* ASCII densities do not stack: a column is one digit of density at its top. */
static void draw_column_ascii(struct canvas *c, struct rect r, int x, float u)
{
	if (r.rows == 1) {
		canvas_put(c, r.y, x, style_heat(scale_step(u)), glyph_density(1 + (int)(u * 8.99f)));
		return;
	}
	int full = (int)(u * (float)r.rows), rest = (int)((u * (float)r.rows - (float)full) * 9);
	style_bits st = style_heat(scale_step(u));

	for (int row = 0; row < full && row < r.rows; row++)
		canvas_put(c, r.y + r.rows - 1 - row, x, st, '#');
	if (full < r.rows && (rest || !full))
		canvas_put(c, r.y + r.rows - 1 - full, x, st, rest > 5 ? '+' : rest > 2 ? ':' : '.');
}

void draw_columns(struct canvas *c, struct rect r, const float *v, int n, struct scale s)
{
	for (int i = 0; i < n && i < r.cols; i++) {
		float u = scale_unit(s, v[i]);

		if (isnan(u))
			canvas_glyph(c, r.y + r.rows - 1, r.x + i, STYLE_HOLE, GLYPH_HOLE);
		else if (c->ascii)
			draw_column_ascii(c, r, r.x + i, u);
		else
			draw_column(c, r, r.x + i, u);
	}
}

void draw_bar(struct canvas *c, int y, int x, int cols, float unit, style_bits st)
{
	int halves = isnan(unit) ? 0 : (int)lrintf((unit > 1 ? 1 : unit < 0 ? 0 : unit) * (float)(cols * 2));

	for (int i = 0; i < cols; i++, halves -= 2)
		canvas_put(c, y, x + i, halves > 0 ? st : STYLE_TRACK, glyph_bar(halves > 2 ? 2 : halves, c->ascii));
}

static int dot_row(const struct rect *r, float u)
{
	int n = r->rows * 4, row = (int)lrintf((1 - u) * (float)(n - 1));

	return row < 0 ? 0 : row >= n ? n - 1 : row;
}

void draw_line(struct canvas *c, struct rect r, const float *v, int n, struct scale s, style_bits st)
{
	if (c->ascii) {
		draw_columns(c, r, v, n < r.cols ? n : r.cols, s);
		return;
	}
	for (int x = 0; x < r.cols; x++)
		for (int y = 0; y < r.rows; y++) {
			int dots = 0;

			for (int half = 0; half < 2; half++) {
				int i = x * 2 + half;
				float u = i < n ? scale_unit(s, v[i]) : NAN;
				int row = isnan(u) ? -1 : dot_row(&r, u) - y * 4;

				if (row >= 0 && row < 4)
					dots |= 1 << (half * 4 + row);
			}
			if (dots)
				canvas_put(c, r.y + y, r.x + x, st, glyph_braille(dots));
		}
}
