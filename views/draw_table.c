#include "views/draw_table.h"

#include <string.h>

#include "views/draw_chart.h"
#include "views/pane.h"

static void widths(const struct canvas *c, const struct table *t, int *width)
{
	int left = c->cols, grow = 0;

	for (int i = 0; i < t->n_columns; i++) {
		left -= t->columns[i].width + (i ? 1 : 0);
		grow += t->columns[i].width == 0;
	}
	for (int i = 0; i < t->n_columns; i++) {
		width[i] = t->columns[i].width;
		if (!width[i]) {
			width[i] = left > 0 ? left / grow : 0;
			left -= width[i];
			grow--;
		}
	}
}

static void draw_cell(struct canvas *c, int y, int x, int width, const struct table_column *col, const struct table_cell *cell)
{
	struct canvas part = canvas_sub(c, (struct rect){ y, x, 1, width });

	if (width <= 0)
		return;
	if (cell->text && col->right && text_width(cell->text, strlen(cell->text)) <= width)
		canvas_right(&part, 0, part.cols, cell->style, cell->text);
	else if (cell->text)
		canvas_fit(&part, 0, 0, part.cols, cell->style, cell->text);
	else if (cell->bar >= 0)
		draw_bar(&part, 0, 0, part.cols, cell->bar, cell->style);
	else
		canvas_glyph(&part, 0, col->right ? part.cols - 1 : 0, STYLE_HOLE, GLYPH_HOLE);
}

static int rows_shown(int rows, const struct table *t)
{
	return rows - 1 < t->n_rows ? rows - 1 : t->n_rows;
}

void draw_table(struct canvas *c, const struct table *t)
{
	struct table_cell cells[TABLE_COLUMNS];
	int width[TABLE_COLUMNS], shown = rows_shown(c->rows, t), first = pane_scroll(t->n_rows, shown, t->chosen);

	widths(c, t, width);
	for (int y = -1; y < shown; y++) {
		if (y >= 0)
			t->row(t->of, first + y, cells);
		for (int i = 0, x = 0; i < t->n_columns; x += width[i] + 1, i++) {
			if (y < 0)
				cells[i] = (struct table_cell){ .text = t->columns[i].name, .style = STYLE_DIM };
			draw_cell(c, y + 1, x, width[i], &t->columns[i], &cells[i]);
		}
		if (y >= 0 && first + y == t->chosen && t->lit)
			canvas_light(c, y + 1, 0, c->cols);
	}
}

int draw_table_pick(int rows, const struct table *t, int y)
{
	int shown = rows_shown(rows, t);

	return y >= 1 && y <= shown ? pane_scroll(t->n_rows, shown, t->chosen) + y - 1 : -1;
}
