#include "app/quant_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

enum { MAX_KINDS = 32, KEPT_BITS = 16 };

void quant_row_name(struct quant_row *row, const struct tensor *t, const struct quant_spec *spec)
{
	const char *name = t->name;
	char *end;

	*row = (struct quant_row){ .t = t, .layer = -1, .spec = spec };
	if (!strncmp(name, "blk.", 4)) {
		row->layer = (int)strtol(name + 4, &end, 10);
		name = *end == '.' ? end + 1 : end;
	}
	row->kind = name;
	row->kind_len = strlen(name);
	if (row->kind_len > 7 && !strcmp(name + row->kind_len - 7, ".weight"))
		row->kind_len -= 7;
}

void quant_sum_add(struct quant_sum *s, const struct quant_row *row)
{
	double n = (double)row->t->rows * (double)row->t->cols;

	s->weights += n;
	s->bits += n * (row->fits ? row->q.bits : KEPT_BITS);
	if (!row->fits)
		return;
	s->n++;
	s->err_sq += row->q.err_sq;
	s->ref_sq += row->q.ref_sq;
	if (!isnan(row->q.out_err)) {
		s->out_err += row->q.out_err;
		s->out_ref += row->q.out_ref;
	}
}

double quant_sum_rel(const struct quant_sum *s)
{
	return s->ref_sq > 0 ? s->err_sq / s->ref_sq : s->n ? 0 : (double)NAN;
}

double quant_sum_output(const struct quant_sum *s)
{
	return s->out_ref > 0 ? s->out_err / s->out_ref : (double)NAN;
}

static double sqnr(double rel)
{
	return -10 * log10(rel);
}

static struct quant_sum sum_of(const struct quant_table *t, const struct quant_spec *spec, int layer, bool all)
{
	struct quant_sum s = { .n = 0 };

	for (size_t i = 0; i < t->n_rows; i++)
		if (t->rows[i].spec == spec && (all || t->rows[i].layer == layer))
			quant_sum_add(&s, &t->rows[i]);
	return s;
}

static int last_layer(const struct quant_table *t)
{
	int last = -1;

	for (size_t i = 0; i < t->n_rows; i++)
		last = t->rows[i].layer > last ? t->rows[i].layer : last;
	return last;
}

/* A hole is a dash. */
static void number(struct buf *out, double v, int width, bool exponent)
{
	if (isnan(v))
		buf_printf(out, " %*s", width, "-");
	else if (exponent)
		buf_printf(out, " %*.4e", width, v);
	else
		buf_printf(out, " %*.2f", width, v);
}

static void heading(struct buf *out)
{
	buf_printf(out, "%-28s %-6s %8s %11s %8s %11s %11s\n", "tensor", "type", "bits", "rel. error", "SQNR dB",
	    "worst block", "output");
}

static void table_row(const struct quant_row *r, struct buf *out)
{
	buf_printf(out, "%-28.60s %-6s", r->t->name, dtypes[r->t->type]->name);
	if (!r->fits) {
		buf_str(out, "   does not fit: rows are not whole blocks, kept as it is\n");
		return;
	}
	buf_printf(out, " %8.4f", r->q.bits);
	number(out, quanterr_rel(&r->q), 11, true);
	number(out, quanterr_sqnr_db(&r->q), 8, false);
	number(out, r->q.worst, 11, true);
	number(out, quanterr_output(&r->q), 11, true);
	for (int i = 0; i < r->q.n_figures; i++)
		buf_printf(out, "  %s %.4g", r->q.figures[i].name, r->q.figures[i].value);
	buf_char(out, '\n');
}

static void sum_row(const char *name, const struct quant_sum *s, struct buf *out)
{
	buf_printf(out, "%-28s %-6s %8.4f", name, "", s->weights > 0 ? s->bits / s->weights : 0);
	number(out, quant_sum_rel(s), 11, true);
	number(out, sqnr(quant_sum_rel(s)), 8, false);
	number(out, (double)NAN, 11, true);
	number(out, quant_sum_output(s), 11, true);
	buf_char(out, '\n');
}

