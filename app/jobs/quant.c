/*
 * quant -- what quantization costs: tensor by tensor, chosen under a budget, or
 * between two files in lockstep.
 *
 * Tensors are measured one after another, each on all cores, so memory is that
 * of one tensor; the table is written when all are done.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/budget.h"
#include "analysis/calibration.h"
#include "analysis/lockstep.h"
#include "analysis/requantized.h"
#include "app/lockstep_report.h"
#include "app/out.h"
#include "app/quant_report.h"
#include "app/setup.h"
#include "engine/base/mem.h"

enum { MAX_SPECS = 16, MAX_TEXT = 64 << 20 };

struct quant {
	const struct options *o;
	struct setup setup;
	struct pool *pool;
	struct quant_spec specs[MAX_SPECS];
	struct quant_table table;
	struct calibration *calibration;
	struct calibration_text text;
	int32_t *tokens;                /* of --calibrate */
	int *picks;                     /* [matrices] method of each, under a budget */
	struct buf extra;               /* what is said after the table */
};

static bool list_methods(struct err *e)
{
	struct buf out = { .data = NULL };
	bool ok;

	for (size_t i = 0; i < n_quantizers; i++) {
		const struct quantizer_def *d = quantizers[i];

		buf_printf(&out, "%-12s %s%s\n", d->name, d->doc, d->needs ? " (needs --calibrate)" : "");
		for (int k = 0; k < QUANT_PARAMS && d->params[k].name; k++)
			buf_printf(&out, "    %s=%g  %s\n", d->params[k].name, d->params[k].initial, d->params[k].doc);
	}
	buf_str(&out, "hadamard     in front of any of them: inputs are rotated first\n");
	ok = out_write(out.data, out.len, e);
	buf_free(&out);
	return ok;
}

static bool parse_methods(struct quant *q, struct err *e)
{
	char *copy = mem_strdup(q->o->method), *at = copy;
	bool ok = true;

	while (ok && at) {
		char *comma = strchr(at, ',');

		if (comma)
			*comma++ = 0;
		if (q->table.n_specs == MAX_SPECS)
			ok = err_set(e, ERR_USAGE, "at most %d methods at a time", MAX_SPECS);
		else
			ok = quant_parse(&q->specs[q->table.n_specs++], at, e);
		at = comma;
	}
	free(copy);
	return ok || err_wrap(e, "--method");
}

static bool is_matrix(const struct tensor *t)
{
	return t->rows > 1 && t->cols > 1 && t->ne[2] == 1 && t->ne[3] == 1;
}

static void make_rows(struct quant *q)
{
	const struct tensor_dir *dir = q->setup.model->dir;
	struct quant_table *t = &q->table;

	t->model = q->setup.model->name;
	t->specs = q->specs;
	t->rows = mem_array(dir->n * (size_t)t->n_specs + 1, sizeof *t->rows);
	for (int k = 0; k < t->n_specs; k++)
		for (size_t i = 0; i < dir->n; i++)
			if (is_matrix(&dir->t[i]))
				quant_row_name(&t->rows[t->n_rows++], &dir->t[i], &q->specs[k]);
}

static void show_reading(void *to, size_t done, size_t of)
{
	(void)to;
	out_bar((double)done / (double)of, "reading the text: position %zu of %zu", done, of);
}

static bool calibrate(struct quant *q, struct err *e)
{
	const struct vocab *v = q->setup.model->vocab;
	struct options file = *q->o;
	struct buf text = { .data = NULL };
	bool ok;
	int n_ctx = q->setup.model->hp.n_ctx_train;

	file.prompt = NULL;
	file.prompt_file = q->o->calibrate;
	ok = setup_text(&text, &file, e) && vocab_encode(v, text.data ? text.data : "", text.len,
	    vocab_add_bos(v) && !q->o->no_bos, true, &q->tokens, &q->text.n, e);
	buf_free(&text);
	if (!ok)
		return err_wrap(e, "--calibrate");
	if (!q->text.n)
		return err_set(e, ERR_USAGE, "--calibrate %.200s: there is nothing in it to read", q->o->calibrate);
	q->text.tokens = q->tokens;
	q->text.n_ctx = q->o->context ? q->o->context : n_ctx < 512 ? n_ctx : 512;
	q->text.pool = q->pool;
	q->text.stop = out_interrupt_flag();
	q->text.progress = show_reading;
	q->calibration = calibration_new(q->setup.model);
	return calibration_read(q->calibration, &q->text, e);
}

static bool measure_row(struct quant *q, struct quant_row *row, struct err *e)
{
	struct quanterr_options opt = { .pool = q->pool, .stop = out_interrupt_flag() };

	if (q->calibration && row->spec->def->needs == QUANT_GRAM &&
	    !calibration_gram(q->calibration, row->t, &q->text, e))
		return false;
	opt.in = calibration_inputs(q->calibration, row->t);
	row->n_tokens = opt.in.n_tokens;
	row->fits = quanterr_measure(&row->q, row->t, row->spec, &opt, e);
	if (row->fits || e->code == ERR_UNSUPPORTED)
		return true;
	/* An embedding table is no linear layer: nothing is known of its inputs. */
	if (e->code == ERR_USAGE && q->calibration && !opt.in.moments)
		return true;
	return e->code != ERR_INTERRUPTED && err_wrap(e, "%s", row->t->name);
}

