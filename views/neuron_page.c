/*
 * One neuron: its value along the text, and what each of its vectors says through
 * the LM head.
 */
#include "views/neuron_page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/reading.h"
#include "views/pane.h"
#include "views/scale.h"

enum {
	LABEL = 9,              /* columns of the chart's figures */
	LOGIT = 9, PROB = 8, COSINE = 8,
	FEW = 8,                /* tokens of a vector in one line, at most */
};

static const enum neuron_site order[] = { NEURON_DOWN, NEURON_UP, NEURON_GATE };

/* What each vector does, for the one who meets it the first time. */
static const char *const verbs[N_NEURON_SITES] = {
	[NEURON_DOWN] = "writes", [NEURON_UP] = "reads", [NEURON_GATE] = "opens to",
};

bool neuron_page_vector(const struct hparams *hp, int row, enum neuron_site *site)
{
	struct err none;

	if (row < 0 || row >= (int)(sizeof order / sizeof *order) ||
	    !neuron_check(hp, order[row], NEURON_RAW, &none))
		return false;
	*site = order[row];
	return true;
}

int neuron_page_row(const struct hparams *hp, enum neuron_site site)
{
	enum neuron_site s;
	int row = 0;

	while (neuron_page_vector(hp, row, &s) && s != site)
		row++;
	return row;
}

void neuron_page_site(int layer, enum neuron_site site, int index, struct buf *out)
{
	buf_printf(out, "L%d.%s[%d]", layer, site == NEURON_DOWN ? "mlp" : neuron_site_names[site], index);
}

void neuron_page_percent(double p, char *out, size_t room)
{
	if (100 * p < 0.001)
		snprintf(out, room, "<0.001");
	else
		snprintf(out, room, 100 * p < 10 ? "%.3f" : "%.2f", 100 * p);
}

/* Figures of the value along the text. */
struct course {
	int n, first, last;             /* measured positions; where it is smallest and largest */
	float lo, hi;
	double rms;
};

static struct course course_of(const struct neuron_page *p)
{
	struct course k = { .lo = INFINITY, .hi = -INFINITY };
	double sum = 0;

	for (int i = 0; i < p->n_values; i++) {
		float x = p->value[i].mlp;

		if (isnan(x))
			continue;
		if (x < k.lo) {
			k.lo = x;
			k.first = i;
		}
		if (x > k.hi) {
			k.hi = x;
			k.last = i;
		}
		sum += (double)x * (double)x;
		k.n++;
	}
	k.rms = k.n ? sqrt(sum / k.n) : (double)NAN;
	return k;
}

static const char *signed_figure(float x, char *out, size_t room)
{
	int n = fabsf(x) < 10 ? 3 : fabsf(x) < 100 ? 2 : 1;

	if (isnan(x))
		return "?";
	snprintf(out, room, "%+.*f", n, (double)x);
	return out;
}

static const struct edit *edit_of(const struct view *v)
{
	const struct neuron_ref *one = &v->neurons->one;

	for (int i = 0; i < edit_set_n(v->edits); i++) {
		const struct edit *ed = edit_set_at(v->edits, i);

		if (ed->on && ed->at.layer == one->layer && ed->at.index == one->index && ed->at.head < 0 &&
		    (ed->at.site == SITE_mlp || ed->at.site == SITE_up || ed->at.site == SITE_gate))
			return ed;
	}
	return NULL;
}

/* Name, value and what it is made of, at the step under the cursor. */
static void draw_head(struct canvas *c, const struct view *v)
{
	const struct neuron_page *p = v->neurons;
	struct look_neuron at = v->at >= 0 && v->at < p->n_values ? p->value[v->at] : (struct look_neuron){ NAN, NAN, NAN };
	const struct edit *ed = edit_of(v);
	struct buf name = { 0 };
	char text[160];
	int x;

	neuron_page_site(p->one.layer, NEURON_DOWN, p->one.index, &name);
	x = canvas_str(c, 0, 0, ed ? STYLE_EDITED : STYLE_CHOSEN, name.data) + 2;
	buf_free(&name);
	if (isnan(at.mlp)) {
		canvas_fit(c, 0, x, c->cols - x, STYLE_HOLE, !v->step ? "no step yet" : p->computing ? "computing..." :
		    v->info->live ? "not computed while text is generated" : "not in the recording");
	} else {
		x = canvas_str(c, 0, x, STYLE_NUMBER, signed_figure(at.mlp, text, sizeof text));
		if (!isnan(at.gate) && x + 30 < c->cols) {
			x = canvas_str(c, 0, x, STYLE_DIM, " = silu(gate ");
			x = canvas_str(c, 0, x, STYLE_NUMBER, signed_figure(at.gate, text, sizeof text));
			x = canvas_str(c, 0, x, STYLE_DIM, ") x up ");
			x = canvas_str(c, 0, x, STYLE_NUMBER, signed_figure(at.up, text, sizeof text));
		}
	}
	if (ed) {
		edit_format(ed, text, sizeof text);
		if (x + 8 + (int)strlen(text) < c->cols)
			canvas_right(c, 0, c->cols, STYLE_EDITED, text);
	}
}

