/*
 * What `quant' found as a page that any browser shows: one file, no reference to
 * anything outside it.  What a file says of itself passes html_text().
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/export_report.h"
#include "app/quant_report.h"

enum { HURT = 8, STEPS = 16 };

static void escaped(struct buf *out, const char *s)
{
	html_text(out, s, strlen(s));
}

/* form: 'e', 'f' or 'g', with so many digits; a hole is a dash. */
static void number(struct buf *out, double v, int digits, char form)
{
	if (isnan(v))
		buf_str(out, "&ndash;");
	else if (form == 'e')
		buf_printf(out, "%.*e", digits, v);
	else if (form == 'f')
		buf_printf(out, "%.*f", digits, v);
	else
		buf_printf(out, "%.*g", digits, v);
}

static void cell(struct buf *out, int digits, char form, double v)
{
	buf_str(out, "<td class=\"num\">");
	number(out, v, digits, form);
	buf_str(out, "</td>");
}

static void tile(struct buf *out, int digits, char form, double v, const char *unit, const char *what)
{
	buf_str(out, "<div class=\"tile\"><b>");
	number(out, v, digits, form);
	buf_printf(out, "<i>%s</i></b><span>%s</span></div>\n", unit, what);
}

static const char *of_what(const struct quant_table *t)
{
	return quant_shows_outputs(t) ? "outputs" : "weights";
}

static void tiles(const struct quant_table *t, const struct quant_spec *spec, struct buf *out)
{
	struct quant_sum s = quant_sum_of(t, spec, -2, NULL);

	buf_str(out, "<div class=\"tiles\">\n");
	tile(out, 4, 'f', s.weights > 0 ? s.bits / s.weights : (double)NAN, "bits", "a weight, scales included");
	tile(out, 3, 'e', quant_sum_rel(&s), "", "relative error of the weights");
	tile(out, 2, 'f', -10 * log10(quant_sum_rel(&s)), "dB", "SQNR of the weights");
	tile(out, 3, 'e', quant_sum_output(&s), "", "relative error of the outputs");
	buf_str(out, "</div>\n");
}

static void range(const struct quant_table *t, const struct quant_spec *spec, double *lo, double *hi)
{
	*lo = (double)INFINITY;
	*hi = -(double)INFINITY;
	for (size_t i = 0; i < t->n_rows; i++) {
		double v = t->rows[i].spec == spec ? quant_shown(t, &t->rows[i]) : (double)NAN;

		*lo = isfinite(v) && v < *lo ? v : *lo;
		*hi = isfinite(v) && v > *hi ? v : *hi;
	}
}

static void map_cell(const struct quant_table *t, const struct quant_row *r, double lo, double hi, struct buf *out)
{
	double v = quant_shown(t, r), share = hi > lo ? (hi - v) / (hi - lo) : 0;

	if (isnan(v)) {
		buf_str(out, "<td class=\"num\">&ndash;</td>");
		return;
	}
	buf_printf(out, "<td class=\"num g%x\" title=\"", (unsigned)fmin(fmax(share, 0) * STEPS, STEPS - 1));
	escaped(out, r->t->name);
	buf_printf(out, ": relative error %.4e, worst block %.3e", quanterr_rel(&r->q), r->q.worst);
	if (!isnan(quanterr_output(&r->q)))
		buf_printf(out, ", of the output %.4e", quanterr_output(&r->q));
	buf_printf(out, "\">%.2f</td>", v);
}

