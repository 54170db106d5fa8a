/*
 * quant -- what the tensors of the model lose under a quantization method: layers
 * by kinds of tensors, and one tensor from within.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "views/draw_chart.h"
#include "views/draw_heat.h"
#include "views/pane.h"

enum { TOP = 2, LABEL = 5, WIDE_LABEL = 13, HISTOGRAM = 4, FOR_HISTOGRAM = 30 };

struct drawn {
	const struct view_quant *q;
	const struct edit_set *edits;
	int worst_row, worst_col, worst_layer;
};

/* What people call the tensors of a layer; the name in the file where it fits. */
static const char *short_kind(const char *kind, int cols)
{
	static const struct {
		const char *name, *mid, *brief;
	} known[] = {
		{ "attn_q", "attn_q", "q" }, { "attn_k", "attn_k", "k" }, { "attn_v", "attn_v", "v" },
		{ "attn_qkv", "attn_qkv", "qkv" }, { "attn_output", "attn_out", "o" }, { "ffn_gate", "ffn_gate", "gate" },
		{ "ffn_up", "ffn_up", "up" }, { "ffn_down", "ffn_down", "down" }, { "token_embd", "embd", "embd" },
		{ "output", "head", "head" },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(kind, known[i].name))
			return cols > 11 ? known[i].name : cols > 8 ? known[i].mid : known[i].brief;
	return kind;
}

static float map_value(void *of, int row, int col)
{
	const struct drawn *d = of;

	return (float)quantmap_value(d->q->map, row, col, d->q->figure);
}

static void number(void *of, float v, int cols, char out[HEAT_TEXT])
{
	(void)of;
	heat_number(v, cols < 5 ? cols : 5, out);
	/* One digit says less than the height of a block. */
	if (cols < 3 && fabsf(v) < 9.95f)
		*out = 0;
}

static style_bits map_row(void *of, int row, int cols, char out[HEAT_TEXT])
{
	const struct drawn *d = of;
	const struct quantmap *m = d->q->map;
	char name[2 * QUANTMAP_NAME];

	if (row == quantmap_rows(m) - 1) {
		snprintf(out, HEAT_TEXT, "all");
		return STYLE_TITLE;
	}
	quantmap_name(m, row, m->n_kinds, name);
	snprintf(out, HEAT_TEXT, "%.*s", HEAT_TEXT - 1, short_kind(name, cols));
	return row == d->worst_layer ? STYLE_PEAK : STYLE_DIM;
}

static void map_col(void *of, int col, int cols, char out[HEAT_TEXT])
{
	const struct quantmap *m = ((const struct drawn *)of)->q->map;

	snprintf(out, HEAT_TEXT, "%.*s", HEAT_TEXT - 1, col == m->n_kinds ? "all" : short_kind(m->kinds[col], cols - 1));
}

static bool map_plain(void *of, int row, int col)
{
	const struct quantmap *m = ((const struct drawn *)of)->q->map;
	const struct quant_cell *c = quantmap_cell(m, row, col);

	return !c;
}

static bool map_marked(void *of, int row, int col)
{
	const struct drawn *d = of;

	return row == d->worst_row && col == d->worst_col;
}

/* A swap is in force there: the model computes with other matrices. */
static bool map_held(void *of, int row, int col)
{
	const struct drawn *d = of;
	const struct quant_cell *c = quantmap_cell(d->q->map, row, col);

	for (int i = 0; c && c->t && d->edits && i < edit_set_n(d->edits); i++) {
		const struct edit *ed = edit_set_at(d->edits, i);

		for (int k = 0; ed->on && ed->swap && k < ed->swap->n; k++)
			if (!strcmp(ed->swap->piece[k].t.name, c->t->name))
				return true;
	}
	return false;
}

/* The layer whose sum is worst; -1 while fewer than two are known. */
static int worst_layer(const struct view_quant *q)
{
	bool down = quantmap_figures[q->figure].high_is_good;
	double worst = (double)NAN;
	int at = -1, known = 0;

	for (int r = 0; r < q->map->n_layers; r++) {
		double v = quantmap_value(q->map, r, q->map->n_kinds, q->figure);

		if (isnan(v))
			continue;
		known++;
		if (isnan(worst) || (down ? v < worst : v > worst)) {
			worst = v;
			at = r;
		}
	}
	return known > 1 ? at : -1;
}