static bool measure(struct quant *q, struct err *e)
{
	for (size_t i = 0; i < q->table.n_rows; i++) {
		if (out_interrupted())
			return err_set(e, ERR_INTERRUPTED, "%s", "");
		out_bar((double)i / (double)q->table.n_rows, "%s: tensor %zu of %zu, %s", q->table.rows[i].spec->text, i + 1, q->table.n_rows,
		    q->table.rows[i].t->name);
		if (!measure_row(q, &q->table.rows[i], e))
			return false;
	}
	return true;
}

/* A positive number that is all of the text. */
static bool read_number(const char *option, const char *text, double *out, struct err *e)
{
	char *end;

	*out = strtod(text, &end);
	if (end == text || *end || !(*out > 0))
		return err_set(e, ERR_USAGE, "--%s takes a number above 0, not '%.40s'", option, text);
	return true;
}

/* Reads the text with both; the figures go to `out`, in JSON the inside of an object. */
static bool compare(struct quant *q, const struct model *base, const struct model *other, struct buf *out, struct err *e)
{
	int trained = base->hp.n_ctx_train;
	struct lockstep_options k = { .base = base, .other = other, .tokens = q->setup.tokens, .n = q->setup.n_tokens,
	    .n_ctx = q->o->context ? q->o->context : trained < 512 ? trained : 512, .exact = q->o->exact || !q->o->lockstep, .pool = q->pool,
	    .stop = out_interrupt_flag(), .progress = show_reading };
	struct lockstep result;

	/* Between a model and its own copy in f32 only the weights are to differ, so
	 * activations are not rounded. */
	if (!read_number("threshold", q->o->threshold, &k.threshold, e) || !lockstep_run(&result, &k, e))
		return false;
	if (q->o->json)
		lockstep_report_json(&result, &k, out);
	else
		lockstep_report_text(&result, &k, out);
	lockstep_free(&result);
	return true;
}

static size_t n_matrices(const struct quant *q)
{
	return q->table.n_rows / (size_t)q->table.n_specs;
}

/* What a matrix loses with a method, for choosing: its error at the output where
 * that is known, else of its weights, times how many weights there are. */
static double loss_of(const struct quant_row *r)
{
	double out = quanterr_output(&r->q), n = (double)r->t->rows * (double)r->t->cols;

	return !r->fits ? (double)NAN : n * (isnan(out) ? quanterr_rel(&r->q) : out);
}

static void show_picks(struct quant *q, const struct budget_choice *c, double budget)
{
	size_t n = n_matrices(q);
	double bits = 0, loss = 0, weights = 0;
	const char *comma = "";

	for (size_t i = 0; i < n; i++) {
		bits += c[i * (size_t)q->table.n_specs + (size_t)q->picks[i]].bits;
		loss += c[i * (size_t)q->table.n_specs + (size_t)q->picks[i]].loss;
		weights += (double)q->table.rows[i].t->rows * (double)q->table.rows[i].t->cols;
	}
	buf_printf(&q->extra, q->o->json ? ", \"budget\": {\"bits\": %.9g, \"spent\": %.9g, \"predicted_loss\": %.9g, \"picks\": [" :
	    "\nbudget %g bits a weight, %.4f spent, predicted loss %.4e\n", budget, bits / weights, loss / weights);
	for (size_t i = 0; i < n; i++, comma = ", ") {
		const char *name = q->table.rows[i].t->name, *method = q->specs[q->picks[i]].text;

		if (!q->o->json) {
			buf_printf(&q->extra, "%-28.60s %s\n", name, method);
			continue;
		}
		buf_printf(&q->extra, "%s{\"name\": ", comma);
		buf_json(&q->extra, name, strlen(name));
		buf_str(&q->extra, ", \"method\": ");
		buf_json(&q->extra, method, strlen(method));
		buf_char(&q->extra, '}');
	}
	if (q->o->json)
		buf_str(&q->extra, "]}");
}

static bool choose(struct quant *q, struct err *e)
{
	size_t n = n_matrices(q), k = (size_t)q->table.n_specs;
	struct budget_choice *c = mem_array(n * k, sizeof *c);
	double budget = 0, weights = 0;
	bool ok = read_number("budget", q->o->budget, &budget, e);

	q->picks = mem_array(n, sizeof *q->picks);
	for (size_t i = 0; i < n * k; i++) {
		const struct quant_row *r = &q->table.rows[i];
		double size = (double)r->t->rows * (double)r->t->cols;

		c[i % n * k + i / n] = (struct budget_choice){ r->q.bits * size, loss_of(r) };
		weights += i < n ? size : 0;
	}
	ok = ok && budget_choose(c, n, (int)k, budget * weights, q->picks, e);
	if (ok)
		show_picks(q, c, budget);
	else if (e->code == ERR_USAGE && weights > 0)
		err_wrap(e, "--budget (over %.6g weights)", weights);
	free(c);
	return ok;
}

