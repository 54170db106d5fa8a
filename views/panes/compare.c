/*
 * compare -- a branch beside the line, token by token.
 */
#include <math.h>
#include <stdio.h>

#include "analysis/compare.h"
#include "views/draw_table.h"
#include "views/pane.h"

struct drawn {
	const struct view *v;
	struct compare c;
	char pos[12], kl[16];
	struct buf line, branch;
	bool ascii;
};

static const char *name(const struct drawn *r, int32_t id, struct buf *b)
{
	buf_clear(b);
	if (id < 0)
		return NULL;
	view_token(r->v, id, r->ascii, b);
	return b->data ? b->data : "";
}

static void fill_row(void *of, int row, struct table_cell *cells)
{
	struct drawn *r = of;
	struct compare_row at = compare_at(&r->c, row);
	bool differ = at.line != at.branch && at.line >= 0 && at.branch >= 0;

	snprintf(r->pos, sizeof r->pos, "%d", at.pos);
	/* What the same sums in another order leave is no distance. */
	if (at.kl > 0 && at.kl < 1e-6)
		snprintf(r->kl, sizeof r->kl, "<1e-6");
	else
		snprintf(r->kl, sizeof r->kl, "%.3g", at.kl);
	cells[0] = (struct table_cell){ .text = r->pos, .style = at.pos == r->c.first ? STYLE_PEAK : STYLE_DIM };
	cells[1] = (struct table_cell){ .text = name(r, at.line, &r->line), .style = STYLE_TEXT };
	cells[2] = (struct table_cell){ .text = name(r, at.branch, &r->branch), .style = differ ? STYLE_EDITED : STYLE_TEXT };
	cells[3] = (struct table_cell){ .text = isnan(at.kl) ? NULL : r->kl, .style = STYLE_NUMBER };
}

static const struct table_column columns[] = {
	{ "pos", 5, true }, { "the line", 0, false }, { "the branch", 0, false }, { "KL", 8, true },
};

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	struct drawn r = { .v = v, .ascii = c->ascii };

	if (!v->compared || !compare_open(&r.c, v->steps, v->compared)) {
		pane_empty(c, "`compare N' puts branch N beside the line");
		return;
	}
	draw_table(c, &(struct table){ .columns = columns, .n_columns = 4, .n_rows = r.c.n, .chosen = at->row,
	    .lit = at->focused, .row = fill_row, .of = &r });
	buf_free(&r.line);
	buf_free(&r.branch);
}

static void subtitle(const struct view *v, struct buf *out)
{
	struct compare c;

	if (!v->compared || !compare_open(&c, v->steps, v->compared))
		return;
	buf_printf(out, "branch %d: ", v->compared);
	if (c.first < 0)
		buf_str(out, "same tokens");
	else
		buf_printf(out, "parts at %d", c.first);
	if (c.n_compared)
		buf_printf(out, ", mean KL %.3g nats of the top %d", c.mean_kl, STEP_TOP);
}

static bool values(const struct view *v, int row, struct buf *out)
{
	struct compare c;
	struct compare_row at;

	if (row < 0)
		buf_str(out, "position\tline\tbranch\tKL");
	if (row < 0 || !v->compared || !compare_open(&c, v->steps, v->compared) || row >= c.n)
		return row < 0;
	at = compare_at(&c, row);
	buf_printf(out, "%d\t", at.pos);
	view_piece(v, at.line, out);
	buf_char(out, '\t');
	view_piece(v, at.branch, out);
	pane_figure(out, (float)at.kl);
	return true;
}

static void extent(const struct view *v, int *rows, int *cols)
{
	struct compare c;

	*rows = v->compared && compare_open(&c, v->steps, v->compared) ? c.n : 0;
	*cols = 1;
}

static void enter(const struct view *v, const struct choice *at, struct buf *out)
{
	struct compare c;

	if (v->compared && compare_open(&c, v->steps, v->compared) && at->row < c.n)
		buf_printf(out, "cursor %d", c.branch.fork + at->row);
}

const struct pane_def pane_compare = {
	.name = "compare",
	.title = "compare",
	.doc = "a branch that was left beside the line, token by token",
	.read_it = "pos is the position that was read; beside it the token each of the two went on with, and how far apart "
		   "the distributions were that they came from. KL is of the line against the branch, in nats, over the "
		   "tokens a step keeps (the 50 likeliest), made to sum to 1; a token the other does not keep counts there "
		   "as its least likely kept one, so it is a lower bound. The position of the first difference is marked. "
		   "Behind it the two read different texts. Enter moves the cursor there.",
	.min_rows = 3, .min_cols = 30,
	.draw = draw, .subtitle = subtitle, .extent = extent, .enter = enter, .values = values,
};
