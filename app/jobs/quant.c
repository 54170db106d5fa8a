/*
 * quant -- what quantization costs: tensor by tensor, shared out under a budget, or
 * between two files in lockstep.
 *
 * Tensors are measured one after another, each on all cores, so memory is that of
 * one tensor; the table grows by a row a tensor, a map on a terminal in its place.
 * An interrupt leaves what is done, with its sums.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/adadim_sides.h"
#include "app/lockstep_report.h"
#include "app/out.h"
#include "app/quant_job.h"
#include "engine/base/mem.h"

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
		if (q->table.n_specs == QUANT_MAX_SPECS)
			ok = err_set(e, ERR_USAGE, "at most %d methods at a time", QUANT_MAX_SPECS);
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
	q->table.n_tokens = q->text.n;
	q->calibration = calibration_new(q->setup.model);
	return calibration_read(q->calibration, &q->text, e);
}


void quant_adjust(void *to, const struct tensor *t, struct quant_spec *spec)
{
	struct quant *q = to;
	int side = -1;

	for (int k = 0; k < q->table.n_specs; k++)
		if (q->sides[k] && !strcmp(spec->text, q->specs[k].text))
			side = q->sides[k][t - q->setup.model->dir->t];
	for (int i = 0; side > 0 && i < QUANT_PARAMS && spec->def->params[i].name; i++)
		if (!strcmp(spec->def->params[i].name, "side"))
			spec->p[i] = side;
}

static void show_sides(void *to, size_t done, size_t of)
{
	(void)to;
	out_bar((double)done / (double)of, "adadim: layer %zu of %zu", done + 1, of);
}

/* With a text the sides are chosen at the outputs of the sublayers, unless they are given. */
static bool choose_sides(struct quant *q, int k, struct err *e)
{
	const struct quant_spec *spec = &q->specs[k];
	struct calibration_text text = q->text;

	if (!q->calibration || strcmp(spec->def->name, "adadim") || spec->p[4] != ADADIM_OWN)
		return true;
	text.progress = show_sides;
	q->sides[k] = mem_array(q->setup.model->dir->n, sizeof *q->sides[k]);
	return adadim_choose(q->setup.model, spec, &text, q->sides[k], e);
}

static bool measure_row(struct quant *q, struct quant_row *row, struct err *e)
{
	struct quanterr_options opt = { .pool = q->pool, .stop = out_interrupt_flag() };
	struct quant_spec own = *row->spec;

	quant_adjust(q, row->t, &own);
	if (q->calibration && row->spec->def->needs == QUANT_GRAM &&
	    !calibration_gram(q->calibration, row->t, &q->text, e))
		return false;
	opt.in = calibration_inputs(q->calibration, row->t);
	row->n_tokens = opt.in.n_tokens;
	row->fits = quanterr_measure(&row->q, row->t, &own, &opt, e);
	row->done = row->fits || e->code == ERR_UNSUPPORTED;
	/* An embedding table is no linear layer: nothing is known of its inputs. */
	if (e->code == ERR_USAGE && q->calibration && !opt.in.moments) {
		err_set(e, ERR_UNSUPPORTED, "it is looked up, not multiplied: no inputs to weigh by");
		row->done = true;
	}
	if (row->done && !row->fits)
		snprintf(row->why, sizeof row->why, "%.90s", e->msg);
	return row->done || (e->code != ERR_INTERRUPTED && err_wrap(e, "%s", row->t->name));
}

size_t quant_matrices(const struct quant *q)
{
	return q->table.n_rows / (size_t)q->table.n_specs;
}

/* True when text goes to standard output as it comes. */
static bool says_text(const struct quant *q)
{
	return !q->o->json && !(q->o->html && !strcmp(q->o->html, "-"));
}

typedef void say_fn(const struct quant_table *t, const struct quant_spec *spec, struct buf *out);

static bool say(const struct quant *q, say_fn *what, const struct quant_spec *spec, struct err *e)
{
	struct buf out = { .data = NULL };
	bool ok;

	if (!says_text(q))
		return true;
	what(&q->table, spec, &out);
	out_draw_end();
	ok = out_write(out.data, out.len, e);
	buf_free(&out);
	return ok;
}