static void map(const struct quant_table *t, const struct quant_spec *spec, struct buf *out)
{
	struct quant_kinds kinds = quant_kinds_of(t);
	double lo, hi;

	if (quant_last_layer(t) < 0)
		return;
	range(t, spec, &lo, &hi);
	buf_printf(out, "<h2>Map <small>SQNR of the %s in dB, layers by tensors; deeper colour loses more</small></h2>\n"
	    "<div class=\"card\"><table class=\"map\"><tr><th>layer</th>", of_what(t));
	for (int k = 0; k < kinds.n; k++) {
		buf_str(out, "<th class=\"num\">");
		html_text(out, kinds.of[k]->kind, kinds.of[k]->kind_len);
		buf_str(out, "</th>");
	}
	buf_str(out, "</tr>\n");
	for (int l = 0; l <= quant_last_layer(t); l++) {
		buf_printf(out, "<tr><td>%d</td>", l);
		for (int k = 0; k < kinds.n; k++)
			map_cell(t, quant_cell_at(t, spec, l, kinds.of[k]), lo, hi, out);
		buf_str(out, "</tr>\n");
	}
	buf_str(out, "</table><div class=\"legend\"><span>");
	buf_printf(out, "%.2f dB</span><span class=\"ramp\">", hi);
	for (unsigned i = 0; i < STEPS; i++)
		buf_printf(out, "<i class=\"g%x\"></i>", i);
	buf_printf(out, "</span><span>%.2f dB</span></div></div>\n", lo);
}

static void figures(const char *name, double bits, double rel, double worst, double output, struct buf *out)
{
	buf_str(out, "<tr><td class=\"mono\">");
	escaped(out, name);
	buf_str(out, "</td>");
	cell(out, 4, 'f', bits);
	cell(out, 4, 'e', rel);
	cell(out, 2, 'f', -10 * log10(rel));
	cell(out, 3, 'e', worst);
	cell(out, 4, 'e', output);
	buf_str(out, "</tr>\n");
}

static void head(struct buf *out, const char *first)
{
	buf_printf(out, "<div class=\"card\"><table><tr><th>%s</th><th class=\"num\">bits a weight</th><th class=\"num\">relative "
	    "error</th><th class=\"num\">SQNR, dB</th><th class=\"num\">worst block of 32</th><th class=\"num\">error at the output"
	    "</th></tr>\n", first);
}

static void row(const struct quant_row *r, struct buf *out)
{
	if (r->fits) {
		figures(r->t->name, r->q.bits, quanterr_rel(&r->q), r->q.worst, quanterr_output(&r->q), out);
		return;
	}
	buf_str(out, "<tr><td class=\"mono\">");
	escaped(out, r->t->name);
	buf_str(out, "</td><td colspan=\"5\">kept: ");
	escaped(out, r->why);
	buf_str(out, "</td></tr>\n");
}

static void tables(const struct quant_table *t, const struct quant_spec *spec, struct buf *out)
{
	const struct quant_row *worst[HURT];
	int n = quant_most_hurt(t, spec, worst, HURT);
	char name[32];

	buf_printf(out, "<h2>Hurt most <small>by the error of the %s</small></h2>\n", of_what(t));
	head(out, "tensor");
	for (int i = 0; i < n; i++)
		row(worst[i], out);
	buf_str(out, "</table></div>\n<h2>Layers</h2>\n");
	head(out, "layer");
	for (int l = 0; l <= quant_last_layer(t); l++) {
		struct quant_sum s = quant_sum_of(t, spec, l, NULL);

		snprintf(name, sizeof name, "layer %d", l);
		if (s.weights > 0)
			figures(name, s.bits / s.weights, quant_sum_rel(&s), (double)NAN, quant_sum_output(&s), out);
	}
	buf_str(out, "</table></div>\n<h2>Tensors</h2>\n");
	head(out, "tensor");
	for (size_t i = 0; i < t->n_rows; i++)
		if (t->rows[i].spec == spec && t->rows[i].done)
			row(&t->rows[i], out);
	buf_str(out, "</table></div>\n");
}

