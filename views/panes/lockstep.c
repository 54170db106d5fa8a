/*
 * lockstep -- two models on the same tokens: tokens by layers, how far their
 * residual streams have drifted, and what that does to the next token.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "views/draw_chart.h"
#include "views/draw_heat.h"
#include "views/pane.h"

enum { TOP = 3, NUMBER = 5, PIECE = 11, KL = 10, BAR = 10, FLIP = 22 };

struct drawn {
	const struct view *v;
	const struct view_lockstep *l;
	bool ascii;
	double most;            /* the largest figure there is */
};

static size_t row_token(const struct drawn *d, int row)
{
	return row < 0 ? 0 : (size_t)row > d->l->k->n ? d->l->k->n : (size_t)row;
}

static float value(void *of, int row, int col)
{
	const struct drawn *d = of;

	return (float)lock_value(d->l->k, d->l->figure, row_token(d, row), col);
}

static void number(void *of, float v, int cols, char out[HEAT_TEXT])
{
	(void)of;
	*out = 0;
	if (cols >= 4)
		heat_number(v, cols < 5 ? cols : 5, out);
}

static void token_text(const struct drawn *d, int32_t id, int cols, char *out, size_t room)
{
	struct buf word = { 0 };
	size_t n = 0;

	view_token(d->v, id, d->ascii, &word);
	while (n < word.len && n + 1 < room && text_width(word.data, n + 1) <= cols)
		n++;
	/* Not in the middle of a character. */
	while (n > 0 && n < word.len && ((unsigned char)word.data[n] & 0xc0) == 0x80)
		n--;
	snprintf(out, room, "%.*s", (int)n, word.data ? word.data : "");
	buf_free(&word);
}

static style_bits row_name(void *of, int row, int cols, char out[HEAT_TEXT])
{
	const struct drawn *d = of;
	char word[HEAT_TEXT - 8];

	if ((size_t)row == d->l->k->n) {
		snprintf(out, HEAT_TEXT, "%*s all", NUMBER - 1, "");
		return STYLE_TITLE;
	}
	token_text(d, timeline_token(d->v->steps, row), cols - NUMBER, word, sizeof word);
	snprintf(out, HEAT_TEXT, "%*d %s", NUMBER - 1, row, word);
	return row == d->l->k->first_token ? STYLE_PEAK : STYLE_DIM;
}

static void col_name(void *of, int col, int cols, char out[HEAT_TEXT])
{
	(void)of;
	if (cols >= 3 || col % 5 == 0)
		snprintf(out, HEAT_TEXT, "L%d", col);
}

static bool plain(void *of, int row, int col)
{
	(void)col;
	return (size_t)row == ((const struct drawn *)of)->l->k->n;
}

static bool marked(void *of, int row, int col)
{
	const struct lockstep *k = ((const struct drawn *)of)->l->k;

	return row == k->first_token && col == k->first_layer;
}

static double largest(const struct lockstep *k, enum lock_figure f)
{
	double most = 0;

	for (size_t i = 0; i < k->n; i++)
		for (int l = 0; l < k->n_layers; l++) {
			double v = lock_value(k, f, i, l);

			most = isfinite(v) && v > most ? v : most;
		}
	return most;
}

/* The step under the cursor, as far as both have read. */
static int cursor_row(const struct drawn *d)
{
	int last = (int)d->l->k->n - 1;

	return d->v->at < 0 || d->v->at > last ? last : d->v->at;
}

/* Kept for the outputs at the right edge; more when the layers leave it. */
static int right_part(int cols)
{
	return cols >= 110 ? KL + BAR + FLIP : cols >= 60 ? KL : 0;
}

static struct heat heat_of(struct drawn *d, const struct choice *at)
{
	return (struct heat){ .n_rows = (int)d->l->k->n, .n_cols = d->l->k->n_layers, .row = cursor_row(d), .col = at->col,
		.lit = true, .label = NUMBER + PIECE, .least = 1, .most = 8, .head = true,
		.scale = { .lo = 0, .hi = d->most > 0 ? (float)d->most : 1 }, .value = value, .text = number,
		.row_name = row_name, .col_name = col_name, .plain = plain, .marked = marked, .of = d };
}

/* Who, over how much, and what came of it. */
static void draw_verdict(struct canvas *c, const struct drawn *d)
{
	const struct lockstep *k = d->l->k;
	size_t flips = (size_t)lround((1 - k->agreement) * (double)k->n);
	struct buf b = { 0 };

	buf_printf(&b, "%zu tokens:", k->n);
	if (k->kl_max <= 0 && d->most <= 0 && !flips)
		buf_str(&b, " exactly the same");
	else
		buf_printf(&b, " KL %.3g nats, %.3g at most; JSD %.3g; top-1 changed at %zu", k->kl, k->kl_max, k->jsd, flips);
	if (k->n_predicted && c->cols >= 104)
		buf_printf(&b, "; perplexity %.4g, %.4g", k->perplexity[0], k->perplexity[1]);
	canvas_fit(c, 0, 0, c->cols, STYLE_TEXT, b.data);
	buf_free(&b);
}