static struct drawn look_at(const struct view *v)
{
	const struct view_quant *q = &v->quant;
	struct drawn d = { .q = q, .edits = v->edits, .worst_row = -1, .worst_col = -1, .worst_layer = -1 };

	if (q->inside) {
		quantinside_worst(q->inside, &d.worst_row, &d.worst_col);
	} else if (q->map) {
		quantmap_worst(q->map, q->figure, &d.worst_row, &d.worst_col);
		d.worst_layer = worst_layer(q);
	}
	return d;
}

/* The ramp spans at least 2 dB, or half as much again of an error, so that chance
 * between tensors that are all alike does not look like a difference. */
static struct scale scale_between(double lo, double hi, bool decibel)
{
	if (decibel)
		lo = hi - lo < 2 ? hi - 2 : lo;
	else
		hi = hi < 1.5 * lo ? 1.5 * lo : hi;
	return (struct scale){ .lo = (float)lo, .hi = (float)(hi > lo ? hi : lo + 1) };
}

static float inside_value(void *of, int row, int col)
{
	return (float)(100 * quantinside_at(((const struct drawn *)of)->q->inside, row, col));
}

static style_bits inside_row(void *of, int row, int cols, char out[HEAT_TEXT])
{
	const struct quantinside *in = ((const struct drawn *)of)->q->inside;

	(void)cols;
	snprintf(out, HEAT_TEXT, "%zu", quantinside_first(in->q.rows, in->q.map_rows, row));
	return STYLE_DIM;
}

static void inside_col(void *of, int col, int cols, char out[HEAT_TEXT])
{
	const struct quantinside *in = ((const struct drawn *)of)->q->inside;

	if (cols >= 6 || (col * cols) % 8 < cols)
		snprintf(out, HEAT_TEXT, "%zu", quantinside_first((in->q.cols + QUANTERR_BLOCK - 1) / QUANTERR_BLOCK,
		    in->q.map_cols, col) * QUANTERR_BLOCK);
}

static struct heat heat_of(struct drawn *d, const struct choice *at, int cols)
{
	const struct view_quant *q = d->q;
	struct heat h = { .row = at->row, .col = at->col, .lit = at->focused, .label = LABEL, .least = 2, .most = 14, .tall = 3,
		.head = true, .text = number, .marked = map_marked, .of = d };
	double lo = 0, hi = 0;

	if (q->inside) {
		quantinside_range(q->inside, &lo, &hi);
		h.n_rows = q->inside->q.map_rows;
		h.n_cols = q->inside->q.map_cols;
		h.label = 7;
		h.least = 1;
		h.most = 6;
		h.tall = 1;
		h.scale = scale_between(100 * lo, 100 * hi, false);
		h.value = inside_value;
		h.row_name = inside_row;
		h.col_name = inside_col;
		return h;
	}
	quantmap_range(q->map, q->figure, &lo, &hi);
	h.n_rows = quantmap_rows(q->map);
	h.n_cols = quantmap_cols(q->map);
	h.label = cols >= 100 ? WIDE_LABEL : LABEL;
	h.scale = scale_between(lo, hi, q->figure == QUANTMAP_SQNR);
	h.down = quantmap_figures[q->figure].high_is_good;
	h.value = map_value;
	h.row_name = map_row;
	h.col_name = map_col;
	h.plain = map_plain;
	h.held = map_held;
	return h;
}

static int figure(struct canvas *c, int y, int x, const char *name, double v, const char *unit)
{
	char text[HEAT_TEXT];

	if (isnan(v))
		return x;
	heat_number((float)v, 6, text);
	if (x + (int)(strlen(name) + strlen(text) + strlen(unit)) + 5 > c->cols)
		return x;
	x = canvas_printf(c, y, x, STYLE_DIM, "%s%s", name, *name ? " " : "");
	x = canvas_str(c, y, x, STYLE_NUMBER, text);
	return canvas_printf(c, y, x, STYLE_DIM, " %s   ", unit);
}

