/*
 * sampler -- the chain of stages, and what each left of the distribution.
 */
#include <math.h>
#include <stdio.h>

#include "engine/base/utf8.h"
#include "views/draw_table.h"
#include "views/pane.h"

struct drawn {
	const struct view *v;
	char kept[24], mass[24];
	struct buf best, figures;
	bool ascii, wide;
};

enum { WIDE = 50 };             /* columns from which on there is room for figures */

/* The stages of the step under the cursor are those of the chain shown. */
static bool is_known(const struct view *v, int row)
{
	const struct step *s = v->step;

	return s && s->sampler == chain_revision(v->chain) && row < s->n_stages;
}

/* Another candidate leads than before the stage: it promoted one. */
static bool promoted(const struct step *s, int row)
{
	int32_t before = row ? s->stages[row - 1].best : s->n_top ? s->top[0].id : -1;

	return s->stages[row].best >= 0 && before >= 0 && s->stages[row].best != before;
}

static void add_glyph(struct buf *out, enum glyph g, bool ascii)
{
	char utf8[4];

	buf_add(out, utf8, (size_t)utf8_encode(glyph_char(g, ascii), utf8));
}

/* "entropy 1.23, temperature 0.8": what the stage says of itself. */
static void add_figures(const struct sampler_def *d, const struct step_stage *at, struct buf *out)
{
	for (int i = 0; i < SAMPLER_SHOWS && d->shows[i]; i++)
		if (!isnan(at->shown[i]))
			buf_printf(out, "%s%s %.4g", out->len ? ", " : "", d->shows[i], (double)at->shown[i]);
}

static void fill_row(void *of, int row, struct table_cell *cells)
{
	struct drawn *r = of;
	const struct step *s = r->v->step;
	const struct sampler_def *stage = chain_stage(r->v->chain, row);
	bool lifted;

	cells[0] = (struct table_cell){ .text = stage->name, .style = STYLE_TEXT };
	cells[1] = cells[2] = cells[3] = cells[4] = (struct table_cell){ .bar = -1 };
	if (!is_known(r->v, row))
		return;
	lifted = promoted(s, row);
	buf_clear(&r->best);
	buf_clear(&r->figures);
	if (lifted)
		add_glyph(&r->best, GLYPH_UP, r->ascii);
	view_token(r->v, s->stages[row].best, r->ascii, &r->best);
	add_figures(stage, &s->stages[row], &r->figures);
	snprintf(r->kept, sizeof r->kept, "%d", (int)s->stages[row].kept);
	snprintf(r->mass, sizeof r->mass, "%.2f", (double)s->stages[row].mass * 100);
	cells[1] = (struct table_cell){ .text = r->kept, .style = STYLE_NUMBER };
	cells[2] = (struct table_cell){ .text = r->mass, .style = STYLE_NUMBER };
	if (s->stages[row].best >= 0)
		cells[3] = (struct table_cell){ .text = r->best.data, .style = lifted ? STYLE_PEAK : STYLE_TEXT };
	cells[4] = (struct table_cell){ .text = r->figures.len ? r->figures.data : "", .style = STYLE_DIM };
}

static const struct table_column columns[] = {
	{ "stage", 10, false }, { "kept", 7, true }, { "raw %", 7, true }, { "likeliest", 0, false },
};
static const struct table_column wide[] = {
	{ "stage", 10, false }, { "kept", 7, true }, { "raw %", 7, true }, { "likeliest", 14, false }, { "its own figures", 0, false },
};

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	struct drawn r = { .v = v, .ascii = c->ascii };
	bool roomy = c->cols >= WIDE;
	struct canvas table = canvas_sub(c, (struct rect){ 2, 0, c->rows - 2, c->cols });

	(void)at;
	if (!v->chain) {
		pane_empty(c, "no sampler");
		return;
	}
	canvas_fit(c, 0, 0, c->cols, STYLE_NUMBER, chain_text(v->chain));
	if (v->step && v->step->sampler != chain_revision(v->chain))
		canvas_fit(c, 1, 0, c->cols, STYLE_DIM, "the step under the cursor was drawn by another chain");
	draw_table(&table, &(struct table){ .columns = roomy ? wide : columns, .n_columns = roomy ? 5 : 4,
	    .n_rows = chain_n(v->chain), .chosen = -1, .row = fill_row, .of = &r });
	buf_free(&r.best);
	buf_free(&r.figures);
}

static void extent(const struct view *v, int *rows, int *cols)
{
	*rows = v->chain ? chain_n(v->chain) : 0;
	*cols = 1;
}

static bool values(const struct view *v, int row, struct buf *out)
{
	const struct step_stage *at;

	if (row < 0)
		buf_str(out, "stage\tkept\tmass\tlikeliest\tpromoted\tfigures");
	if (row < 0 || !v->chain || row >= chain_n(v->chain))
		return row < 0;
	buf_str(out, chain_stage(v->chain, row)->name);
	if (!is_known(v, row))
		return true;
	at = &v->step->stages[row];
	buf_printf(out, "\t%d", (int)at->kept);
	pane_figure(out, at->mass);
	buf_char(out, '\t');
	view_piece(v, at->best, out);
	buf_printf(out, "\t%d\t", promoted(v->step, row));
	add_figures(chain_stage(v->chain, row), at, out);
	return true;
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
		   "of the model's own probability they hold, likeliest the candidate that leads after it: an arrow marks a "
		   "stage that put another one in front. Stages with figures of their own show them beside it (`help samplers' "
		   "names them all). What is left is scaled up to one and a token is drawn. "
		   "Enter edits the chain; it takes effect at the next token and the timeline marks it.",
	.min_rows = 4, .min_cols = 28,
	.draw = draw, .extent = extent, .enter = enter, .values = values,
};
