/*
 * The charts of a report: one signal along the text, and the heads on average.
 * Colours come from the page, so that they follow its light and its dark.
 */
#include <math.h>
#include <stdlib.h>

#include "analysis/lens.h"
#include "app/export_report.h"

enum { WIDTH = 1072, HEIGHT = 170, LEFT = 46, RIGHT = 14, TOP = 26, BOTTOM = 22 };

struct plot {
	const struct history *h;
	int signal, n;          /* steps */
	float lo, hi;
	double dx;              /* from step to step */
};

static double x_of(const struct plot *p, double pos)
{
	return LEFT + pos * p->dx;
}

static double y_of(const struct plot *p, float v)
{
	double unit = (double)(v - p->lo) / (double)(p->hi - p->lo);

	return TOP + (1 - fmin(fmax(unit, 0), 1)) * (HEIGHT - TOP - BOTTOM);
}

static float value(const struct plot *p, int pos)
{
	return signal_at(timeline_at(p->h->steps, pos), p->signal);
}

/* Ground of the given text, lines and their figures, positions below. */
static void put_frame(struct buf *out, const struct plot *p)
{
	int given = p->h->first_generated < 0 ? p->n : p->h->first_generated, every = 1;

	buf_printf(out, "<rect class=\"given-area\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>", LEFT, TOP,
	    fmax(given - 0.5, 0) * p->dx, HEIGHT - TOP - BOTTOM);
	for (int i = 0; i <= 2; i++) {
		float v = p->lo + (p->hi - p->lo) * (float)i / 2;
		double y = y_of(p, v);

		buf_printf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
		    "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.3g</text>", LEFT, WIDTH - RIGHT, y, y, LEFT - 7, y + 4,
		    (double)v);
	}
	while (p->n / every > 12)
		every = every == 1 ? 5 : every * 2;
	for (int pos = 0; pos < p->n; pos += every)
		buf_printf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>", x_of(p, pos), HEIGHT - 6, pos);
	buf_printf(out, "<text class=\"name\" x=\"%d\" y=\"14\">%s</text><text x=\"%d\" y=\"14\" text-anchor=\"end\">"
	    "%s, by position</text>", LEFT, signal_name(p->signal), WIDTH - RIGHT, signal_unit(p->signal));
}

/* The positions [from, to) are measured: a line, and its ground below. */
static void put_run(struct buf *out, const struct plot *p, int from, int to)
{
	double floor_y = y_of(p, p->lo);

	buf_printf(out, "<path class=\"area\" d=\"M%.1f %.1f", x_of(p, from), floor_y);
	for (int pos = from; pos < to; pos++)
		buf_printf(out, "L%.1f %.1f", x_of(p, pos), y_of(p, value(p, pos)));
	buf_printf(out, "L%.1f %.1fZ\"/><path class=\"curve\" d=\"", x_of(p, to - 1), floor_y);
	for (int pos = from; pos < to; pos++)
		buf_printf(out, "%s%.1f %.1f", pos == from ? "M" : "L", x_of(p, pos), y_of(p, value(p, pos)));
	buf_str(out, "\"/>");
	if (to == from + 1)
		buf_printf(out, "<circle class=\"dot\" r=\"2\" cx=\"%.1f\" cy=\"%.1f\"/>", x_of(p, from), y_of(p, value(p, from)));
}

static void put_curve(struct buf *out, const struct plot *p)
{
	int from = -1;

	for (int pos = 0; pos <= p->n; pos++) {
		bool hole = pos == p->n || isnan(value(p, pos));

		if (hole && from >= 0)
			put_run(out, p, from, pos);
		from = hole ? -1 : from < 0 ? pos : from;
	}
}

/* The highest place of what was generated, with its value. */
static void put_peak(struct buf *out, const struct plot *p)
{
	int best = -1;

	for (int pos = p->h->first_generated; pos >= 0 && pos < p->n; pos++)
		if (!isnan(value(p, pos)) && (best < 0 || value(p, pos) > value(p, best)))
			best = pos;
	if (best < 0)
		return;
	double x = x_of(p, best), y = y_of(p, value(p, best));
	bool left = x > WIDTH - 160;

	buf_printf(out, "<circle class=\"peak\" r=\"3.6\" cx=\"%.1f\" cy=\"%.1f\"/><text class=\"peaktext\" x=\"%.1f\" "
	    "y=\"%.1f\" text-anchor=\"%s\">peak %.3g at %d</text>", x, y, x + (left ? -8 : 8), y + 4 < TOP + 6 ? TOP + 6 : y + 4,
	    left ? "end" : "start", (double)value(p, best), best);
}