/* The whole model. */
static void draw_totals(struct canvas *c, const struct view_quant *q)
{
	struct quant_total t = quantmap_total(q->map, quantmap_rows(q->map) - 1, q->map->n_kinds);
	int x = figure(c, 0, 0, "", quantmap_figures[QUANTMAP_BITS].of(&t), "bits a weight");
	char text[160];
	int before;

	x = figure(c, 0, x, "", quantmap_figures[QUANTMAP_SQNR].of(&t), "dB");
	before = x = figure(c, 0, x, "error", quantmap_figures[QUANTMAP_ERROR].of(&t), "%");
	x = figure(c, 0, x, "output", quantmap_figures[QUANTMAP_OUTPUT].of(&t), "%");
	if (t.n_tokens && x == before)
		return;         /* no room for what they stand behind */
	if (t.n_tokens)
		snprintf(text, sizeof text, "over %llu tokens %s", (unsigned long long)t.n_tokens, q->inputs);
	else
		snprintf(text, sizeof text, "output unknown: no token was read yet");
	if (x + (int)strlen(text) > c->cols && t.n_tokens)
		snprintf(text, sizeof text, "(%llu tokens)", (unsigned long long)t.n_tokens);
	if (x - 2 + (int)strlen(text) <= c->cols)
		canvas_str(c, 0, x - 2, STYLE_DIM, text);
}

static void time_left(double s, char *out, size_t room)
{
	if (isnan(s))
		snprintf(out, room, "%s", "");
	else if (s < 90)
		snprintf(out, room, ", %.0f s left", ceil(s));
	else
		snprintf(out, room, ", %.0f min left", ceil(s / 60));
}

/* Where it is worst; and how far the measuring has come. */
static void draw_worst(struct canvas *c, const struct drawn *d)
{
	const struct view_quant *q = d->q;
	const struct quant_figure_def *f = &quantmap_figures[q->figure];
	char name[2 * QUANTMAP_NAME], text[HEAT_TEXT], left[32];
	struct buf work = { 0 };
	int x = 0;

	if (q->works) {
		time_left(q->left_s, left, sizeof left);
		buf_printf(&work, "%.40s: %.0f %%%s", q->doing, floor(100 * (double)q->done), left);
	} else if (q->stopped) {
		buf_str(&work, "stopped; S goes on");
	}
	if (d->worst_row >= 0) {
		quantmap_name(q->map, d->worst_row, d->worst_col, name);
		heat_number((float)quantmap_value(q->map, d->worst_row, d->worst_col, q->figure), 6, text);
		x = canvas_str(c, 1, 0, STYLE_DIM, "worst ");
		x = canvas_glyph(c, 1, x, STYLE_PEAK, GLYPH_PEAK);
		x = canvas_str(c, 1, x, STYLE_PEAK, name);
		x = canvas_printf(c, 1, x, STYLE_NUMBER, " %s", text);
		x = canvas_printf(c, 1, x, STYLE_DIM, " %s", f->unit);
	}
	if (d->worst_layer >= 0 && x + 24 + (int)work.len < c->cols) {
		heat_number((float)quantmap_value(q->map, d->worst_layer, q->map->n_kinds, q->figure), 6, text);
		canvas_printf(c, 1, x, STYLE_DIM, ", worst layer L%d with %s", d->worst_layer, text);
	}
	if (work.len && x + 2 + (int)work.len <= c->cols)
		canvas_right(c, 1, c->cols, STYLE_GOOD, work.data);
	buf_free(&work);
}

static void draw_caption(struct canvas *c, const struct view_quant *q, const struct choice *at)
{
	const struct quant_cell *cell = quantmap_cell(q->map, at->row, at->col);
	struct quant_total t = quantmap_total(q->map, at->row, at->col);
	int y = c->rows - 1, x;
	char name[2 * QUANTMAP_NAME];

	quantmap_name(q->map, at->row, at->col, name);
	x = canvas_printf(c, y, 0, STYLE_TITLE, "%s  ", name);
	if (cell && !cell->t) {
		canvas_str(c, y, x, STYLE_DIM, *name ? "the layer has no such tensor" : "");
	} else if (cell && cell->state == QUANT_WAITS) {
		canvas_str(c, y, x, STYLE_DIM, "not measured yet");
	} else if (cell && cell->state == QUANT_UNFIT) {
		canvas_fit(c, y, x, c->cols - x, STYLE_DIM, cell->why);
	} else if (t.of) {
		if (cell && c->cols >= 100)
			x = canvas_printf(c, y, x, STYLE_DIM, "%zu x %zu of %s   ", cell->t->rows, cell->t->cols,
			    dtypes[cell->t->type]->name);
		for (int f = 0; f < N_QUANTMAP_FIGURES; f++)
			x = figure(c, y, x, f == QUANTMAP_SQNR ? "" : f == QUANTMAP_BITS ? "" : quantmap_figures[f].name,
			    quantmap_value(q->map, at->row, at->col, (enum quantmap_figure)f), quantmap_figures[f].unit);
		for (int i = 0; cell && i < cell->q.n_figures; i++)
			x = figure(c, y, x, cell->q.figures[i].name, cell->q.figures[i].value, "");
	}
}