/* Rows of a chart above and below zero, shared out as the values need them. */
struct signs {
	int up, down;
	float most;             /* the larger of hi and -lo: a full colour */
	float per_row;
};

static struct signs signs_of(int rows, const struct course *k)
{
	float hi = fmaxf(k->hi, 0), lo = fminf(k->lo, 0);
	struct signs g = { .up = rows, .most = fmaxf(hi, -lo) };

	if (hi - lo > 0)
		g.up = (int)lrintf((float)rows * hi / (hi - lo));
	/* A sign that occurs has a row, where there are two. */
	g.up = g.up < 1 && hi > 0 && rows > 1 ? 1 : g.up;
	g.up = g.up == rows && lo < 0 && rows > 1 ? rows - 1 : g.up;
	g.down = rows - g.up;
	g.per_row = fmaxf(g.up ? hi / (float)g.up : 0, g.down ? -lo / (float)g.down : 0);
	return g;
}

/* A column grows up from zero or hangs down from it; there are eighths upwards, halves down. */
static void draw_signed(struct canvas *c, int zero, int x, const struct signs *g, float value)
{
	style_bits st = style_heat(scale_step(g->most > 0 ? fabsf(value) / g->most : 0));
	float rows = g->per_row > 0 ? fabsf(value) / g->per_row : 0;
	bool up = value >= 0 || !g->down;
	int eighths = (int)lrintf(8 * rows), room = up ? g->up : g->down;

	eighths = eighths < 1 || (!up && !g->down) ? 1 : eighths;
	for (int i = 0; i < room && eighths > 0; i++, eighths -= 8) {
		int some = eighths > 8 ? 8 : eighths;
		uint32_t hanging = some > 6 ? 0x2588 : some > 2 ? 0x2580 : 0x2594;

		/* Its end has the colour, what carries it is dim: a level is a line and not a wall. */
		canvas_put(c, up ? zero - 1 - i : zero + i, x, eighths > 8 && !c->mono ? STYLE_TRACK : st, c->ascii ? (some > 4 ? '#' : up ? '.' : '\'') :
		    up ? glyph_column(some, false) : hanging);
	}
}

/* A column is a position, as on the timeline; what is left out is left of the window. */
static void draw_course(struct canvas *c, struct rect r, const struct view *v, const struct course *k)
{
	const struct neuron_page *p = v->neurons;
	int cols = r.cols - LABEL, n = p->n_values < cols ? p->n_values : cols, first = p->n_values - n;
	struct signs g = signs_of(r.rows, k);
	char text[24];

	if (v->at < first)
		first = pane_scroll(p->n_values, n, v->at);
	for (int y = 0; v->at >= first && v->at < first + n && y < r.rows; y++)
		canvas_glyph(c, r.y + y, LABEL + v->at - first, STYLE_FOCUSRULE, GLYPH_VBAR);
	for (int i = 0; i < n; i++) {
		float value = p->value[first + i].mlp;

		if (isnan(value))
			canvas_glyph(c, r.y + g.up - (g.up > 0), LABEL + i, STYLE_HOLE, GLYPH_HOLE);
		else
			draw_signed(c, r.y + g.up, LABEL + i, &g, value);
	}
	if (!k->n)
		return;
	if (r.rows > 1 || k->hi > 0)
		canvas_str(c, r.y, 0, STYLE_NUMBER, signed_figure(fmaxf(k->hi, 0), text, sizeof text));
	if (r.rows > 1 || k->hi <= 0)
		canvas_str(c, r.y + r.rows - 1, 0, STYLE_NUMBER, signed_figure(fminf(k->lo, 0), text, sizeof text));
}

/* The value with which the neuron adds to the residual stream as much as that is long
 * behind its layer: a clamp far below is drowned, one far above drowns the rest. */
static float loud(const struct view *v)
{
	struct neuron_ref down = { v->neurons->one.layer, NEURON_DOWN, v->neurons->one.index };
	struct neuron_reading got;
	int lens = lens_find("resid_norm");
	struct reading r;

	if (lens < 0 || !v->step || !v->words || !neuron_cache_find(v->words, &down, NEURON_RAW, &got) || !(got.norm > 0))
		return NAN;
	r = reading_of_step(v->step, (enum lens_id)lens);
	return r.values && down.layer < r.n_rows ? r.values[down.layer] / (float)got.norm : NAN;
}

