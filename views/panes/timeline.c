/*
 * timeline -- signals along the positions, one column a step.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "views/draw_chart.h"
#include "views/pane.h"

struct window {
	int label, cols;                /* columns of the names, of the chart */
	int first, n;                   /* positions [first, first + n) */
	int bands, high, extra;         /* signals shown, rows of each, one more for the first `extra` */
};

static struct window window_of(int rows, int cols, const struct view *v)
{
	struct window w = { .label = cols >= 60 ? 21 : 9 };
	int n = timeline_n(v->steps);

	w.cols = cols - w.label;
	w.n = n < w.cols ? n : w.cols;
	w.first = n - w.n;
	if (v->at < w.first)            /* the cursor went back out of sight */
		w.first = pane_scroll(n, w.n, v->at);
	w.bands = v->n_series < rows - 1 ? v->n_series : rows - 1;
	w.high = w.bands ? (rows - 1) / w.bands : 0;
	w.extra = w.bands ? (rows - 1) % w.bands : 0;
	return w;
}

/* The step at pos made a token. */
static bool generated(const struct view *v, int pos)
{
	return timeline_why(v->steps, pos + 1) != WHY_PROMPT;
}

/* The most telling value of the whole line and where: the largest, or of a signal
 * that sits at its ceiling the smallest; -1 when there is none. */
static int most_telling(const struct view *v, enum lens_id id, float *value)
{
	float sign = lenses[id]->ceiling ? -1 : 1;
	int at = -1;

	for (int pos = 0; pos < timeline_n(v->steps); pos++) {
		float x = generated(v, pos) ? timeline_scalar(v->steps, pos, id) : NAN;

		if (!isnan(x) && (at < 0 || sign * x > sign * *value)) {
			at = pos;
			*value = x;
		}
	}
	return at;
}

/* Largest value of the whole line and where; -1 when there is none. */
static int peak_of(const struct view *v, enum lens_id id, float *value)
{
	int at = -1;

	for (int pos = 0; pos < timeline_n(v->steps); pos++) {
		float x = generated(v, pos) ? timeline_scalar(v->steps, pos, id) : NAN;

		if (!isnan(x) && (at < 0 || x > *value)) {
			at = pos;
			*value = x;
		}
	}
	return at;
}

static struct rect band_of(const struct window *w, int b)
{
	int taller = b < w->extra ? b : w->extra;

	return (struct rect){ b * w->high + taller, w->label, w->high + (b < w->extra ? 1 : 0), w->cols };
}

static void draw_label(struct canvas *c, const struct rect *r, const struct window *w, const struct view *v, enum lens_id id)
{
	int y = r->y;
	float now = v->step ? lens_scalar(v->step, id) : NAN, peak = 0;
	int at = most_telling(v, id, &peak), x;
	char text[32];

	canvas_fit(c, y, 0, w->label > 9 ? 11 : w->label - 1, STYLE_TITLE, lenses[id]->probe.name);
	scale_figure(lenses[id], now, w->label > 9 ? 9 : 8, text, sizeof text);
	if (w->label > 9)
		canvas_right(c, y, w->label - 2, isnan(now) ? STYLE_HOLE : STYLE_NUMBER, isnan(now) ? "." : text);
	if (r->rows < 2)
		return;
	if (w->label <= 9) {
		canvas_str(c, y + 1, 0, STYLE_NUMBER, isnan(now) ? "." : text);
		return;
	}
	x = canvas_str(c, y + 1, 0, STYLE_DIM, lenses[id]->unit);
	if (at >= 0) {
		snprintf(text, sizeof text, "%s %.2f @%d", lenses[id]->ceiling ? "min" : "max", (double)peak, at);
		if (x < w->label - 2 - (int)strlen(text))
			canvas_right(c, y + 1, w->label - 2, STYLE_DIM, text);
	}
}

/* What the eye should find: the line of the cursor, above the columns only. */
static void draw_cursor(struct canvas *c, const struct window *w, const struct view *v)
{
	int x = w->label + v->at - w->first;

	if (v->at < w->first || v->at >= w->first + w->n)
		return;
	for (int y = 0; y < w->bands * w->high + w->extra; y++)
		if (c->cells[(size_t)y * (size_t)c->stride + (size_t)x].ch == ' ')
			canvas_glyph(c, y, x, STYLE_FOCUSRULE, GLYPH_VBAR);
}

static bool changed_at(const struct view *v, int pos)
{
	const struct step *s = timeline_at(v->steps, pos), *before = timeline_at(v->steps, pos - 1);

	return s && before && (s->edits != before->edits || s->sampler != before->sampler);
}

/* Where the last signal is highest. */
static void draw_peak(struct canvas *c, int y, const struct window *w, const struct view *v)
{
	float most = 0;
	int at = v->n_series ? peak_of(v, v->series[v->n_series - 1], &most) : -1;

	if (at >= w->first && at < w->first + w->n)
		canvas_glyph(c, y, w->label + at - w->first, STYLE_PEAK, GLYPH_PEAK);
}