/* Weights by value: outliers are what the tails show. */
static void draw_histogram(struct canvas *c, const struct quantinside *in)
{
	float v[QUANTINSIDE_BINS];
	double most = 0;

	for (int i = 0; i < QUANTINSIDE_BINS; i++)
		most = in->histogram[i] > most ? in->histogram[i] : most;
	for (int i = 0; i < QUANTINSIDE_BINS; i++)
		v[i] = (float)log1p(in->histogram[i]);
	draw_columns(c, (struct rect){ 0, 7, c->rows - 1, QUANTINSIDE_BINS }, v, QUANTINSIDE_BINS,
	    (struct scale){ .lo = 0, .hi = (float)log1p(most) });
	canvas_printf(c, c->rows - 1, 7, STYLE_DIM, "weights from %.3g to %.3g, logarithm of how many", -in->max_w, in->max_w);
}

static void draw_inside(struct canvas *c, struct drawn *d, const struct choice *at)
{
	const struct quantinside *in = d->q->inside;
	int below = c->rows >= FOR_HISTOGRAM ? HISTOGRAM + 1 : 0, blocks = (int)((in->q.cols + QUANTERR_BLOCK - 1) / QUANTERR_BLOCK);
	struct canvas map = canvas_sub(c, (struct rect){ TOP, 0, c->rows - TOP - 1 - below, c->cols });
	struct heat h = heat_of(d, at, c->cols);
	char kind[QUANTMAP_NAME];
	int layer = quantmap_kind(in->t->name, kind), x;

	x = layer < 0 ? canvas_printf(c, 0, 0, STYLE_TITLE, "%s", kind) : canvas_printf(c, 0, 0, STYLE_TITLE, "L%d.%s", layer, kind);
	x = canvas_printf(c, 0, x, STYLE_DIM, "  %zu rows by %zu columns   ", in->q.rows, in->q.cols);
	x = figure(c, 0, x, "", in->q.bits, "bits a weight");
	x = figure(c, 0, x, "", quanterr_sqnr_db(&in->q), "dB");
	figure(c, 0, x, "error", 100 * quanterr_rel(&in->q), "%");
	x = canvas_str(c, 1, 0, STYLE_DIM, "worst 32 weights: ");
	x = canvas_printf(c, 1, x, STYLE_PEAK, "row %zu, columns %zu-%zu", in->q.worst_row, in->q.worst_col,
	    in->q.worst_col + QUANTERR_BLOCK < in->q.cols ? in->q.worst_col + QUANTERR_BLOCK - 1 : in->q.cols - 1);
	x = canvas_printf(c, 1, x, STYLE_NUMBER, " %.3g", 100 * in->q.worst);
	canvas_printf(c, 1, x, STYLE_DIM, " %% of their energy lost%s", c->cols > 90 ? ";  Esc goes back to the map" : "");
	draw_heat(&map, &h);
	if (below) {
		struct canvas bottom = canvas_sub(c, (struct rect){ c->rows - 1 - below, 0, below, c->cols });

		draw_histogram(&bottom, in);
	}
	if (at->row < in->q.map_rows && at->col < in->q.map_cols) {
		size_t r = quantinside_first(in->q.rows, in->q.map_rows, at->row), r1 = quantinside_first(in->q.rows, in->q.map_rows, at->row + 1);
		size_t b = quantinside_first((size_t)blocks, in->q.map_cols, at->col), b1 = quantinside_first((size_t)blocks, in->q.map_cols, at->col + 1);

		x = canvas_printf(c, c->rows - 1, 0, STYLE_TITLE, "rows %zu-%zu, columns %zu-%zu  ", r, r1 - 1, b * QUANTERR_BLOCK,
		    (b1 * QUANTERR_BLOCK < in->q.cols ? b1 * QUANTERR_BLOCK : in->q.cols) - 1);
		figure(c, c->rows - 1, x, "error", 100 * quantinside_at(in, at->row, at->col), "%");
	}
}

