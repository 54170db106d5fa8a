/*
 * The budget of `quant': four ways to share bits out, what each promises, and what
 * the model that comes of it measures.
 *
 * A loss is the relative error of a matrix (at its output where inputs are known)
 * times its weights.  What a plan promises in KL is its loss at the rate of the
 * uniform choice, KL of that over loss of that: true if errors added up.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/budget.h"
#include "analysis/evopress.h"
#include "analysis/klprobe.h"
#include "analysis/variants.h"
#include "app/out.h"
#include "app/quant_job.h"
#include "engine/base/mem.h"

enum { KNAPSACK, BAQ, EVOPRESS };       /* as in options.def */
enum { SEARCHED = 2048 };               /* positions, at most */

static const char *const hows[] = { "knapsack", "baq", "evopress" };

/* Versions of matrices that are kept while candidates are tried. */
#define VERSIONS_BYTES ((size_t)4 << 30)

/* The matrices that at least one of the methods fits. */
struct items {
	size_t n;
	size_t *row;                    /* [n] of the table */
	const struct tensor **t;
	struct budget_choice *choices;  /* [n][n_specs] */
	double *size;                   /* [n] weights */
	double bits;                    /* to share out among them */
	double kept_bits, weights;      /* of the others; of all matrices */
};

static double loss_of(const struct quant_row *r)
{
	double out = quanterr_output(&r->q), n = (double)r->t->rows * (double)r->t->cols;

	return !r->fits ? (double)NAN : n * (isnan(out) ? quanterr_rel(&r->q) : out);
}

static bool fits_some(const struct quant *q, size_t matrix)
{
	for (int k = 0; k < q->table.n_specs; k++)
		if (q->table.rows[(size_t)k * quant_matrices(q) + matrix].fits)
			return true;
	return false;
}

static void items_make(struct items *it, const struct quant *q)
{
	size_t n = quant_matrices(q), k = (size_t)q->table.n_specs;

	it->row = mem_array(n, sizeof *it->row);
	it->t = mem_array(n, sizeof(struct tensor *));
	it->choices = mem_array(n * k, sizeof *it->choices);
	it->size = mem_array(n, sizeof *it->size);
	for (size_t i = 0; i < n; i++) {
		const struct quant_row *first = &q->table.rows[i];
		double size = (double)first->t->rows * (double)first->t->cols;

		it->weights += size;
		if (!fits_some(q, i)) {
			it->kept_bits += size * quant_row_bits(first);
			continue;
		}
		for (size_t c = 0; c < k; c++) {
			const struct quant_row *r = &q->table.rows[c * n + i];

			it->choices[it->n * k + c] = (struct budget_choice){ r->q.bits * size, loss_of(r) };
		}
		it->row[it->n] = i;
		it->t[it->n] = first->t;
		it->size[it->n++] = size;
	}
	it->bits = q->table.budget * it->weights - it->kept_bits;
}

static void items_free(struct items *it)
{
	free(it->size);
	free(it->choices);
	free(it->t);
	free(it->row);
}

static struct quant_plan *add_plan(struct quant *q, const struct items *it, const char *how, const char *what,
    const int *picks)
{
	struct quant_plan *p = &q->table.plans[q->table.n_plans++];
	struct budget_choice sum = budget_sum(it->choices, it->n, q->table.n_specs, picks);
	size_t n = quant_matrices(q);

	*p = (struct quant_plan){ .how = how, .what = what, .bits = (sum.bits + it->kept_bits) / it->weights,
	    .loss = sum.loss / it->weights, .predicted = (double)NAN, .kl = (double)NAN, .agreement = (double)NAN,
	    .perplexity = (double)NAN, .picks = mem_array(n, sizeof *p->picks) };
	for (size_t i = 0; i < n; i++)
		p->picks[i] = -1;
	for (size_t i = 0; i < it->n; i++)
		p->picks[it->row[i]] = picks[i];
	return p;
}

/* ------------------------------------------------------------ the search */