static uint64_t tokens_behind(const struct quant_table *t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->n_rows; i++)
		n = t->rows[i].n_tokens > n ? t->rows[i].n_tokens : n;
	return n;
}

static void title(const struct quant_table *t, const struct quant_spec *spec, struct buf *out)
{
	buf_printf(out, "%s: %s", t->model, spec->text);
	if (tokens_behind(t))
		buf_printf(out, ", output errors over %llu positions", (unsigned long long)tokens_behind(t));
	buf_char(out, '\n');
}

void quant_report_table(const struct quant_table *t, struct buf *out)
{
	for (int k = 0; k < t->n_specs; k++) {
		const struct quant_spec *spec = &t->specs[k];
		struct quant_sum all = sum_of(t, spec, 0, true);
		char name[32];

		title(t, spec, out);
		heading(out);
		for (size_t i = 0; i < t->n_rows; i++)
			if (t->rows[i].spec == spec)
				table_row(&t->rows[i], out);
		for (int l = 0; l <= last_layer(t); l++) {
			struct quant_sum s = sum_of(t, spec, l, false);

			snprintf(name, sizeof name, "layer %d", l);
			if (s.weights > 0)
				sum_row(name, &s, out);
		}
		sum_row("all", &all, out);
		buf_str(out, k + 1 < t->n_specs ? "\n" : "");
	}
}

struct kinds {
	const struct quant_row *of[MAX_KINDS];
	int n;
};

static bool same_kind(const struct quant_row *a, const struct quant_row *b)
{
	return a->kind_len == b->kind_len && !memcmp(a->kind, b->kind, a->kind_len);
}

/* The columns: kinds of tensors that layers have, as they come in the file. */
static struct kinds kinds_of(const struct quant_table *t)
{
	struct kinds k = { .n = 0 };

	for (size_t i = 0; i < t->n_rows && k.n < MAX_KINDS; i++) {
		int known = 0;

		while (known < k.n && !same_kind(k.of[known], &t->rows[i]))
			known++;
		if (t->rows[i].layer >= 0 && known == k.n)
			k.of[k.n++] = &t->rows[i];
	}
	return k;
}

static const struct quant_row *cell(const struct quant_table *t, const struct quant_spec *spec, int layer,
    const struct quant_row *kind)
{
	for (size_t i = 0; i < t->n_rows; i++)
		if (t->rows[i].spec == spec && t->rows[i].layer == layer && same_kind(&t->rows[i], kind))
			return t->rows[i].fits ? &t->rows[i] : NULL;
	return NULL;
}

/* What is shaded: the error at the output where it is known, else of the weights. */
static double shaded(const struct quant_row *r, bool output)
{
	return sqnr(output ? quanterr_output(&r->q) : quanterr_rel(&r->q));
}

static void map_of(const struct quant_table *t, const struct quant_spec *spec, struct buf *out)
{
	static const char shades[] = " .:-=+*#%@";
	struct kinds kinds = kinds_of(t);
	bool output = tokens_behind(t) > 0;
	double lo = (double)INFINITY, hi = -(double)INFINITY;

	for (size_t i = 0; i < t->n_rows; i++)
		if (t->rows[i].spec == spec && t->rows[i].fits && t->rows[i].layer >= 0) {
			double v = shaded(&t->rows[i], output);

			lo = isfinite(v) && v < lo ? v : lo;
			hi = isfinite(v) && v > hi ? v : hi;
		}
	title(t, spec, out);
	buf_printf(out, "SQNR in dB of the %s; darker loses more\n%6s", output ? "outputs" : "weights", "");
	for (int k = 0; k < kinds.n; k++)
		buf_printf(out, " %12.*s", kinds.of[k]->kind_len < 12 ? (int)kinds.of[k]->kind_len : 12, kinds.of[k]->kind);
	for (int l = 0; l <= last_layer(t); l++) {
		buf_printf(out, "\nL%-5d", l);
		for (int k = 0; k < kinds.n; k++) {
			const struct quant_row *r = cell(t, spec, l, kinds.of[k]);
			double v = r ? shaded(r, output) : (double)NAN, share = hi > lo ? (hi - v) / (hi - lo) : 0;
			int shade = isfinite(share) && share > 0 ? (int)(share * 9.999) : 0;

			if (isnan(v))
				buf_printf(out, " %12s", "-");
			else
				buf_printf(out, " %7.2f %c%c%c%c", v, shades[shade], shades[shade], shades[shade], shades[shade]);
		}
	}
	buf_char(out, '\n');
}