/* What the swaps in force do to the text. */
static int receipt_rows(const struct view *v, int rows)
{
	return v->receipt.other && rows > 9;
}

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	const struct view_quant *q = &v->quant;
	struct drawn d = look_at(v);

	if (!q->map) {
		pane_empty(c, v->can_quant ? "`quant METHOD' measures what a method does to the weights" :
		    "there are no weights here to quantize");
		return;
	}
	if (q->inside) {
		draw_inside(c, &d, at);
		return;
	}
	struct canvas map = canvas_sub(c, (struct rect){ TOP, 0, c->rows - TOP - 1 - receipt_rows(v, c->rows), c->cols });
	struct heat h = heat_of(&d, at, c->cols);

	if (receipt_rows(v, c->rows))
		draw_receipt(c, c->rows - 2, &v->receipt);
	draw_totals(c, q);
	draw_worst(c, &d);
	draw_heat(&map, &h);
	draw_caption(c, q, at);
}

static void subtitle(const struct view *v, struct buf *out)
{
	const struct view_quant *q = &v->quant;

	if (!q->map)
		return;
	buf_printf(out, "%s", q->map->spec.text);
	if (q->inside)
		buf_printf(out, ", inside a tensor");
	else
		buf_printf(out, ", %s: %s", quantmap_figures[q->figure].name, quantmap_figures[q->figure].doc);
}

static int legend(struct canvas *c, int from, int x, const struct view *v)
{
	struct drawn d = look_at(v);
	struct choice none = { 0, 0, false };

	if (d.worst_row < 0)
		return x;
	struct heat h = heat_of(&d, &none, c->cols);

	return heat_legend(c, from, x, h.scale, h.down, v->quant.inside ? "%" : quantmap_figures[v->quant.figure].unit);
}

static void extent(const struct view *v, int *rows, int *cols)
{
	const struct view_quant *q = &v->quant;

	*rows = q->inside ? q->inside->q.map_rows : q->map ? quantmap_rows(q->map) : 0;
	*cols = q->inside ? q->inside->q.map_cols : q->map ? quantmap_cols(q->map) : 0;
}

static void subject(const struct view *v, const struct choice *at, struct buf *out)
{
	char name[2 * QUANTMAP_NAME];

	if (!v->quant.map || v->quant.inside)
		return;
	quantmap_name(v->quant.map, at->row, at->col, name);
	buf_str(out, name);
}

static void enter(const struct view *v, const struct choice *at, struct buf *out)
{
	const struct quant_cell *c = v->quant.map && !v->quant.inside ? quantmap_cell(v->quant.map, at->row, at->col) : NULL;

	if (c && c->t) {
		buf_str(out, "inside ");
		subject(v, at, out);
	}
}

static bool pick(const struct view *v, struct rect inside, int y, int x, struct choice *at)
{
	struct drawn d = look_at(v);
	int receipt = v->quant.inside ? 0 : receipt_rows(v, inside.rows);
	struct canvas c = { .rows = inside.rows - TOP - 1 - receipt, .cols = inside.cols };

	if (!v->quant.map)
		return false;
	struct heat h = heat_of(&d, at, inside.cols);

	if (v->quant.inside && inside.rows >= FOR_HISTOGRAM)
		c.rows -= HISTOGRAM + 1;
	return draw_heat_pick(&c, &h, y - TOP, x, &at->row, &at->col);
}

const struct pane_def pane_quant = {
	.name = "quant",
	.title = "quantization",
	.doc = "what every tensor loses under a quantization method, layers by kinds of tensors",
	.read_it = "Each cell is one matrix, stored as the method would and read back. sqnr is how far the weights stand above "
		   "what was done to them, in dB: 6 dB are one bit, and bright is low. error is the squared error in the squared "
		   "length of the weights, output the same behind the matrix, on the inputs that the model has read so far or "
		   "those of a text (`calibrate FILE'): what the next layer sees of it, with how many tokens stand behind it. "
		   "The worst cell is marked; `all' are sums, of a layer, of a kind of tensor, of the model. Tensors are "
		   "measured in the background; S stops that and goes on with it. m and M choose the next and the previous "
		   "method, `quant rtn bits=3 group=64' any, v the figure, p the worst. Enter goes into a tensor: its blocks of "
		   "rows and columns, the worst 32 weights, how its weights are spread; Esc comes back. x lets the model compute with "
		   "the chosen tensor (layer, kind, all) as the method stores it, from the next step on, and again puts it back: "
		   "the last line then says how far the next-token distributions are from the original's over the text.",
	.source = "a method's definition: `clampmeter quant --method list', and the manual",
	.min_rows = 8, .min_cols = 34,
	.draw = draw, .subtitle = subtitle, .legend = legend, .extent = extent, .subject = subject, .enter = enter,
	.pick = pick,
};
