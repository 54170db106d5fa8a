/*
 * layers -- every reading with one value a layer, side by side.
 *
 * The columns are whatever the lens table has with that axis; each has a scale
 * of its own, so bars compare down a column and not across.
 */
#include <math.h>
#include <stdio.h>

#include "analysis/reading.h"
#include "views/draw_chart.h"
#include "views/pane.h"

static int layer_lenses(enum lens_id *ids, int room)
{
	int n = 0;

	for (int i = 0; i < N_LENSES && n < room; i++)
		if (lenses[i]->probe.axes == PROBE_LAYERS)
			ids[n++] = (enum lens_id)i;
	return n;
}

static void draw_value(struct canvas *c, int y, int x, int width, const struct reading *r, int layer)
{
	float v = r->values ? r->values[layer] : NAN, u = scale_unit(scale_of(r), v);
	char text[16];

	if (isnan(u)) {
		canvas_glyph(c, y, x + 5, STYLE_HOLE, GLYPH_HOLE);
		return;
	}
	canvas_right(c, y, x + 6, STYLE_NUMBER, scale_short(v, text, sizeof text));
	if (width > 10)
		draw_bar(c, y, x + 7, width - 9, u, style_heat(scale_step(u)));
}

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	enum lens_id ids[8];
	int n = layer_lenses(ids, 8), n_layers = v->info->hp.n_layers, shown, first, width;

	if (!v->step) {
		pane_empty(c, "nothing yet");
		return;
	}
	while (n > 1 && (c->cols - 4) / n < 9)
		n--;
	width = n ? (c->cols - 4) / n : 0;
	shown = c->rows - 1 < n_layers ? c->rows - 1 : n_layers;
	first = pane_scroll(n_layers, shown, at->row);
	for (int i = 0; i < n; i++) {
		struct reading r = reading_of_step(v->step, ids[i]);

		canvas_fit(c, 0, 4 + i * width, width - 1, STYLE_DIM, r.lens->probe.name);
		for (int y = 0; y < shown && r.n_rows; y++)
			draw_value(c, 1 + y, 4 + i * width, width, &r, first + y);
	}
	for (int y = 0; y < shown; y++) {
		canvas_printf(c, 1 + y, 0, STYLE_DIM, "L%d", first + y);
		if (first + y == at->row && at->focused)
			canvas_light(c, 1 + y, 0, c->cols);
	}
}

static void extent(const struct view *v, int *rows, int *cols)
{
	*rows = v->info->hp.n_layers;
	*cols = 1;
}

static bool values(const struct view *v, int row, struct buf *out)
{
	enum lens_id ids[8];
	int n = layer_lenses(ids, 8);

	if (row >= v->info->hp.n_layers)
		return false;
	buf_printf(out, row < 0 ? "layer" : "L%d", row);
	for (int i = 0; i < n; i++) {
		struct reading r = v->step ? reading_of_step(v->step, ids[i]) : (struct reading){ 0 };

		if (row < 0)
			buf_printf(out, "\t%s", lenses[ids[i]]->probe.name);
		else
			pane_figure(out, r.values && row < r.n_rows ? r.values[row] : NAN);
	}
	return true;
}

static void subject(const struct view *v, const struct choice *at, struct buf *out)
{
	(void)v;
	buf_printf(out, "L%d.resid", at->row);
}

const struct pane_def pane_layers = {
	.name = "layers",
	.title = "layers",
	.doc = "what each layer did to the residual stream at the step under the cursor",
	.read_it = "One row a layer. The residual stream is the vector every layer reads and adds to: its length, what "
		   "attention and the MLP added to it, and how many neurons were silent. Bars compare down a column.",
	.min_rows = 3, .min_cols = 22,
	.draw = draw, .extent = extent, .subject = subject, .values = values,
};