static void draw_progress(struct canvas *c, int y, const struct view_lockstep *l)
{
	char text[80], left[32] = "";

	if (!isnan(l->left_s))
		snprintf(left, sizeof left, ", %.0f s left", ceil(l->left_s));
	if (l->works)
		snprintf(text, sizeof text, "reading: %.0f %%%s", floor(100 * (double)l->done), left);
	else if (l->stopped)
		snprintf(text, sizeof text, "stopped; S goes on");
	else
		return;
	canvas_right(c, y, c->cols, STYLE_GOOD, text);
}

static void draw_first(struct canvas *c, const struct drawn *d)
{
	const struct lockstep *k = d->l->k;
	char word[HEAT_TEXT];
	int x;

	if (k->first_token < 0) {
		canvas_printf(c, 1, 0, STYLE_GOOD, "drift stays within %g", d->l->threshold);
		return;
	}
	token_text(d, timeline_token(d->v->steps, (int)k->first_token), 16, word, sizeof word);
	x = canvas_printf(c, 1, 0, STYLE_DIM, "drift passes %g first ", d->l->threshold);
	x = canvas_glyph(c, 1, x, STYLE_PEAK, GLYPH_PEAK);
	x = canvas_printf(c, 1, x, STYLE_PEAK, "at %ld %s, L%d", k->first_token, word, k->first_layer);
	canvas_printf(c, 1, x, STYLE_NUMBER, "  %.3g", lock_value(k, LOCK_DRIFT, (size_t)k->first_token, k->first_layer));
}

/* What the distributions of a position say: how far apart, and another favourite. */
static void draw_output(struct canvas *c, int y, int x, const struct drawn *d, int row)
{
	const struct lockstep *k = d->l->k;
	const struct lockstep_token *t = &k->tokens[row];
	bool flip = t->best[0] != t->best[1];
	char text[HEAT_TEXT], a[HEAT_TEXT], b[HEAT_TEXT];

	heat_number((float)t->kl, 6, text);
	canvas_right(c, y, x + KL - 2, flip ? STYLE_PEAK : STYLE_NUMBER, text);
	if (flip)
		canvas_put(c, y, x + KL - 2, STYLE_PEAK, '!');
	x += KL;
	if (c->cols - x >= BAR + FLIP) {
		draw_bar(c, y, x, BAR - 2, k->kl_max > 0 ? (float)(t->kl / k->kl_max) : 0, flip ? STYLE_PEAK : STYLE_BAR);
		x += BAR;
	}
	if (c->cols - x < FLIP || !flip)
		return;
	token_text(d, t->best[0], 9, a, sizeof a);
	token_text(d, t->best[1], 9, b, sizeof b);
	x = canvas_str(c, y, x, STYLE_TEXT, a);
	x = canvas_str(c, y, x, STYLE_DIM, " > ");
	canvas_str(c, y, x, STYLE_PEAK, b);
}

static void draw_outputs(struct canvas *c, const struct drawn *d, int x, int first, int shown)
{
	canvas_right(c, TOP - 1, x + KL - 2, STYLE_DIM, "KL nats");
	if (c->cols - x - KL >= FLIP)
		canvas_str(c, TOP - 1, x + KL + (c->cols - x - KL >= BAR + FLIP ? BAR : 0), STYLE_DIM, "top-1 becomes");
	for (int i = 0; i < shown; i++)
		draw_output(c, TOP + i, x, d, first + i);
}

/* The chosen layer: at this token, and over all. */
static void draw_caption(struct canvas *c, const struct drawn *d, int layer)
{
	const struct lockstep *k = d->l->k;
	size_t row = (size_t)cursor_row(d);
	int y = c->rows - 1, x;

	x = canvas_printf(c, y, 0, STYLE_TITLE, "%zu L%d  ", row, layer);
	x = canvas_printf(c, y, x, STYLE_DIM, "drift ");
	x = canvas_printf(c, y, x, STYLE_NUMBER, "%.3g", lock_value(k, LOCK_DRIFT, row, layer));
	x = canvas_printf(c, y, x, STYLE_DIM, "  cosine ");
	x = canvas_printf(c, y, x, STYLE_NUMBER, "%.5f", 1 - lock_value(k, LOCK_COSINE, row, layer));
	x = canvas_printf(c, y, x, STYLE_DIM, "  attn. entropy ");
	x = canvas_printf(c, y, x, STYLE_NUMBER, "%.3g", lock_value(k, LOCK_ENTROPY, row, layer));
	x = canvas_str(c, y, x, STYLE_DIM, " nats");
	if (c->cols < x + 45)
		return;
	x = canvas_printf(c, y, x, STYLE_DIM, "   L%d over all: drift ", layer);
	x = canvas_printf(c, y, x, STYLE_NUMBER, "%.3g", k->layers[layer].drift);
	x = canvas_printf(c, y, x, STYLE_DIM, ", at most ");
	canvas_printf(c, y, x, STYLE_NUMBER, "%.3g at %d", k->layers[layer].worst, k->layers[layer].worst_at);
}

