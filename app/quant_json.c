/* What `quant' found as one JSON object; a hole is null. */
#include <math.h>
#include <string.h>

#include "app/lockstep_report.h"
#include "app/quant_report.h"

static void field(struct buf *out, const char *key, double v)
{
	buf_printf(out, ", \"%s\": ", key);
	buf_json_num(out, v);
}

static void text(struct buf *out, const char *before, const char *s)
{
	buf_str(out, before);
	buf_json(out, s, strlen(s));
}

static void one_row(const struct quant_row *r, struct buf *out)
{
	double hole = (double)NAN;

	text(out, "{\"name\": ", r->t->name);
	text(out, ", \"method\": ", r->spec->text);
	buf_printf(out, ", \"type\": \"%s\", \"rows\": %zu, \"cols\": %zu, \"layer\": ", dtypes[r->t->type]->name,
	    r->t->rows, r->t->cols);
	buf_printf(out, r->layer < 0 ? "null" : "%d", r->layer);
	field(out, "bits", r->fits ? r->q.bits : hole);
	field(out, "rel_error", r->fits ? quanterr_rel(&r->q) : hole);
	field(out, "sqnr_db", r->fits ? quanterr_sqnr_db(&r->q) : hole);
	field(out, "output_error", r->fits ? quanterr_output(&r->q) : hole);
	field(out, "worst_block", r->fits ? r->q.worst : hole);
	buf_printf(out, ", \"worst_at\": [%zu, %zu]", r->q.worst_row, r->q.worst_col);
	field(out, "max_abs", r->fits ? r->q.max_abs : hole);
	buf_printf(out, ", \"tokens\": %llu", (unsigned long long)r->n_tokens);
	if (!r->fits)
		text(out, ", \"kept\": ", r->why);
	for (int i = 0; i < r->q.n_figures; i++)
		field(out, r->q.figures[i].name, r->q.figures[i].value);
	buf_char(out, '}');
}

static void one_sum(const struct quant_spec *spec, int layer, const struct quant_sum *s, struct buf *out)
{
	text(out, "{\"method\": ", spec->text);
	if (layer >= 0)
		buf_printf(out, ", \"layer\": %d", layer);
	field(out, "bits", s->weights > 0 ? s->bits / s->weights : (double)NAN);
	field(out, "rel_error", quant_sum_rel(s));
	field(out, "sqnr_db", -10 * log10(quant_sum_rel(s)));
	field(out, "output_error", quant_sum_output(s));
	buf_char(out, '}');
}

static void sums(const struct quant_table *t, struct buf *out)
{
	const char *comma = "";

	buf_str(out, ", \"layers\": [");
	for (int k = 0; k < t->n_specs; k++)
		for (int l = 0; l <= quant_last_layer(t); l++) {
			struct quant_sum s = quant_sum_of(t, &t->specs[k], l, NULL);

			if (!(s.weights > 0))
				continue;
			buf_str(out, comma);
			one_sum(&t->specs[k], l, &s, out);
			comma = ", ";
		}
	buf_str(out, "], \"methods\": [");
	for (int k = 0; k < t->n_specs; k++) {
		struct quant_sum s = quant_sum_of(t, &t->specs[k], -2, NULL);

		buf_str(out, k ? ", " : "");
		one_sum(&t->specs[k], -1, &s, out);
	}
	buf_str(out, "]");
}

static void one_map(const struct quant_table *t, const struct quant_spec *spec, struct buf *out)
{
	struct quant_kinds kinds = quant_kinds_of(t);

	text(out, "{\"method\": ", spec->text);
	buf_printf(out, ", \"figure\": \"%s\", \"unit\": \"dB\", \"columns\": [",
	    quant_shows_outputs(t) ? "SQNR of the outputs" : "SQNR of the weights");
	for (int k = 0; k < kinds.n; k++) {
		buf_str(out, k ? ", " : "");
		buf_json(out, kinds.of[k]->kind, kinds.of[k]->kind_len);
	}
	buf_str(out, "], \"rows\": [");
	for (int l = 0; l <= quant_last_layer(t); l++) {
		buf_str(out, l ? ", [" : "[");
		for (int k = 0; k < kinds.n; k++) {
			buf_str(out, k ? ", " : "");
			buf_json_num(out, quant_shown(t, quant_cell_at(t, spec, l, kinds.of[k])));
		}
		buf_char(out, ']');
	}
	buf_str(out, "]}");
}

static void one_plan(const struct quant_plan *p, struct buf *out)
{
	text(out, "{\"how\": ", p->how);
	if (*p->what)
		text(out, ", \"method\": ", p->what);
	field(out, "bits", p->bits);
	field(out, "loss", p->loss);
	field(out, "predicted_kl", p->predicted);
	field(out, "kl", p->kl);
	field(out, "top1_agreement", p->agreement);
	field(out, "perplexity", p->perplexity);
	buf_char(out, '}');
}

static void budget(const struct quant_table *t, struct buf *out)
{
	const struct quant_plan *p = &t->plans[t->chosen];
	size_t n = t->n_rows / (size_t)t->n_specs;

	if (t->n_plans == 0)
		return;
	buf_printf(out, ", \"budget\": {\"bits\": %.9g", t->budget);
	text(out, ", \"search\": ", p->how);
	field(out, "spent", p->bits);
	field(out, "predicted_loss", p->loss);
	field(out, "predicted_kl", p->predicted);
	field(out, "kl", p->kl);
	field(out, "baq_gain", t->baq_gain);
	buf_printf(out, ", \"searched_positions\": %zu, \"generations\": %d, \"plans\": [", t->n_searched, t->generations);
	for (int i = 0; i < t->n_plans; i++) {
		buf_str(out, i ? ", " : "");
		one_plan(&t->plans[i], out);
	}
	buf_str(out, "], \"picks\": [");
	for (size_t i = 0; i < n; i++) {
		text(out, i ? ", {\"name\": " : "{\"name\": ", t->rows[i].t->name);
		buf_str(out, ", \"method\": ");
		if (p->picks[i] < 0)
			buf_str(out, "null");
		else
			text(out, "", t->specs[p->picks[i]].text);
		buf_char(out, '}');
	}
	buf_str(out, "]}");
}

void quant_json(const struct quant_table *t, bool map, struct buf *out)
{
	const char *comma = "";
	size_t done = 0;

	for (size_t i = 0; i < t->n_rows; i++)
		done += t->rows[i].done;
	text(out, "{\"model\": ", t->model);
	buf_printf(out, ", \"complete\": %s, \"tokens\": %zu, \"tensors\": [", done == t->n_rows ? "true" : "false", t->n_tokens);
	for (size_t i = 0; i < t->n_rows; i++)
		if (t->rows[i].done) {
			buf_str(out, comma);
			one_row(&t->rows[i], out);
			comma = ", ";
		}
	buf_char(out, ']');
	sums(t, out);
	for (int k = 0; map && k < t->n_specs; k++) {
		buf_str(out, k ? ", " : ", \"maps\": [");
		one_map(t, &t->specs[k], out);
	}
	buf_str(out, map ? "]" : "");
	budget(t, out);
	for (int i = 0; i < t->n_outcomes; i++) {
		text(out, i ? ", {\"method\": " : ", \"end_to_end\": [{\"method\": ", t->outcomes[i].method);
		buf_str(out, ", ");
		lockstep_report_json(&t->outcomes[i].k, t->read, out);
		buf_char(out, '}');
	}
	buf_str(out, t->n_outcomes ? "]}\n" : "}\n");
}