static void add_place(const struct view *v, int pos, bool ascii, struct buf *out)
{
	const struct step *s = timeline_at(v->steps, pos);

	buf_printf(out, " at %d", pos);
	if (s) {
		buf_char(out, ' ');
		view_token(v, s->input, ascii, out);
	}
}

static void draw_figures(struct canvas *c, int y, const struct view *v, const struct course *k)
{
	struct buf line = { 0 };
	char text[24];

	if (k->n) {
		buf_printf(&line, "%d of %d steps: rms %.3g, most %s", k->n, v->neurons->n_values, k->rms,
		    signed_figure(k->hi, text, sizeof text));
		add_place(v, k->last, c->ascii, &line);
		buf_printf(&line, ", least %s", signed_figure(k->lo, text, sizeof text));
		add_place(v, k->first, c->ascii, &line);
	}
	canvas_fit(c, y, 0, c->cols, STYLE_DIM, line.data ? line.data : "");
	buf_free(&line);
}

static void draw_scale(struct canvas *c, int y, const struct view *v)
{
	float x = loud(v);
	char text[96];

	if (isnan(x))
		return;
	snprintf(text, sizeof text, x < 10 ? "clamp: %.2f writes as much as the stream has" :
	    "clamp: %.0f writes as much as the stream has", (double)x);
	canvas_fit(c, y, 0, c->cols, STYLE_DIM, text);
}

static bool reading_of(const struct view *v, enum neuron_site s, struct neuron_reading *out)
{
	struct neuron_ref r = { v->neurons->one.layer, s, v->neurons->one.index };

	return v->words && neuron_cache_find(v->words, &r, v->neurons->variant[s], out);
}

static void add_tokens(const struct view *v, const struct neuron_token *t, int n, bool ascii, struct buf *out)
{
	for (int i = 0; i < n && i < FEW; i++) {
		buf_str(out, i ? " " : "");
		view_token(v, t[i].id, ascii, out);
	}
}

/* "> writes  down, write   |w| 1.40", or with its first tokens in place of the length. */
static void draw_title(struct canvas *c, int y, const struct view *v, enum neuron_site s, bool open, bool chosen)
{
	enum neuron_variant variant = v->neurons->variant[s];
	struct neuron_reading got;
	struct buf b = { 0 };
	int x;

	if (chosen)
		canvas_glyph(c, y, 0, STYLE_FOCUS, GLYPH_POINTER);
	x = canvas_str(c, y, 2, chosen ? STYLE_FOCUS : STYLE_TITLE, verbs[s]);
	x = canvas_printf(c, y, x < 12 ? 12 : x + 1, STYLE_DIM, "%s, %s", neuron_site_names[s], neuron_variant_names[variant]);
	x = x < 25 ? 25 : x + 2;
	if (!reading_of(v, s, &got)) {
		canvas_str(c, y, x, STYLE_HOLE, v->words ? "reading..." : "no model at hand");
	} else if (!got.n) {
		canvas_str(c, y, x, STYLE_BAD, "its weights are not finite");
	} else if (open) {
		canvas_fit(c, y, x, c->cols - x, STYLE_DIM, neuron_variant_docs[variant]);
	} else {
		add_tokens(v, got.top, got.n, c->ascii, &b);
		canvas_fit(c, y, x, c->cols - x, STYLE_TEXT, b.data ? b.data : "");
	}
	buf_free(&b);
}

/* Token, logit, probability and cosine, as many as there is room for. */
static void draw_tokens(struct canvas *c, struct rect r, const struct view *v, const char *head,
    const struct neuron_token *t, int n)
{
	bool prob = r.cols >= 30, cosine = r.cols >= 38;
	int figures = LOGIT + prob * PROB + cosine * COSINE;

	canvas_fit(c, r.y, r.x, r.cols - figures, STYLE_DIM, head);
	canvas_right(c, r.y, r.x + r.cols - prob * PROB - cosine * COSINE, STYLE_DIM, "logit");
	if (prob)
		canvas_right(c, r.y, r.x + r.cols - cosine * COSINE, STYLE_DIM, "prob %");
	if (cosine)
		canvas_right(c, r.y, r.x + r.cols, STYLE_DIM, "cosine");
	for (int i = 0; i < n && i < r.rows - 1; i++) {
		int y = r.y + 1 + i, x = r.x + r.cols - figures;
		struct buf b = { 0 };
		char text[32];

		view_token(v, t[i].id, c->ascii, &b);
		canvas_fit(c, y, r.x, r.cols - figures - 1, STYLE_TEXT, b.data);
		buf_free(&b);
		snprintf(text, sizeof text, "%.3f", t[i].logit);
		canvas_right(c, y, x += LOGIT, STYLE_NUMBER, text);
		neuron_page_percent(t[i].prob, text, sizeof text);
		if (prob)
			canvas_right(c, y, x += PROB, STYLE_NUMBER, text);
		snprintf(text, sizeof text, "%+.3f", t[i].cosine);
		if (cosine)
			canvas_right(c, y, x + COSINE, STYLE_DIM, isnan(t[i].cosine) ? "?" : text);
	}
}

