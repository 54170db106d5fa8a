/*
 * What `quant' found as text, 80 columns wide: a table or a map of each method, the
 * budget, and the model run beside itself.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/lockstep_report.h"
#include "app/quant_report.h"

enum { HURT = 5 };

/* A hole is a dash. */
static void number(struct buf *out, double v, int width, int digits, char form)
{
	if (isnan(v))
		buf_printf(out, " %*s", width, "-");
	else if (form == 'e')
		buf_printf(out, " %*.*e", width, digits, v);
	else
		buf_printf(out, " %*.*f", width, digits, v);
}

static void title(const struct quant_table *t, const struct quant_spec *spec, struct buf *out)
{
	buf_printf(out, "%s: %s", t->model, spec->text);
	if (t->n_tokens)
		buf_printf(out, ", outputs weighed over %zu positions", t->n_tokens);
	buf_char(out, '\n');
}

/* name, type, bits a weight, relative error, SQNR, worst block, error at the output */
static void figures(const char *name, const char *type, double bits, double rel, double worst, double output,
    struct buf *out)
{
	buf_printf(out, "%-26.60s %-4s %7.4f", name, type, bits);
	number(out, rel, 9, 2, 'e');
	number(out, -10 * log10(rel), 7, 2, 'f');
	number(out, worst, 9, 2, 'e');
	number(out, output, 10, 2, 'e');
}

void quant_text_head(const struct quant_table *t, const struct quant_spec *spec, struct buf *out)
{
	title(t, spec, out);
	buf_printf(out, "%-26s %-4s %7s %9s %7s %9s %10s\n", "tensor", "type", "bits/w", "rel.error", "SQNR dB", "worst blk",
	    "output err");
}

void quant_text_row(const struct quant_row *r, struct buf *out)
{
	const char *type = dtypes[r->t->type]->name;

	if (!r->fits) {
		buf_printf(out, "%-26.60s %-4s kept: %s\n", r->t->name, type, r->why);
		return;
	}
	figures(r->t->name, type, r->q.bits, quanterr_rel(&r->q), r->q.worst, quanterr_output(&r->q), out);
	for (int i = 0; i < r->q.n_figures; i++)
		buf_printf(out, "  %s %.4g", r->q.figures[i].name, r->q.figures[i].value);
	buf_char(out, '\n');
}

static void sum_row(const char *name, const struct quant_sum *s, struct buf *out)
{
	if (!(s->weights > 0))
		return;
	figures(name, "", s->bits / s->weights, quant_sum_rel(s), (double)NAN, quant_sum_output(s), out);
	buf_char(out, '\n');
}

static void most_hurt(const struct quant_table *t, const struct quant_spec *spec, double whole, struct buf *out)
{
	const struct quant_row *worst[HURT];
	int n = quant_most_hurt(t, spec, worst, HURT);

	if (n == 0)
		return;
	buf_printf(out, "hurts most, by the error of the %s\n", quant_shows_outputs(t) ? "outputs" : "weights");
	for (int i = 0; i < n; i++) {
		double db = quant_shown(t, worst[i]);

		buf_printf(out, "  %-24.60s %9.2f dB, %.2f times the model's\n", worst[i]->t->name, db, pow(10, -db / 10) / whole);
	}
}

void quant_text_cut(const struct quant_table *t, const struct quant_spec *spec, struct buf *out)
{
	size_t done = 0, all = 0;

	for (size_t i = 0; i < t->n_rows; i++)
		if (t->rows[i].spec == spec) {
			done += t->rows[i].done;
			all++;
		}
	if (done < all)
		buf_printf(out, "interrupted: %zu of %zu tensors are measured\n", done, all);
}

void quant_text_sums(const struct quant_table *t, const struct quant_spec *spec, struct buf *out)
{
	struct quant_kinds kinds = quant_kinds_of(t);
	struct quant_sum all = quant_sum_of(t, spec, -2, NULL);
	char name[64];

	for (int l = 0; l <= quant_last_layer(t); l++) {
		struct quant_sum s = quant_sum_of(t, spec, l, NULL);

		snprintf(name, sizeof name, "layer %d", l);
		sum_row(name, &s, out);
	}
	for (int k = 0; k < kinds.n; k++) {
		struct quant_sum s = quant_sum_of(t, spec, -2, kinds.of[k]);

		snprintf(name, sizeof name, "all %.*s", (int)kinds.of[k]->kind_len, kinds.of[k]->kind);
		sum_row(name, &s, out);
	}
	sum_row("all", &all, out);
	most_hurt(t, spec, quant_shows_outputs(t) ? quant_sum_output(&all) : quant_sum_rel(&all), out);
}

/* ---------------------------------------------------------------- map */

static const char shades[] = " .:-=+*#%@";

static void map_range(const struct quant_table *t, const struct quant_spec *spec, double *lo, double *hi)
{
	*lo = (double)INFINITY;
	*hi = -(double)INFINITY;
	for (size_t i = 0; i < t->n_rows; i++) {
		double v = quant_shown(t, &t->rows[i]);

		if (t->rows[i].spec != spec || t->rows[i].layer < 0 || !isfinite(v))
			continue;
		*lo = v < *lo ? v : *lo;
		*hi = v > *hi ? v : *hi;
	}
}