/* The model with every matrix under its method (`spec` below 0: as picked), beside
 * itself. */
static bool run_quantized(struct quant *q, int spec, struct err *e)
{
	struct requantized *r = requantized_new(q->setup.model);
	size_t n = n_matrices(q);
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++) {
		int use = spec < 0 ? q->picks[i] : spec;
		const struct quant_row *row = &q->table.rows[(size_t)use * n + i];
		struct quanterr_options opt = { .pool = q->pool, .stop = out_interrupt_flag() };

		out_bar((double)i / (double)n, "making the quantized model: tensor %zu of %zu", i + 1, n);
		if (!row->fits)
			continue;
		ok = !q->calibration || row->spec->def->needs != QUANT_GRAM ||
		    calibration_gram(q->calibration, row->t, &q->text, e);
		opt.in = calibration_inputs(q->calibration, row->t);
		ok = ok && requantized_put(r, row->t, row->spec, &opt, NULL, e);
	}
	ok = ok && compare(q, q->setup.model, requantized_model(r), &q->extra, e);
	requantized_free(r);
	return ok;
}

static bool end_to_end(struct quant *q, struct err *e)
{
	int last = q->o->budget ? 0 : q->table.n_specs;
	bool ok = true;

	buf_str(&q->extra, q->o->json ? ", \"end_to_end\": [" : "");
	for (int k = q->o->budget ? -1 : 0; ok && k < last; k++) {
		const char *method = k < 0 ? "as picked" : q->specs[k].text;

		if (q->o->json) {
			buf_str(&q->extra, k > 0 ? ", {\"method\": " : "{\"method\": ");
			buf_json(&q->extra, method, strlen(method));
			buf_str(&q->extra, ", ");
		} else {
			buf_printf(&q->extra, "\n%s\n", method);
		}
		ok = run_quantized(q, k, e);
		buf_str(&q->extra, q->o->json ? "}" : "");
		if (k < 0)
			break;
	}
	buf_str(&q->extra, q->o->json ? "]" : "");
	return ok;
}

static bool show(const struct quant *q, struct err *e)
{
	struct buf out = { .data = NULL };
	bool ok;

	out_progress_end();
	if (q->o->json) {
		buf_str(&out, "{\"model\": ");
		buf_json(&out, q->table.model, strlen(q->table.model));
		buf_printf(&out, ", \"tokens\": %zu, ", q->text.n);
		quant_report_json(&q->table, &out);
		buf_add(&out, q->extra.data, q->extra.len);
		buf_str(&out, "}\n");
	} else if (q->o->map) {
		quant_report_map(&q->table, &out);
	} else {
		quant_report_table(&q->table, &out);
	}
	if (!q->o->json)
		buf_add(&out, q->extra.data, q->extra.len);
	ok = out_write(out.data, out.len, e);
	buf_free(&out);
	return ok;
}

static bool run_methods(struct quant *q, struct err *e)
{
	if (!q->o->method)
		return err_set(e, ERR_USAGE, "quant needs --method SPEC (or --lockstep BASE); --method list names them");
	if (!strcmp(q->o->method, "list"))
		return list_methods(e);
	bool reads = q->o->prompt || q->o->prompt_file;

	if (!parse_methods(q, e) || !setup_open(&q->setup, q->o, e) || (reads && !setup_prompt(&q->setup, q->o, e)))
		return false;
	out_catch_interrupt();
	if (!(q->pool = pool_new(q->setup.session.n_threads, e)))
		return false;
	make_rows(q);
	return (!q->o->calibrate || calibrate(q, e)) && measure(q, e) && (!q->o->budget || choose(q, e)) &&
	    (!reads || end_to_end(q, e)) && show(q, e);
}

static bool run_lockstep(struct quant *q, struct err *e)
{
	struct options base_options = *q->o;
	struct buf out = { .data = NULL };
	struct model *base;
	bool ok;

	base_options.model = q->o->lockstep;
	if (!(base = setup_model(&base_options, e)))
		return false;
	ok = setup_open(&q->setup, q->o, e) && setup_prompt(&q->setup, q->o, e);
	if (ok) {
		out_catch_interrupt();
		buf_str(&out, q->o->json ? "{" : "");
		ok = (q->pool = pool_new(q->setup.session.n_threads, e)) && compare(q, base, q->setup.model, &out, e);
		buf_str(&out, q->o->json ? "}\n" : "");
		out_progress_end();
		ok = ok && out_write(out.data, out.len, e);
	}
	buf_free(&out);
	model_close(base);
	return ok;
}

bool job_quant(const struct options *o, struct err *e)
{
	struct quant q = { .o = o };
	bool ok = o->lockstep ? run_lockstep(&q, e) : run_methods(&q, e);

	out_progress_end();
	for (size_t i = 0; i < q.table.n_rows; i++)
		quanterr_free(&q.table.rows[i].q);
	free(q.table.rows);
	free(q.picks);
	buf_free(&q.extra);
	calibration_free(q.calibration);
	free(q.tokens);
	pool_free(q.pool);
	setup_close(&q.setup);
	return ok;
}
