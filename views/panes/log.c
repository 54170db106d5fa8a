/*
 * log -- what was asked and what was answered, newest last.
 */
#include "views/pane.h"

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	int shown = v->n_log < c->rows ? v->n_log : c->rows, first = v->n_log - shown;

	if (at->row >= 0 && at->row < first)
		first = at->row;
	for (int i = 0; i < shown; i++) {
		const char *line = v->log[first + i];
		style_bits st = line[0] == ':' ? STYLE_KEY : line[0] == '!' ? STYLE_BAD : STYLE_TEXT;

		canvas_fit(c, i, 0, c->cols, st, line);
	}
	if (!shown)
		pane_empty(c, "nothing has been said yet");
}

static bool values(const struct view *v, int row, struct buf *out)
{
	buf_str(out, row < 0 ? "log" : row < v->n_log ? v->log[row] : "");
	return row < v->n_log;
}

static void extent(const struct view *v, int *rows, int *cols)
{
	*rows = v->n_log;
	*cols = 1;
}

const struct pane_def pane_log = {
	.name = "log",
	.title = "log",
	.doc = "commands and what came of them",
	.read_it = "A line with : was asked for, by a key, the prompt or a script; one with ! is an error.",
	.min_rows = 2, .min_cols = 20,
	.draw = draw, .extent = extent, .values = values,
};