void quant_report_map(const struct quant_table *t, struct buf *out)
{
	for (int k = 0; k < t->n_specs; k++) {
		map_of(t, &t->specs[k], out);
		buf_str(out, k + 1 < t->n_specs ? "\n" : "");
	}
}

static void json_field(struct buf *out, const char *key, double v)
{
	buf_printf(out, ", \"%s\": ", key);
	buf_json_num(out, v);
}

static void json_row(const struct quant_row *r, struct buf *out)
{
	buf_str(out, "{\"name\": ");
	buf_json(out, r->t->name, strlen(r->t->name));
	buf_str(out, ", \"method\": ");
	buf_json(out, r->spec->text, strlen(r->spec->text));
	buf_printf(out, ", \"type\": \"%s\", \"rows\": %zu, \"cols\": %zu, \"layer\": ", dtypes[r->t->type]->name,
	    r->t->rows, r->t->cols);
	buf_printf(out, r->layer < 0 ? "null" : "%d", r->layer);
	json_field(out, "bits", r->fits ? r->q.bits : (double)NAN);
	json_field(out, "rel_error", r->fits ? quanterr_rel(&r->q) : (double)NAN);
	json_field(out, "sqnr_db", r->fits ? quanterr_sqnr_db(&r->q) : (double)NAN);
	json_field(out, "output_error", r->fits ? quanterr_output(&r->q) : (double)NAN);
	json_field(out, "worst_block", r->fits ? r->q.worst : (double)NAN);
	buf_printf(out, ", \"worst_at\": [%zu, %zu]", r->q.worst_row, r->q.worst_col);
	json_field(out, "max_abs", r->fits ? r->q.max_abs : (double)NAN);
	buf_printf(out, ", \"tokens\": %llu", (unsigned long long)r->n_tokens);
	for (int i = 0; i < r->q.n_figures; i++)
		json_field(out, r->q.figures[i].name, r->q.figures[i].value);
	buf_char(out, '}');
}

static void json_sum(const struct quant_spec *spec, int layer, const struct quant_sum *s, struct buf *out)
{
	buf_str(out, "{\"method\": ");
	buf_json(out, spec->text, strlen(spec->text));
	if (layer >= 0)
		buf_printf(out, ", \"layer\": %d", layer);
	json_field(out, "bits", s->weights > 0 ? s->bits / s->weights : (double)NAN);
	json_field(out, "rel_error", quant_sum_rel(s));
	json_field(out, "sqnr_db", sqnr(quant_sum_rel(s)));
	json_field(out, "output_error", quant_sum_output(s));
	buf_char(out, '}');
}

void quant_report_json(const struct quant_table *t, struct buf *out)
{
	const char *comma = "";

	buf_str(out, "\"tensors\": [");
	for (size_t i = 0; i < t->n_rows; i++) {
		buf_str(out, i ? ", " : "");
		json_row(&t->rows[i], out);
	}
	buf_str(out, "], \"layers\": [");
	for (int k = 0; k < t->n_specs; k++)
		for (int l = 0; l <= last_layer(t); l++) {
			struct quant_sum s = sum_of(t, &t->specs[k], l, false);

			if (!(s.weights > 0))
				continue;
			buf_str(out, comma);
			json_sum(&t->specs[k], l, &s, out);
			comma = ", ";
		}
	buf_str(out, "], \"methods\": [");
	for (int k = 0; k < t->n_specs; k++) {
		struct quant_sum s = sum_of(t, &t->specs[k], 0, true);

		buf_str(out, k ? ", " : "");
		json_sum(&t->specs[k], -1, &s, out);
	}
	buf_str(out, "]");
}