static struct drawn look_at(const struct view *v, bool ascii)
{
	struct drawn d = { .v = v, .l = &v->lockstep, .ascii = ascii };

	d.most = d.l->k ? largest(d.l->k, d.l->figure) : 0;
	return d;
}

static struct rect map_place(int rows, int cols)
{
	return (struct rect){ TOP - 1, 0, rows - TOP, cols - right_part(cols) };
}

/* Why there is nothing to see, or what would bring it. */
static void draw_nothing(struct canvas *c, const struct view *v)
{
	static const char *const ways[] = { "a second model reads the same tokens:", "`lockstep FILE'   another file",
		"`lockstep q4_0'   this model quantized", "`lockstep edits'  this model, edited" };
	int n = sizeof ways / sizeof *ways, x = c->cols > 38 ? (c->cols - 38) / 2 : 0, y = c->rows > n ? (c->rows - n) / 3 : 0;
	const struct view_lockstep *l = &v->lockstep;

	if (!v->can_quant) {
		pane_empty(c, "there is no model here to read with");
	} else if (l->why_not || l->other) {
		pane_empty(c, l->why_not ? l->why_not : "the second model is being made ready...");
		draw_progress(c, 0, l);
	} else {
		for (int i = 0; i < n; i++)
			canvas_fit(c, y + i, x, c->cols - x, STYLE_DIM, ways[i]);
	}
}

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	struct drawn d = look_at(v, c->ascii);

	if (!d.l->k) {
		draw_nothing(c, v);
		return;
	}
	struct canvas map = canvas_sub(c, map_place(c->rows, c->cols));
	struct heat h = heat_of(&d, at);
	int used = draw_heat(&map, &h), shown = used - 1;

	draw_verdict(c, &d);
	draw_first(c, &d);
	if (d.l->why_not)
		canvas_fit(c, 1, 0, c->cols, STYLE_BAD, d.l->why_not);
	else
		draw_progress(c, 1, d.l);
	if (right_part(c->cols)) {
		int x = h.label + draw_heat_cell(&map, &h) * (d.l->k->n_layers < map.cols ? d.l->k->n_layers : map.cols);

		draw_outputs(c, &d, x < map.cols ? x : map.cols, pane_scroll(h.n_rows, shown, h.row), shown);
	}
	draw_caption(c, &d, at->col < d.l->k->n_layers ? at->col : 0);
}

static void subtitle(const struct view *v, struct buf *out)
{
	const struct view_lockstep *l = &v->lockstep;

	if (l->other)
		buf_printf(out, "with %s, %s: %s", l->other, lock_figures[l->figure].name, lock_figures[l->figure].doc);
}

static int legend(struct canvas *c, int from, int x, const struct view *v)
{
	struct drawn d = look_at(v, c->ascii);
	struct choice none = { 0, 0, false };

	if (!d.l->k || d.most <= 0)
		return x;
	struct heat h = heat_of(&d, &none);

	return heat_legend(c, from, x, h.scale, false, lock_figures[d.l->figure].unit);
}

static void extent(const struct view *v, int *rows, int *cols)
{
	*rows = 1;
	*cols = v->lockstep.k ? v->lockstep.k->n_layers : 0;
}

static bool pick(const struct view *v, struct rect inside, int y, int x, struct choice *at)
{
	struct drawn d = look_at(v, false);
	struct rect place = map_place(inside.rows, inside.cols);
	struct canvas c = { .rows = place.rows, .cols = place.cols };
	int row;

	if (!d.l->k)
		return false;
	struct heat h = heat_of(&d, at);

	return draw_heat_pick(&c, &h, y - place.y, x, &row, &at->col);
}

const struct pane_def pane_lockstep = {
	.name = "lockstep",
	.title = "lockstep",
	.doc = "a second model reads the same tokens: where the two come apart, tokens by layers",
	.read_it = "The second model is another file (`lockstep FILE'), this one quantized (`lockstep q4_0'), or this one under "
		   "the edits in force, as if they held for the whole text (`lockstep edits'). A row is a token, a column the residual stream behind a layer: drift is "
		   "the length of the difference in the length of the first model's stream, dark is together. The first place "
		   "where it passes the threshold (`lockstep threshold 0.05') is marked. Right of it KL of the next-token "
		   "distributions, in nats, the first model against the second, and ! where the likeliest token becomes another. "
		   "v shows cosine or attention entropy instead; Up and Down move the cursor in time, h and l choose a layer; S stops reading. "
		   "A model with itself is exactly zero.",
	.min_rows = 7, .min_cols = 34,
	.draw = draw, .subtitle = subtitle, .legend = legend, .extent = extent, .pick = pick,
};