static bool say_row(const struct quant *q, const struct quant_row *row, struct err *e)
{
	struct buf out = { .data = NULL };
	bool ok = true;

	if (!says_text(q))
		return true;
	if (q->o->map) {
		quant_text_map(&q->table, row->spec, &out);
		out_draw(out.data, out.len);
	} else {
		quant_text_row(row, &out);
		out_progress_end();
		ok = out_write(out.data, out.len, e);
	}
	buf_free(&out);
	return ok;
}

static bool measure_spec(struct quant *q, struct quant_row *rows, size_t n, struct err *e)
{
	const struct quant_spec *spec = rows->spec;
	double all = 0, done = 0;
	struct err own;
	bool ok = choose_sides(q, (int)(spec - q->specs), e) && (q->o->map || say(q, quant_text_head, spec, e));

	for (size_t i = 0; i < n; i++)
		all += (double)rows[i].t->rows * (double)rows[i].t->cols;
	for (size_t i = 0; ok && i < n; i++) {
		out_bar(done / all, "%s: tensor %zu of %zu, %s", spec->text, i + 1, n, rows[i].t->name);
		ok = (!out_interrupted() || err_set(e, ERR_INTERRUPTED, "%s", "")) && measure_row(q, &rows[i], e) &&
		    say_row(q, &rows[i], e);
		done += (double)rows[i].t->rows * (double)rows[i].t->cols;
	}
	out_progress_end();
	if (ok)
		return say(q, q->o->map ? quant_text_map : quant_text_sums, spec, e);
	/* What is done is shown; what went wrong is said by the caller. */
	if (e->code == ERR_INTERRUPTED && say(q, q->o->map ? quant_text_map : quant_text_sums, spec, &own))
		say(q, quant_text_cut, spec, &own);
	return false;
}

static bool measure(struct quant *q, struct err *e)
{
	size_t n = quant_matrices(q);

	for (int k = 0; k < q->table.n_specs; k++)
		if ((k && says_text(q) && !out_write("\n", 1, e)) || !measure_spec(q, q->table.rows + (size_t)k * n, n, e))
			return false;
	return true;
}

bool quant_number(const char *option, const char *text, double *out, struct err *e)
{
	char *end;

	*out = strtod(text, &end);
	if (end == text || *end || !(*out > 0) || !isfinite(*out))
		return err_set(e, ERR_USAGE, "--%s takes a number above 0, not '%.40s'", option, text);
	return true;
}

/* How the text of -p or -f is read with two models.  Between a model and its own
 * copy only the weights are to differ, so activations are not rounded. */
static bool prepare_reading(struct quant *q, const struct model *base, struct err *e)
{
	int trained = base->hp.n_ctx_train;

	q->read = (struct lockstep_options){ .base = base, .other = q->setup.model, .tokens = q->setup.tokens,
	    .n = q->setup.n_tokens, .n_ctx = q->o->context ? q->o->context : trained < 512 ? trained : 512,
	    .exact = q->o->exact || !q->o->lockstep, .pool = q->pool, .stop = out_interrupt_flag(), .progress = show_reading };
	q->table.read = &q->read;
	return quant_number("threshold", q->o->threshold, &q->read.threshold, e);
}

void quant_keep_outcome(struct quant *q, const char *method, struct lockstep k)
{
	q->table.outcomes = mem_resize(q->table.outcomes, (size_t)q->table.n_outcomes + 1, sizeof *q->table.outcomes);
	q->table.outcomes[q->table.n_outcomes++] = (struct quant_outcome){ method, k };
}

/* The model with every matrix under a method, one method after another. */
static bool end_to_end(struct quant *q, struct err *e)
{
	size_t n = quant_matrices(q);
	int *picks = mem_array(n, sizeof *picks);
	struct lockstep k;
	bool ok = true;

	for (int s = 0; ok && s < q->table.n_specs; s++) {
		for (size_t i = 0; i < n; i++)
			picks[i] = q->table.rows[(size_t)s * n + i].fits ? s : -1;
		if ((ok = quant_run_picked(q, picks, &k, e)))
			quant_keep_outcome(q, q->specs[s].text, k);
	}
	free(picks);
	return ok;
}