/* Where edits were made. */
static void put_marks(struct buf *out, const struct plot *p)
{
	for (int i = 0; i < p->h->n_edits; i++) {
		double x = x_of(p, p->h->edits[i].from);

		if (p->h->edits[i].from <= p->n)
			buf_printf(out, "<line class=\"mark\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/><text class=\"marktext\" "
			    "x=\"%.1f\" y=\"%d\">edit %d</text>", x, x, TOP, HEIGHT - BOTTOM, x + 3, HEIGHT - BOTTOM - 4,
			    p->h->edits[i].number);
	}
}

void svg_chart(struct buf *out, const struct history *h, int signal)
{
	struct plot p = { .h = h, .signal = signal, .n = timeline_n(h->steps) };

	signal_range(h, signal, &p.lo, &p.hi);
	p.dx = p.n > 1 ? (double)(WIDTH - LEFT - RIGHT) / (p.n - 1) : 1;
	buf_printf(out, "<div class=\"chart\"><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s by position\">", WIDTH,
	    HEIGHT, signal_name(signal));
	put_frame(out, &p);
	put_curve(out, &p);
	put_marks(out, &p);
	put_peak(out, &p);
	buf_printf(out, "<line class=\"hair\" data-x0=\"%d\" data-dx=\"%.4f\" x1=\"0\" x2=\"0\" y1=\"%d\" y2=\"%d\"/></svg></div>\n",
	    LEFT, p.dx, TOP, HEIGHT - BOTTOM);
}

/* ---------------------------------------------------------------- heads */

/* Sums of a grid of heads over the steps that have it; the number of steps. */
static int sum_heads(const struct history *h, double *sum, size_t n)
{
	int lens = lens_find("attn_entropy_norm"), steps = 0;

	for (int pos = 0; lens >= 0 && pos < timeline_n(h->steps); pos++) {
		const struct step *s = timeline_at(h->steps, pos);
		int probe = s ? lens_in_plan(s->plan, (enum lens_id)lens) : -1;
		const float *v = probe < 0 ? NULL : step_values(s, probe);

		if (!v || isnan(v[0]) || pos == 0)
			continue;
		for (size_t i = 0; i < n; i++)
			sum[i] += (double)v[i];
		steps++;
	}
	return steps;
}

void svg_heads(struct buf *out, const struct history *h, const struct hparams *hp)
{
	size_t n = (size_t)hp->n_layers * (size_t)hp->n_heads;
	double *sum = calloc(n, sizeof *sum);
	int steps = sum ? sum_heads(h, sum, n) : 0;
	int cell = hp->n_heads > 40 || hp->n_layers > 40 ? 12 : 24, width = 60 + cell * hp->n_heads;

	if (steps) {
		buf_printf(out, "<svg style=\"width:%dpx;max-width:100%%\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"attention entropy of every "
		    "head\">", width, width, cell * hp->n_layers + 20);
		for (int l = 0; l < hp->n_layers; l++) {
			buf_printf(out, "<text x=\"40\" y=\"%d\" text-anchor=\"end\">L%d</text>", cell * l + cell * 2 / 3 + 1, l);
			for (int i = 0; i < hp->n_heads; i++) {
				double v = sum[(size_t)l * (size_t)hp->n_heads + (size_t)i] / steps;

				buf_printf(out, "<rect class=\"g%x\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"2\"><title>L%d.H%d: %.3f"
				    "</title></rect>", isnan(v) ? 0 : (unsigned)(fmin(fmax(v, 0), 0.9999) * 16), 48 + cell * i, cell * l,
				    cell - 2, cell - 2, l, i, v);
			}
		}
		for (int i = 0; i < hp->n_heads; i += cell < 15 ? 8 : 1)
			buf_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%d</text>", 47 + cell * i + cell / 2,
			    cell * hp->n_layers + 12, i);
		buf_str(out, "</svg>\n");
	}
	free(sum);
}
