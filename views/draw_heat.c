#include "views/draw_heat.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "views/pane.h"

struct shape {
	int cell, high, top;
	int rows, first_row;    /* in sight */
	int cols, first_col;
};

static struct shape shape_of(const struct canvas *c, const struct heat *h)
{
	struct shape s = { .cell = h->n_cols ? (c->cols - h->label) / h->n_cols : 1, .top = h->head };

	s.cell = s.cell < h->least ? h->least : s.cell > h->most ? h->most : s.cell;
	s.cols = (c->cols - h->label) / s.cell;
	s.cols = s.cols > h->n_cols ? h->n_cols : s.cols < 0 ? 0 : s.cols;
	s.high = h->n_rows ? (c->rows - s.top) / h->n_rows : 1;
	s.high = s.high < 1 ? 1 : s.high > h->tall ? (h->tall > 1 ? h->tall : 1) : s.high;
	s.rows = (c->rows - s.top) / s.high;
	s.rows = s.rows > h->n_rows ? h->n_rows : s.rows < 0 ? 0 : s.rows;
	s.first_row = pane_scroll(h->n_rows, s.rows, h->row < 0 ? 0 : h->row);
	s.first_col = pane_scroll(h->n_cols, s.cols, h->col < 0 ? 0 : h->col);
	return s;
}

int draw_heat_cell(const struct canvas *c, const struct heat *h)
{
	return shape_of(c, h).cell;
}

void heat_number(float v, int cols, char out[HEAT_TEXT])
{
	float a = fabsf(v);
	char *dot;

	*out = 0;
	if (isnan(v))
		return;
	if (isinf(v))
		snprintf(out, HEAT_TEXT, "%s", v > 0 ? "inf" : "-inf");
	else if (a == 0)
		snprintf(out, HEAT_TEXT, "0");
	else if (a < 0.00095f || a >= 99950)
		snprintf(out, HEAT_TEXT, "%.0e", (double)v);
	else
		snprintf(out, HEAT_TEXT, "%.*f", a < 0.995f ? 3 : a < 9.95f ? 2 : a < 99.5f ? 1 : 0, (double)v);
	/* "5e-05" and "0.074" are shorter without their zeros. */
	if ((dot = strstr(out, "e-0")) || (dot = strstr(out, "e+0")))
		memmove(dot + (dot[1] == '+' ? 1 : 2), dot + 3, strlen(dot + 3) + 1);
	if ((int)strlen(out) > cols && (dot = strstr(out, "0.")) && (dot == out || dot[-1] == '-'))
		memmove(dot, dot + 1, strlen(dot));
	if ((int)strlen(out) > cols && (dot = strchr(out, '.')) && (int)(dot - out) <= cols && a >= 0.95f)
		out[(int)(dot - out) >= cols - 1 ? (int)(dot - out) : cols] = 0;
	if ((int)strlen(out) > cols)
		*out = 0;
}

/* 0..1 along the ramp; NAN: no colour. */
static float along(const struct heat *h, float v)
{
	float u = isinf(v) ? (v > 0 ? 1 : 0) : scale_unit(h->scale, v);

	return h->down ? 1 - u : u;
}

static void draw_block(struct canvas *c, int y, int x, int cell, float u)
{
	for (int i = 0; i < (cell > 2 ? cell - 1 : cell); i++)
		canvas_put(c, y, x + i, style_heat(scale_step(u)), glyph_column(1 + (int)(u * 7.99f), c->ascii));
}

/* The figure stands in the middle of its ground, one blank from the right edge. */
static void draw_figure(struct canvas *c, struct rect r, float u, const char *text, bool marked)
{
	style_bits st = style_ground(scale_step(u));
	int y = r.y + (r.rows - 1) / 2;

	canvas_fill(c, r, st, ' ');
	/* Without colour the ground says nothing: the height stands beside the figure. */
	if (c->mono && (int)strlen(text) + 3 <= r.cols)
		canvas_put(c, y, r.x + 1, STYLE_TEXT, glyph_column(1 + (int)(u * 7.99f), c->ascii));
	canvas_str(c, y, r.x + r.cols - 1 - (int)strlen(text), st, text);
	if (marked)
		canvas_glyph(c, y, r.x, st | STYLE_BOLD, GLYPH_PEAK);
}