/* What comes behind the tables; all of it in JSON. */
static bool say_rest(const struct quant *q, struct err *e)
{
	struct buf out = { .data = NULL };
	bool ok = true;

	out_progress_end();
	if (q->o->json) {
		quant_json(&q->table, q->o->map, &out);
	} else if (says_text(q)) {
		quant_text_plans(&q->table, &out);
		quant_text_outcomes(&q->table, &out);
	}
	ok = out_write(out.data, out.len, e);
	buf_clear(&out);
	if (ok && q->o->html) {
		quant_html(&q->table, &out);
		ok = out_file(q->o->html, out.data, out.len, e);
	}
	buf_free(&out);
	return ok;
}

static bool run_methods(struct quant *q, struct err *e)
{
	struct err own;
	bool reads = q->o->prompt || q->o->prompt_file, ok;

	if (!q->o->method)
		return err_set(e, ERR_USAGE, "quant needs --method SPEC (or --lockstep BASE); --method list names them");
	if (!strcmp(q->o->method, "list"))
		return list_methods(e);
	if (!parse_methods(q, e) || !setup_open(&q->setup, q->o, e) || (reads && !setup_prompt(&q->setup, q->o, e)))
		return false;
	out_catch_interrupt();
	if (!(q->pool = pool_new(q->setup.session.n_threads, e)) || (reads && !prepare_reading(q, q->setup.model, e)))
		return false;
	make_rows(q);
	if (q->o->calibrate && !calibrate(q, e))
		return false;
	ok = measure(q, e) && (!q->o->budget || quant_budget(q, e)) && (!reads || q->o->budget || end_to_end(q, e));
	if (ok)
		return say_rest(q, e);
	return e->code == ERR_INTERRUPTED && !say_rest(q, &own) ? false : ok;
}

static bool run_lockstep(struct quant *q, struct err *e)
{
	struct options base_options = *q->o;
	struct buf out = { .data = NULL };
	struct lockstep k;
	struct model *base;
	bool ok;

	base_options.model = q->o->lockstep;
	if (!(base = setup_model(&base_options, e)))
		return false;
	ok = setup_open(&q->setup, q->o, e) && setup_prompt(&q->setup, q->o, e);
	if (ok) {
		out_catch_interrupt();
		ok = (q->pool = pool_new(q->setup.session.n_threads, e)) && prepare_reading(q, base, e) &&
		    lockstep_run(&k, &q->read, e);
		out_progress_end();
	}
	if (ok) {
		q->table.model = q->setup.model->name;
		quant_keep_outcome(q, q->setup.model->path, k);
		buf_str(&out, q->o->json ? "{" : "");
		if (q->o->json)
			lockstep_report_json(&k, &q->read, &out);
		else if (says_text(q))
			lockstep_report_text(&k, &q->read, &out);
		buf_str(&out, q->o->json ? "}\n" : "");
		ok = out_write(out.data, out.len, e);
		buf_clear(&out);
	}
	if (ok && q->o->html) {
		quant_html(&q->table, &out);
		ok = out_file(q->o->html, out.data, out.len, e);
	}
	buf_free(&out);
	model_close(base);
	return ok;
}

bool job_quant(const struct options *o, struct err *e)
{
	struct quant q = { .o = o };
	bool ok;

	if (o->json && o->html && !strcmp(o->html, "-"))
		return err_set(e, ERR_USAGE, "--json and `--html -' cannot both have standard output");
	ok = o->lockstep ? run_lockstep(&q, e) : run_methods(&q, e);
	out_progress_end();
	for (size_t i = 0; i < q.table.n_rows; i++)
		quanterr_free(&q.table.rows[i].q);
	for (int i = 0; i < QUANT_MAX_SPECS; i++)
		free(q.sides[i]);
	for (int i = 0; i < q.table.n_plans; i++)
		free(q.table.plans[i].picks);
	for (int i = 0; i < q.table.n_outcomes; i++)
		lockstep_free(&q.table.outcomes[i].k);
	free(q.table.outcomes);
	free(q.table.rows);
	calibration_free(q.calibration);
	free(q.tokens);
	pool_free(q.pool);
	setup_close(&q.setup);
	return ok;
}