static char shade(double v, double lo, double hi)
{
	double share = hi > lo && isfinite(v) ? (hi - v) / (hi - lo) : 0;

	return shades[share <= 0 ? 0 : share >= 1 ? 9 : (int)(share * 10)];
}

/* Nine columns: a space, the figure, a space and two shades.  A tensor that is not
 * measured yet is blank, one that is not there (or does not fit) a dash. */
static void map_cell(const struct quant_table *t, const struct quant_row *r, double lo, double hi, struct buf *out)
{
	double v = quant_shown(t, r);
	char c = shade(v, lo, hi);

	if (r && !r->done)
		buf_printf(out, "%9s", "");
	else if (isnan(v))
		buf_printf(out, " %5s   ", "-");
	else
		buf_printf(out, " %5.2f %c%c", v, c, c);
}

static void column_name(const struct quant_row *kind, struct buf *out)
{
	bool output = kind->kind_len == 11 && !memcmp(kind->kind, "attn_output", 11);

	buf_printf(out, " %8.*s", output || kind->kind_len > 8 ? 8 : (int)kind->kind_len, output ? "attn_out" : kind->kind);
}

void quant_text_map(const struct quant_table *t, const struct quant_spec *spec, struct buf *out)
{
	struct quant_kinds kinds = quant_kinds_of(t);
	double lo, hi;

	map_range(t, spec, &lo, &hi);
	title(t, spec, out);
	buf_printf(out, "SQNR of the %s in dB; darker loses more", quant_shows_outputs(t) ? "outputs" : "weights");
	if (hi > lo)
		buf_printf(out, ": ' ' %.2f to '@@' %.2f", hi, lo);
	buf_printf(out, "\n%5s", "");
	for (int k = 0; k < kinds.n; k++)
		column_name(kinds.of[k], out);
	buf_printf(out, " %8s\n", "layer");
	for (int l = 0; l <= quant_last_layer(t); l++) {
		struct quant_sum s = quant_sum_of(t, spec, l, NULL);
		double whole = -10 * log10(quant_shows_outputs(t) ? quant_sum_output(&s) : quant_sum_rel(&s));

		buf_printf(out, "L%-4d", l);
		for (int k = 0; k < kinds.n; k++)
			map_cell(t, quant_cell_at(t, spec, l, kinds.of[k]), lo, hi, out);
		number(out, s.weights > 0 ? whole : (double)NAN, 8, 2, 'f');
		buf_char(out, '\n');
	}
}

/* ---------------------------------------------------------------- budget */

static void plan_row(const struct quant_plan *p, struct buf *out)
{
	char name[QUANT_TEXT + 16];

	snprintf(name, sizeof name, "%s %s", p->how, p->what);
	buf_printf(out, "%-26.60s %7.4f", name, p->bits);
	number(out, p->loss, 9, 2, 'e');
	number(out, p->predicted, 9, 2, 'e');
	number(out, p->kl, 9, 2, 'e');
	number(out, 100 * p->agreement, 6, 1, 'f');
	number(out, p->perplexity, 7, 3, 'f');
	buf_char(out, '\n');
}

static const char *pick_text(const struct quant_table *t, int pick)
{
	return pick < 0 ? "as it is" : t->specs[pick].text;
}

void quant_text_plans(const struct quant_table *t, struct buf *out)
{
	const struct quant_plan *p = &t->plans[t->chosen];
	size_t n = t->n_rows / (size_t)t->n_specs;

	if (t->n_plans == 0)
		return;
	buf_printf(out, "\nbudget of %g bits a weight\n", t->budget);
	buf_printf(out, "%-26s %7s %9s %9s %9s %6s %7s\n", "", "bits/w", "loss", "KL pred.", "KL, nats", "top-1%", "perpl.");
	for (int i = 0; i < t->n_plans; i++)
		plan_row(&t->plans[i], out);
	buf_printf(out, "loss: relative error of the %s.  KL pred.: that loss at the rate of the uniform\nchoice",
	    quant_shows_outputs(t) ? "outputs" : "weights");
	if (t->n_searched)
		buf_printf(out, "; of evopress, what it found in %d generations\non %zu positions", t->generations, t->n_searched);
	buf_str(out, ".\n");
	if (!isnan(t->baq_gain))
		buf_printf(out, "baq: geometric over arithmetic mean of the losses is %.3f\n", t->baq_gain);
	buf_printf(out, "\npicked by %s\n", p->how);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%-28.60s %s\n", t->rows[i].t->name, pick_text(t, p->picks[i]));
}

void quant_text_outcomes(const struct quant_table *t, struct buf *out)
{
	for (int i = 0; i < t->n_outcomes; i++) {
		buf_printf(out, "\n%s, run beside the original: %zu positions\n", t->outcomes[i].method, t->outcomes[i].k.n);
		lockstep_report_figures(&t->outcomes[i].k, t->read, out);
	}
}