struct trial {
	struct quant *q;
	const struct items *it;
	struct variants *variants;
	struct klprobe *probe;
};

static struct variants *versions(struct quant *q, const struct tensor *const *t, size_t n)
{
	return variants_new(&(struct variants_options){ .model = q->setup.model, .items = t, .n = n, .specs = q->specs,
	    .n_specs = q->table.n_specs, .bytes = VERSIONS_BYTES, .pool = q->pool, .stop = out_interrupt_flag(),
	    .calibration = q->calibration, .text = &q->text, .adjust = quant_adjust, .to = q });
}

static bool try_picks(void *to, const int *picks, double share, double *kl, struct err *e)
{
	struct trial *t = to;

	return variants_use(t->variants, picks, e) && klprobe_ask(t->probe, variants_model(t->variants), share, kl, e);
}

static void show_search(void *to, int generation, double best)
{
	struct trial *t = to;

	out_bar((double)generation / t->q->o->generations, "evopress: generation %d of %d, KL %.4g nats", generation,
	    t->q->o->generations, best);
}

/* The best of the plans so far, by KL on the text of the search. */
static bool best_start(struct trial *t, int *picks, struct err *e)
{
	double least = (double)INFINITY, kl;
	int *its = mem_array(t->it->n, sizeof *its);
	bool ok = true;

	for (int p = 0; ok && p < t->q->table.n_plans; p++) {
		for (size_t i = 0; i < t->it->n; i++)
			its[i] = t->q->table.plans[p].picks[t->it->row[i]];
		ok = try_picks(t, its, 1, &kl, e);
		if (ok && kl < least) {
			least = kl;
			memcpy(picks, its, t->it->n * sizeof *picks);
		}
	}
	free(its);
	return ok;
}

static bool search(struct quant *q, const struct items *it, int *picks, struct err *e)
{
	bool calibrated = q->text.n > 0;
	struct trial t = { .q = q, .it = it };
	struct evopress s = { .choices = it->choices, .n = it->n, .n_choices = q->table.n_specs, .total_bits = it->bits,
	    .seed = q->o->seed, .generations = q->o->generations, .kl = try_picks, .progress = show_search, .to = &t };
	double kl = (double)NAN;
	bool ok;

	if (!calibrated && !q->read.n)
		return err_set(e, ERR_USAGE, "--search evopress compares models on a text: give one to --calibrate, -p or -f");
	out_bar(0, "evopress: reading the text");
	t.probe = klprobe_new(&(struct klprobe_options){ .base = q->setup.model, .pool = q->pool,
	    .tokens = calibrated ? q->text.tokens : q->read.tokens, .n = calibrated ? q->text.n : q->read.n, .most = SEARCHED,
	    .n_ctx = calibrated ? q->text.n_ctx : q->read.n_ctx, .stop = out_interrupt_flag() }, e);
	t.variants = versions(q, it->t, it->n);
	ok = t.probe && best_start(&t, picks, e) && evopress_run(&s, picks, &kl, e);
	/* Interrupted, the best so far is what is shown. */
	if (!isnan(kl)) {
		q->table.n_searched = klprobe_positions(t.probe);
		q->table.generations = q->o->generations;
		add_plan(q, it, hows[EVOPRESS], "", picks)->predicted = kl;
	}
	variants_free(t.variants);
	klprobe_free(t.probe);
	return ok;
}

/* ------------------------------------------------------------ what comes of it */

static void show_reading(void *to, size_t done, size_t of)
{
	(void)to;
	out_bar((double)done / (double)of, "beside the original: position %zu of %zu", done, of);
}

static bool run_variants(struct quant *q, struct variants *v, const int *picks, struct lockstep *k, struct err *e)
{
	struct lockstep_options o = q->read;

	out_progress_end();
	out_progress("making the quantized model");
	if (!variants_use(v, picks, e))
		return false;
	o.other = variants_model(v);
	o.progress = show_reading;
	return lockstep_run(k, &o, e);
}

