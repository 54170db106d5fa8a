/*
 * edits -- what is being held, scaled or added, and since when.
 */
#include <stdio.h>

#include "views/draw_table.h"
#include "views/pane.h"

struct drawn {
	const struct view *v;
	char number[12], text[128];
};

static void fill_row(void *of, int row, struct table_cell *cells)
{
	struct drawn *r = of;
	const struct edit *ed = edit_set_at(r->v->edits, row);

	snprintf(r->number, sizeof r->number, "%d", ed->number);
	cells[0] = (struct table_cell){ .text = r->number, .style = STYLE_DIM };
	cells[1] = (struct table_cell){ .text = edit_format(ed, r->text, sizeof r->text),
		.style = ed->on ? STYLE_EDITED : STYLE_CUT };
	cells[2] = (struct table_cell){ .text = ed->on ? "on" : "off", .style = ed->on ? STYLE_GOOD : STYLE_DIM };
}

static const struct table_column columns[] = { { "no", 3, true }, { "edit", 0, false }, { "", 4, false } };

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	struct drawn r = { .v = v };

	if (!edit_set_n(v->edits)) {
		pane_empty(c, "no edits: c on a head or a neuron, or :clamp SITE = VALUE");
		return;
	}
	draw_table(c, &(struct table){ .columns = columns, .n_columns = 3, .n_rows = edit_set_n(v->edits),
	    .chosen = at->row, .lit = at->focused, .row = fill_row, .of = &r });
}

static void extent(const struct view *v, int *rows, int *cols)
{
	*rows = edit_set_n(v->edits);
	*cols = 1;
}

static void enter(const struct view *v, const struct choice *at, struct buf *out)
{
	if (at->row < edit_set_n(v->edits))
		buf_printf(out, "toggle-edit %d", edit_set_at(v->edits, at->row)->number);
}

static void subject(const struct view *v, const struct choice *at, struct buf *out)
{
	char text[ADDRESS_TEXT];

	if (at->row < edit_set_n(v->edits))
		buf_str(out, address_format(&edit_set_at(v->edits, at->row)->at, text));
}

static void subtitle(const struct view *v, struct buf *out)
{
	buf_printf(out, "revision %u", (unsigned)edit_set_revision(v->edits));
}

const struct pane_def pane_edits = {
	.name = "edits",
	.title = "edits",
	.doc = "what writes into the forward pass, in the order it was asked for",
	.read_it = "An edit holds (=), scales (*), adds (+) or bounds (max, min) one place of the model from the next "
		   "step on. Enter turns the chosen one off and on, z takes the last change back, Z repeats it. The timeline "
		   "marks the steps where the set changed.",
	.min_rows = 3, .min_cols = 24,
	.draw = draw, .subtitle = subtitle, .extent = extent, .enter = enter, .subject = subject,
};
