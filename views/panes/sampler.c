/*
 * sampler -- the chain of stages, and what each left of the distribution.
 */
#include <stdio.h>

#include "views/draw_table.h"
#include "views/pane.h"

struct drawn {
	const struct view *v;
	char kept[24], mass[24];
};

static void fill_row(void *of, int row, struct table_cell *cells)
{
	struct drawn *r = of;
	const struct step *s = r->v->step;
	bool known = s && s->sampler == chain_revision(r->v->chain) && row < s->n_stages;

	cells[0] = (struct table_cell){ .text = chain_stage(r->v->chain, row)->name, .style = STYLE_TEXT };
	cells[1] = cells[2] = cells[3] = (struct table_cell){ .bar = -1 };
	if (!known)
		return;
	snprintf(r->kept, sizeof r->kept, "%d", (int)s->stages[row].kept);
	snprintf(r->mass, sizeof r->mass, "%.2f", (double)s->stages[row].mass * 100);
	cells[1] = (struct table_cell){ .text = r->kept, .style = STYLE_NUMBER };
	cells[2] = (struct table_cell){ .text = r->mass, .style = STYLE_NUMBER };
	cells[3] = (struct table_cell){ .bar = s->stages[row].mass, .style = STYLE_BAR };
}

static const struct table_column columns[] = {
	{ "stage", 10, false }, { "kept", 7, true }, { "raw %", 7, true }, { "", 0, false },
};

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	struct drawn r = { .v = v };
	struct canvas table = canvas_sub(c, (struct rect){ 2, 0, c->rows - 2, c->cols });

	(void)at;
	if (!v->chain) {
		pane_empty(c, "no sampler");
		return;
	}
	canvas_fit(c, 0, 0, c->cols, STYLE_NUMBER, chain_text(v->chain));
	if (v->step && v->step->sampler != chain_revision(v->chain))
		canvas_fit(c, 1, 0, c->cols, STYLE_DIM, "the step under the cursor was drawn by another chain");
	draw_table(&table, &(struct table){ .columns = columns, .n_columns = 4, .n_rows = chain_n(v->chain),
	    .chosen = -1, .row = fill_row, .of = &r });
}

static void extent(const struct view *v, int *rows, int *cols)
{
	*rows = v->chain ? chain_n(v->chain) : 0;
	*cols = 1;
}

static void enter(const struct view *v, const struct choice *at, struct buf *out)
{
	(void)at;
	if (v->chain)
		buf_printf(out, "ask sampler %s", chain_text(v->chain));
}

const struct pane_def pane_sampler = {
	.name = "sampler",
	.title = "sampler",
	.doc = "the stages between the model's distribution and the token drawn",
	.read_it = "Stages work in the order they are written. kept is how many candidates a stage left, raw % how much "
		   "of the model's own probability they hold. What is left is scaled up to one and a token is drawn. "
		   "Enter edits the chain; it takes effect at the next token and the timeline marks it.",
	.min_rows = 4, .min_cols = 28,
	.draw = draw, .extent = extent, .enter = enter,
};
