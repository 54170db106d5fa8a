/*
 * heads -- one reading of every head, layers by heads.
 *
 * Which lens fills it is the user's choice; its sentence, unit and range come
 * from the lens table.
 */
#include "analysis/reading.h"
#include "views/draw_grid.h"
#include "views/pane.h"
#include "views/scale.h"

static bool edited(void *of, int layer, int head)
{
	const struct view *v = of;

	for (int i = 0; i < edit_set_n(v->edits); i++) {
		const struct edit *ed = edit_set_at(v->edits, i);

		if (ed->on && ed->at.layer == layer && ed->at.head == head)
			return true;
	}
	return false;
}

static struct reading reading_now(const struct view *v)
{
	return v->step ? reading_of_step(v->step, v->grid_lens) : (struct reading){ .lens = lenses[v->grid_lens] };
}

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	struct reading r = reading_now(v);
	struct grid_options o = {
		.row_letter = 'L', .col_letter = 'H', .row = at->row, .col = at->focused ? at->col : -1, .marked = edited,
		.of = (void *)(uintptr_t)v, .quarters = true,
	};

	if (r.n_rows && r.n_cols && r.values)
		draw_grid(c, &r, &o);
	else
		pane_empty(c, v->step ? "not measured at this step" : "nothing yet");
}

static void extent(const struct view *v, int *rows, int *cols)
{
	*rows = v->info->hp.n_layers;
	*cols = v->info->hp.n_heads;
}

static void subject(const struct view *v, const struct choice *at, struct buf *out)
{
	(void)v;
	buf_printf(out, "L%d.H%d", at->row, at->col);
}

static void enter(const struct view *v, const struct choice *at, struct buf *out)
{
	(void)v, (void)at;
	buf_str(out, "show attention");
}

static bool values(const struct view *v, int row, struct buf *out)
{
	struct reading r = reading_now(v);

	if (row >= r.n_rows)
		return false;
	buf_printf(out, row < 0 ? "layer" : "L%d", row);
	for (int h = 0; h < r.n_cols; h++)
		if (row < 0)
			buf_printf(out, "\tH%d", h);
		else
			pane_figure(out, r.values[(size_t)row * (size_t)r.n_cols + (size_t)h]);
	return true;
}

static bool pick(const struct view *v, struct rect inside, int y, int x, struct choice *at)
{
	struct canvas c = { .rows = inside.rows, .cols = inside.cols };
	struct reading r = reading_now(v);

	return r.n_rows && draw_grid_pick(&c, &r, at->row, y, x, &at->row, &at->col);
}

static void subtitle(const struct view *v, struct buf *out)
{
	buf_printf(out, "%s", lenses[v->grid_lens]->probe.name);
}

static int legend(struct canvas *c, int from, int x, const struct view *v)
{
	struct reading r = reading_now(v);

	return scale_legend(c, 0, from, x, scale_of(&r), r.lens->unit);
}

const struct pane_def pane_heads = {
	.name = "heads",
	.title = "heads",
	.doc = "one figure for every attention head at the step under the cursor, layers by heads",
	.read_it = "Each cell is a head: dark and low is a small value, bright and high a large one. With the entropy of "
		   "attention a dark head looks at one token and a bright one at all alike. Arrows choose a head, c holds "
		   "it at a value (0 takes it out). `grid NAME` shows another reading. "
		   "Right of the grid each layer's heads are counted by quarters of the largest value here; ! marks a layer "
		   "with more than half of them in the highest (Jha and Reagen 2025 call too many there entropic overload, "
		   "and deep heads near zero entropy collapse).",
	.min_rows = 4, .min_cols = 14,
	.draw = draw, .subtitle = subtitle, .legend = legend, .extent = extent, .subject = subject, .enter = enter,
	.values = values, .pick = pick,
};