/* Positions, where edits or the sampler changed, the peak and the cursor. */
static void draw_axis(struct canvas *c, int y, const struct window *w, const struct view *v)
{
	canvas_str(c, y, 0, STYLE_DIM, "position");
	for (int i = 0; i < w->n; i++) {
		int pos = w->first + i, x = w->label + i;

		if (pos % 10 == 0)
			canvas_printf(c, y, x, STYLE_DIM, "%d", pos);
	}
	for (int i = 0; i < w->n; i++) {
		int pos = w->first + i, x = w->label + i;

		if (timeline_why(v->steps, pos + 1) == WHY_PROMPT)
			canvas_restyle(c, y, x, 1, STYLE_PROMPT);
		if (changed_at(v, pos))
			canvas_glyph(c, y, x, STYLE_EDITED, GLYPH_EDIT);
	}
	draw_peak(c, y, w, v);
	if (v->at >= w->first && v->at < w->first + w->n) {
		char text[16];
		int n = snprintf(text, sizeof text, "%d", v->at), x = w->label + v->at - w->first;

		x = x + n > c->cols ? c->cols - n : x;
		canvas_str(c, y, x, STYLE_CURSOR, text);
	}
}

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	struct window w = window_of(c->rows, c->cols, v);
	float *values = mem_array((size_t)w.n + 1, sizeof *values);

	(void)at;
	for (int b = 0; b < w.bands; b++) {
		struct rect band = band_of(&w, b);

		for (int i = 0; i < w.n; i++)
			values[i] = timeline_scalar(v->steps, w.first + i, v->series[b]);
		draw_columns(c, band, values, w.n, view_scale(v, v->series[b]));
		draw_label(c, &band, &w, v, v->series[b]);
	}
	draw_cursor(c, &w, v);
	draw_axis(c, w.bands * w.high + w.extra, &w, v);
	free(values);
}

static bool values(const struct view *v, int row, struct buf *out)
{
	if (row < 0)
		buf_str(out, "position\tread\tcame");
	else if (row < timeline_n(v->steps))
		buf_printf(out, "%d\t", row);
	else
		return false;
	if (row >= 0) {
		view_piece(v, timeline_token(v->steps, row), out);
		buf_char(out, '\t');
		if (row + 1 < timeline_n_tokens(v->steps))
			view_piece(v, timeline_token(v->steps, row + 1), out);
	}
	for (int i = 0; i < v->n_series; i++)
		if (row < 0)
			buf_printf(out, "\t%s", lenses[v->series[i]]->probe.name);
		else
			pane_figure(out, timeline_scalar(v->steps, row, v->series[i]));
	return true;
}

static bool pick(const struct view *v, struct rect inside, int y, int x, struct choice *at)
{
	struct window w = window_of(inside.rows, inside.cols, v);

	(void)y;
	at->row = w.first + x - w.label;
	return x >= w.label && x < w.label + w.n;
}

static void enter(const struct view *v, const struct choice *at, struct buf *out)
{
	(void)v;
	buf_printf(out, "cursor %d", at->row);
}

/* Thirds of what was generated, as the paper on instability divides it (Chen et
 * al. 2026): an early peak may be a correction, a late one is more often a failure. */
static const char *third_of(const struct view *v, int at)
{
	int first = 0, n = timeline_n(v->steps);

	while (first < n && !generated(v, first))
		first++;
	if (n - first < 3)
		return "";
	return 3 * (at - first) < n - first ? ", early" : 3 * (at - first) < 2 * (n - first) ? ", middle" : ", late";
}

/* The peak of the last signal, and beside it the controls that it has to beat:
 * the first value and the mean of the first signal. */
static void add_peak(const struct view *v, struct buf *out)
{
	enum lens_id last = v->series[v->n_series - 1], control = v->series[0];
	float most = 0, first = NAN;
	double sum = 0;
	int at = peak_of(v, last, &most), n = 0;

	for (int pos = 0; pos < timeline_n(v->steps); pos++) {
		float x = generated(v, pos) ? timeline_scalar(v->steps, pos, control) : NAN;

		if (isnan(x))
			continue;
		first = n ? first : x;
		sum += (double)x;
		n++;
	}
	if (at < 0 || !n)
		return;
	buf_printf(out, "  %s peaks %.2f at %d%s", lenses[last]->probe.name, (double)most, at, third_of(v, at));
	buf_printf(out, "  %s first %.2f mean %.2f", lenses[control]->probe.name, (double)first, sum / n);
}

static void subtitle(const struct view *v, struct buf *out)
{
	buf_printf(out, "%d steps", timeline_n(v->steps));
	if (v->n_series)
		add_peak(v, out);
	if (timeline_n_branches(v->steps))
		buf_printf(out, "  %d left behind", timeline_n_branches(v->steps));
}

const struct pane_def pane_timeline = {
	.name = "timeline",
	.title = "timeline",
	.doc = "signals along the text, one column a step",
	.read_it = "The higher and brighter a column, the larger the value at that position. Left and Right move the "
		   "cursor through time and every pane follows; p and P go to peaks. A diamond marks a step where other "
		   "edits or another sampler came into force, a triangle the peak of the last signal; the title says in "
		   "which third of the generated text it lies, and what a plainer signal says beside it. A dot is a value nobody measured. "
		   "jsd sits at its ceiling ln 2 in running text, so its columns are on a logarithmic scale of the distance below "
		   "it, and its figure says that distance: ln2-.0033. "
		   "`series NAMES` chooses the signals.",
	.min_rows = 3, .min_cols = 30,
	.draw = draw, .subtitle = subtitle, .pick = pick, .enter = enter, .values = values,
};
