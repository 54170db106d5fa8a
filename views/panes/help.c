/*
 * help -- a pane explained, or all keys and commands; rows come from the tables.
 */
#include <string.h>

#include "views/draw_text.h"
#include "views/host.h"
#include "views/pane.h"

/* Draws row i at y (rows above the pane are only counted); returns its height. */
static int draw_row(struct canvas *c, int y, const char *left, const char *right)
{
	int split = c->cols > 60 ? 26 : 16, rows;
	bool paragraph = !*left;
	struct canvas part = *c;

	if (paragraph && !*right)
		return 1;
	if (y < 0 || y >= c->rows)      /* measured on nothing */
		part.rows = 0;
	if (!paragraph && !*right) {
		if (part.rows)
			canvas_fit(c, y, 0, c->cols, STYLE_FOCUS, left);
		return 1;
	}
	if (!paragraph && part.rows)
		canvas_fit(c, y, 0, split - 1, STYLE_KEY, left);
	rows = draw_paragraph(&part, y < 0 ? 0 : y, paragraph ? 0 : split, c->cols - (paragraph ? 0 : split),
	    paragraph ? STYLE_TEXT : STYLE_KEYTEXT, right);
	return rows;
}

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	const char *left, *right;
	int y = 0, skip = at->row > 0 ? at->row : 0;

	if (!v->host)
		return;
	for (size_t i = 0; y < c->rows && v->host->help_row(v->host->of, v->help, i, &left, &right); i++) {
		if (skip > 0) {
			skip--;
			continue;
		}
		y += draw_row(c, y, left, right);
	}
}

static void extent(const struct view *v, int *rows, int *cols)
{
	const char *left, *right;
	size_t n = 0;

	while (v->host && v->host->help_row(v->host->of, v->help, n, &left, &right))
		n++;
	*rows = (int)n;
	*cols = 1;
}

static void subtitle(const struct view *v, struct buf *out)
{
	buf_str(out, v->help && *v->help ? v->help : "keys and commands");
}

const struct pane_def pane_help = {
	.name = "help",
	.title = "help",
	.doc = "a pane explained, or all keys and commands",
	.read_it = "`help` lists everything, `help NAME` explains a pane, a command or a signal. Up and Down scroll, q leaves.",
	.min_rows = 3, .min_cols = 24,
	.draw = draw, .subtitle = subtitle, .extent = extent,
};