static const struct tensor **all_matrices(const struct quant *q)
{
	const struct tensor **t = mem_array(quant_matrices(q), sizeof *t);

	for (size_t i = 0; i < quant_matrices(q); i++)
		t[i] = q->table.rows[i].t;
	return t;
}

bool quant_run_picked(struct quant *q, const int *picks, struct lockstep *k, struct err *e)
{
	const struct tensor **t = all_matrices(q);
	struct variants *v = versions(q, t, quant_matrices(q));
	bool ok = run_variants(q, v, picks, k, e);

	variants_free(v);
	free(t);
	return ok;
}

/* Every plan is run; the lockstep of the chosen one is kept whole. */
static bool measure_plans(struct quant *q, struct err *e)
{
	const struct tensor **t = all_matrices(q);
	struct variants *v = versions(q, t, quant_matrices(q));
	bool ok = true;

	for (int i = 0; ok && i < q->table.n_plans; i++) {
		struct quant_plan *p = &q->table.plans[i];
		struct lockstep k;

		if (!(ok = run_variants(q, v, p->picks, &k, e)))
			break;
		p->kl = k.kl;
		p->agreement = k.agreement;
		p->perplexity = k.perplexity[1];
		if (i == q->table.chosen)
			quant_keep_outcome(q, "as picked", k);
		else
			lockstep_free(&k);
	}
	variants_free(v);
	free(t);
	return ok;
}

static void predict(struct quant_table *t)
{
	const struct quant_plan *uniform = t->n_plans && !strcmp(t->plans[0].how, "uniform") ? t->plans : NULL;

	for (int i = 1; uniform && i < t->n_plans; i++)
		if (isnan(t->plans[i].predicted))
			t->plans[i].predicted = uniform->loss > 0 ? uniform->kl / uniform->loss * t->plans[i].loss : (double)NAN;
}

static bool make_plans(struct quant *q, const struct items *it, struct err *e)
{
	int k = q->table.n_specs, *picks = mem_array(it->n, sizeof *picks);
	int uniform = budget_uniform(it->choices, it->n, k, it->bits);
	bool ok = true;

	if (uniform >= 0) {
		for (size_t i = 0; i < it->n; i++)
			picks[i] = uniform;
		add_plan(q, it, "uniform", q->specs[uniform].text, picks);
	}
	if ((ok = budget_choose(it->choices, it->n, k, it->bits, picks, e)))
		add_plan(q, it, hows[KNAPSACK], "", picks);
	if (ok && (ok = budget_choose_baq(it->choices, it->n, k, it->size, it->bits, picks, NULL, &q->table.baq_gain, e)))
		add_plan(q, it, hows[BAQ], "", picks);
	if (ok && q->o->search == EVOPRESS)
		ok = search(q, it, picks, e);
	for (int i = 0; i < q->table.n_plans; i++)
		if (!strcmp(q->table.plans[i].how, hows[q->o->search]))
			q->table.chosen = i;
	free(picks);
	return ok;
}

bool quant_budget(struct quant *q, struct err *e)
{
	struct items it = { .n = 0 };
	bool ok = quant_number("budget", q->o->budget, &q->table.budget, e);

	q->table.baq_gain = (double)NAN;
	if (!ok)
		return false;
	items_make(&it, q);
	if (it.bits <= 0)
		ok = err_set(e, ERR_USAGE, "--budget %g: matrices that none of the methods fits are kept as they are, and alone take "
		    "%.4f bits a weight of the model; add a method that fits them", q->table.budget, it.kept_bits / it.weights);
	else if (!(ok = make_plans(q, &it, e)) && e->code == ERR_USAGE && q->table.n_plans == 0)
		err_wrap(e, "--budget %g (over %.6g weights, %.6g bits of them kept as they are)", q->table.budget, it.weights,
		    it.kept_bits);
	if (ok && q->read.n)
		ok = measure_plans(q, e);
	predict(&q->table);
	items_free(&it);
	return ok;
}
