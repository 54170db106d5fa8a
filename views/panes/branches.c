/*
 * branches -- the lines of text that were left by going back.
 */
#include <stdio.h>

#include "views/draw_table.h"
#include "views/pane.h"

struct drawn {
	const struct view *v;
	char number[32], fork[12], n[12];
	struct buf text;
};

static void fill_row(void *of, int row, struct table_cell *cells)
{
	struct drawn *r = of;
	struct timeline_branch b = timeline_branch(r->v->steps, row);

	if (b.name)
		snprintf(r->number, sizeof r->number, "%s", b.name);
	else
		snprintf(r->number, sizeof r->number, "%d", b.number);
	snprintf(r->fork, sizeof r->fork, "%d", b.fork);
	snprintf(r->n, sizeof r->n, "%d", b.n);
	buf_clear(&r->text);
	for (int i = 0; i < b.n && r->text.len < 200; i++)
		if (b.steps[i])
			view_piece(r->v, b.steps[i]->token, &r->text);
	cells[0] = (struct table_cell){ .text = r->number, .style = STYLE_DIM };
	cells[1] = (struct table_cell){ .text = r->fork, .style = STYLE_NUMBER };
	cells[2] = (struct table_cell){ .text = r->n, .style = STYLE_NUMBER };
	cells[3] = (struct table_cell){ .text = r->text.len ? r->text.data : "", .style = STYLE_TEXT };
}

static const struct table_column columns[] = {
	{ "name", 8, false }, { "from", 5, true }, { "steps", 5, true }, { "went on", 0, false },
};

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	struct drawn r = { .v = v };

	if (!timeline_n_branches(v->steps)) {
		pane_empty(c, "one line of text so far: going on from the past makes a branch");
		return;
	}
	draw_table(c, &(struct table){ .columns = columns, .n_columns = 4, .n_rows = timeline_n_branches(v->steps),
	    .chosen = at->row, .lit = at->focused, .row = fill_row, .of = &r });
	buf_free(&r.text);
}

static void extent(const struct view *v, int *rows, int *cols)
{
	*rows = timeline_n_branches(v->steps);
	*cols = 1;
}

static void enter(const struct view *v, const struct choice *at, struct buf *out)
{
	if (at->row < timeline_n_branches(v->steps))
		buf_printf(out, "branch %d", timeline_branch(v->steps, at->row).number);
}

const struct pane_def pane_branches = {
	.name = "branches",
	.title = "branches",
	.doc = "the texts that were left by going back",
	.read_it = "from is the position where the branch left the line, steps how far it went. Enter goes back to it: "
		   "its tokens are read again, one by one, and the line that is shown now becomes a branch itself. "
		   "`compare N' puts it beside the line, `name-branch N WORD' names it, `drop-branch N' forgets it, and "
		   "`patch SITE from branch N step P' takes a value over from it.",
	.min_rows = 3, .min_cols = 24,
	.draw = draw, .extent = extent, .enter = enter,
};