/* What it speaks for, and beside it, where there is room, against; else below it. */
static void draw_lists(struct canvas *c, struct rect r, const struct view *v, enum neuron_site s)
{
	struct neuron_reading got;
	int half = (r.cols - 2) / 2;

	if (r.rows < 2 || !reading_of(v, s, &got) || !got.n)
		return;
	r.x = 2;
	r.cols -= 2;
	if (half >= 21) {
		half = (r.cols - 3) / 2;
		draw_tokens(c, (struct rect){ r.y, r.x, r.rows, half }, v, "speaks for", got.top, got.n);
		draw_tokens(c, (struct rect){ r.y, r.x + half + 3, r.rows, half }, v, "against", got.bottom, got.n);
		return;
	}
	int above = (r.rows + 1) / 2;

	draw_tokens(c, (struct rect){ r.y, r.x, above, r.cols }, v, "speaks for", got.top, got.n);
	draw_tokens(c, (struct rect){ r.y + above, r.x, r.rows - above, r.cols }, v, "against", got.bottom, got.n);
}

static int chart_rows(int rows)
{
	return rows >= 34 ? 6 : rows >= 24 ? 4 : rows >= 17 ? 3 : rows >= 12 ? 2 : rows >= 9 ? 1 : 0;
}

/* In few rows: a line a vector, and what the chosen one speaks against. */
static void draw_compact(struct canvas *c, int y, const struct view *v, const struct choice *at)
{
	struct neuron_reading got;
	struct buf b = { 0 };
	enum neuron_site s;

	for (int i = 0; neuron_page_vector(&v->info->hp, i, &s) && y < c->rows; i++, y++) {
		bool chosen = i == at->row;

		if (chosen) {
			canvas_glyph(c, y, 0, STYLE_FOCUS, GLYPH_POINTER);
			buf_clear(&b);
			buf_printf(&b, "%s, %s", neuron_site_names[s], neuron_variant_names[v->neurons->variant[s]]);
			canvas_right(c, 0, c->cols, STYLE_DIM, b.data);
		}
		canvas_str(c, y, 2, chosen ? STYLE_FOCUS : STYLE_TITLE, verbs[s]);
		buf_clear(&b);
		buf_str(&b, "");
		if (reading_of(v, s, &got))
			add_tokens(v, got.top, got.n, c->ascii, &b);
		canvas_fit(c, y, 11, c->cols - 11, STYLE_TEXT, b.data);
		if (chosen && at->focused)
			canvas_light(c, y, 0, c->cols);
	}
	if (y < c->rows && neuron_page_vector(&v->info->hp, at->row, &s) && reading_of(v, s, &got)) {
		canvas_str(c, y, 2, STYLE_DIM, "against");
		buf_clear(&b);
		buf_str(&b, "");
		add_tokens(v, got.bottom, got.n, c->ascii, &b);
		canvas_fit(c, y++, 11, c->cols - 11, STYLE_DIM, b.data);
	}
	if (y < c->rows)
		draw_scale(c, y, v);
	buf_free(&b);
}

/* Every vector opens where there is room for three lists; else the chosen one. */
static void draw_vectors(struct canvas *c, int y, const struct view *v, const struct choice *at)
{
	enum neuron_site s;
	int n = 0, rows = c->rows - y, each;

	while (neuron_page_vector(&v->info->hp, n, &s))
		n++;
	each = rows / n - 2 >= 7 ? (rows - n) / n : 0;
	for (int i = 0; neuron_page_vector(&v->info->hp, i, &s); i++) {
		bool chosen = i == at->row;
		int list = each ? each - 1 : chosen ? rows - n : 0;

		if (y >= c->rows)
			return;
		draw_title(c, y, v, s, chosen || each, chosen);
		if (chosen && at->focused)
			canvas_light(c, y, 0, c->cols);
		draw_lists(c, (struct rect){ y + 1, 0, list, c->cols }, v, s);
		y += 1 + list + (each ? 1 : 0);
	}
}

void neuron_page_draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	struct course k = course_of(v->neurons);
	int chart = chart_rows(c->rows), y = 1;

	draw_head(c, v);
	if (c->rows < 9) {
		draw_compact(c, 1, v, at);
		return;
	}
	if (chart) {
		draw_course(c, (struct rect){ y, 0, chart, c->cols }, v, &k);
		y += chart;
	}
	if (c->rows >= 10)
		draw_figures(c, y++, v, &k);
	if (c->rows >= 10)
		draw_scale(c, y++, v);
	draw_vectors(c, y, v, at);
}