static void draw_cell(struct canvas *c, const struct heat *h, struct rect r, int row, int col)
{
	int y = r.y + (r.rows - 1) / 2, x = r.x, cell = r.cols;
	float v = h->value(h->of, row, col), u = along(h, v);
	bool held = h->held && h->held(h->of, row, col);
	bool plain = h->plain && h->plain(h->of, row, col), marked = h->marked && h->marked(h->of, row, col);
	char text[HEAT_TEXT] = "";

	if (isnan(v)) {
		if (!plain)
			canvas_glyph(c, y, x + (cell - 1) / 2, held ? STYLE_EDITED : STYLE_HOLE, held ? GLYPH_EDIT : GLYPH_HOLE);
		return;
	}
	if (h->text)
		h->text(h->of, v, cell - 2 - (marked && !plain) - held, text);
	if (plain) {
		canvas_str(c, y, x + cell - 1 - (int)strlen(text), STYLE_NUMBER, text);
	} else if (*text) {
		draw_figure(c, r, u, text, marked);
	} else {
		draw_block(c, y, x, cell, u);
		if (marked)
			canvas_glyph(c, y, x, STYLE_PEAK, GLYPH_PEAK);
	}
	if (held)
		canvas_glyph(c, y, x + (marked && !plain), plain || !*text ? STYLE_EDITED : style_ground(scale_step(u)) | STYLE_BOLD,
		    GLYPH_EDIT);
}

static void draw_head(struct canvas *c, const struct heat *h, const struct shape *s)
{
	char name[HEAT_TEXT];
	int after = -1;

	for (int i = 0; i < s->cols; i++) {
		int x = h->label + i * s->cell, n;

		*name = 0;
		h->col_name(h->of, s->first_col + i, s->cell, name);
		n = text_width(name, strlen(name));
		/* At the right edge of its cell, or to the right from it when cells are narrow. */
		x = n < s->cell ? x + s->cell - 1 - n : x;
		if (n && x > after && x + n <= c->cols) {
			canvas_str(c, 0, x, STYLE_DIM, name);
			after = x + n;
		}
	}
}

int draw_heat(struct canvas *c, const struct heat *h)
{
	struct shape s = shape_of(c, h);
	char name[HEAT_TEXT];

	if (h->head)
		draw_head(c, h, &s);
	for (int i = 0; i < s.rows; i++) {
		int row = s.first_row + i, y = s.top + i * s.high;

		*name = 0;
		style_bits st = h->row_name(h->of, row, h->label - 1, name);

		canvas_fit(c, y + (s.high - 1) / 2, 0, h->label - 1, h->lit && row == h->row && st == STYLE_DIM ? STYLE_TITLE : st, name);
		for (int k = 0; k < s.cols; k++) {
			struct rect r = { y, h->label + k * s.cell, s.high, s.cell };
			int col = s.first_col + k;

			draw_cell(c, h, r, row, col);
			/* Of a tall cell the colour stays to be seen. */
			if (h->lit && row == h->row && col == h->col)
				canvas_restyle(c, y + (s.high - 1) / 2, r.x, s.cell, STYLE_CURSOR);
		}
	}
	return s.top + s.rows * s.high;
}

bool draw_heat_pick(const struct canvas *c, const struct heat *h, int y, int x, int *row, int *col)
{
	struct shape s = shape_of(c, h);

	*row = s.first_row + (y - s.top) / s.high;
	*col = s.first_col + (x - h->label) / s.cell;
	return y >= s.top && y < s.top + s.rows * s.high && x >= h->label && *col < s.first_col + s.cols;
}

int heat_legend(struct canvas *c, int from, int x, struct scale s, bool down, const char *unit)
{
	char ends[2][HEAT_TEXT];
	int width, at;

	heat_number(s.lo, 5, ends[down]);
	heat_number(s.hi, 5, ends[!down]);
	width = (int)(strlen(ends[0]) + strlen(ends[1]) + strlen(unit)) + 8 + 2 + (*unit != 0);
	if (x - width < from)
		return x;
	at = canvas_printf(c, 0, x - width, STYLE_DIM, "%s ", ends[0]);
	for (int i = 1; i <= 8; i++)
		at = canvas_put(c, 0, at, style_heat(scale_step((float)(i - 1) / 7)), glyph_column(i, c->ascii));
	canvas_printf(c, 0, at, STYLE_DIM, " %s%s%s", ends[1], *unit ? " " : "", unit);
	return x - width;
}