static void plans(const struct quant_table *t, struct buf *out)
{
	const struct quant_plan *chosen = &t->plans[t->chosen];

	buf_printf(out, "<h2>Budget <small>%g bits a weight: what each way of sharing it out promises, and what was then "
	    "measured</small></h2>\n<div class=\"card\"><table><tr><th>way</th><th class=\"num\">bits a weight</th><th class=\"num\">"
	    "error of the %s</th><th class=\"num\">KL predicted, nats</th><th class=\"num\">KL measured, nats</th><th class=\"num\">"
	    "same top token, %%</th><th class=\"num\">perplexity</th></tr>\n", t->budget, of_what(t));
	for (int i = 0; i < t->n_plans; i++) {
		const struct quant_plan *p = &t->plans[i];

		buf_printf(out, "<tr><td>%s ", p->how);
		escaped(out, p->what);
		buf_str(out, "</td>");
		cell(out, 4, 'f', p->bits);
		cell(out, 4, 'e', p->loss);
		cell(out, 4, 'e', p->predicted);
		cell(out, 4, 'e', p->kl);
		cell(out, 2, 'f', 100 * p->agreement);
		cell(out, 4, 'f', p->perplexity);
		buf_str(out, "</tr>\n");
	}
	buf_printf(out, "</table></div>\n<h2>Picked <small>by %s</small></h2>\n<div class=\"card\"><table><tr><th>tensor</th>"
	    "<th>method</th></tr>\n", chosen->how);
	for (size_t i = 0; i < t->n_rows / (size_t)t->n_specs; i++) {
		buf_str(out, "<tr><td class=\"mono\">");
		escaped(out, t->rows[i].t->name);
		buf_str(out, "</td><td>");
		escaped(out, chosen->picks[i] < 0 ? "as it is" : t->specs[chosen->picks[i]].text);
		buf_str(out, "</td></tr>\n");
	}
	buf_str(out, "</table></div>\n");
}

static void outcome(const struct quant_outcome *o, struct buf *out)
{
	buf_str(out, "<h2>Beside the original <small>");
	escaped(out, o->method);
	buf_printf(out, ", %zu positions</small></h2>\n<div class=\"tiles\">\n", o->k.n);
	tile(out, 4, 'g', o->k.kl, "nats", "KL from the original, mean");
	tile(out, 4, 'g', o->k.kl_max, "nats", "KL, largest");
	tile(out, 2, 'f', 100 * o->k.agreement, "%", "same top token");
	tile(out, 4, 'f', o->k.perplexity[0], "", "perplexity, original");
	tile(out, 4, 'f', o->k.perplexity[1], "", "perplexity, quantized");
	buf_str(out, "</div>\n<div class=\"card\"><table><tr><th>layer</th><th class=\"num\">drift</th><th class=\"num\">worst "
	    "position</th><th class=\"num\">cosine</th><th class=\"num\">attention entropy, nats apart</th></tr>\n");
	for (int l = 0; l < o->k.n_layers; l++) {
		buf_printf(out, "<tr><td>%d</td>", l);
		cell(out, 6, 'f', o->k.layers[l].drift);
		cell(out, 6, 'f', o->k.layers[l].worst);
		cell(out, 9, 'f', o->k.layers[l].cosine);
		cell(out, 6, 'f', o->k.layers[l].entropy);
		buf_str(out, "</tr>\n");
	}
	buf_str(out, "</table></div>\n");
}

void quant_html(const struct quant_table *t, struct buf *out)
{
	buf_str(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width="
	    "device-width,initial-scale=1\"><title>What quantization costs ");
	escaped(out, t->model);
	buf_str(out, "</title>\n");
	html_style(out);
	buf_str(out, "<style>table.map td.num{min-width:64px;text-align:center;padding:5px 8px}table.map th.num{text-align:center}"
	    "</style></head>\n<body><main><h1>What quantization costs</h1>\n<p class=\"sub\">");
	escaped(out, t->model);
	if (t->n_tokens)
		buf_printf(out, "; inputs of %zu positions are behind the errors at the output", t->n_tokens);
	buf_str(out, "</p>\n");
	if (t->n_plans)
		plans(t, out);
	for (int i = 0; i < t->n_outcomes; i++)
		outcome(&t->outcomes[i], out);
	for (int k = 0; k < t->n_specs; k++) {
		buf_str(out, "<h1>");
		escaped(out, t->specs[k].text);
		buf_str(out, "</h1>\n");
		tiles(t, &t->specs[k], out);
		map(t, &t->specs[k], out);
		tables(t, &t->specs[k], out);
	}
	buf_str(out, "<footer><p>Relative error is ||W - W'||<sup>2</sup> / ||W||<sup>2</sup>; SQNR is -10 log<sub>10</sub> of it. "
	    "The error at the output is E||(W - W')x||<sup>2</sup> / E||Wx||<sup>2</sup> over the inputs of the calibration text. Bits "
	    "count every scale.</p></footer>\n</main></body></html>\n");
}
