#include "analysis/variants.h"

#include <stdlib.h>

#include "engine/base/mem.h"

struct version {
	struct tensor *made;    /* NULL: not held */
	uint64_t used;          /* when last, by the clock below */
};

struct variants {
	struct variants_options opt;
	struct requantized *model;
	struct version *versions;       /* [n][n_specs] */
	int *now;                       /* [n]; -1: the original */
	uint64_t clock;
	size_t bytes;
};

struct variants *variants_new(const struct variants_options *opt)
{
	struct variants *v = mem_zalloc(sizeof *v);

	v->opt = *opt;
	v->model = requantized_new(opt->model);
	v->versions = mem_array(opt->n * (size_t)opt->n_specs, sizeof *v->versions);
	v->now = mem_array(opt->n, sizeof *v->now);
	for (size_t i = 0; i < opt->n; i++)
		v->now[i] = -1;
	return v;
}

void variants_free(struct variants *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->opt.n * (size_t)v->opt.n_specs; i++)
		requantized_unmake(v->versions[i].made);
	free(v->versions);
	free(v->now);
	requantized_free(v->model);
	free(v);
}

static void drop(struct variants *v, size_t at)
{
	size_t n = (size_t)v->opt.n_specs;

	v->bytes -= requantized_bytes(v->opt.items[at / n], &v->opt.specs[at % n]);
	requantized_unmake(v->versions[at].made);
	v->versions[at].made = NULL;
}

/* Lets go of what was not used longest, until `more` fits or only what is in use is
 * left. */
static void make_room(struct variants *v, size_t more)
{
	size_t k = (size_t)v->opt.n_specs, n = v->opt.n * k;

	while (v->bytes + more > v->opt.bytes) {
		size_t oldest = n;

		for (size_t i = 0; i < n; i++)
			if (v->versions[i].made && v->now[i / k] != (int)(i % k) &&
			    (oldest == n || v->versions[i].used < v->versions[oldest].used))
				oldest = i;
		if (oldest == n)
			return;
		drop(v, oldest);
	}
}

static bool make(struct variants *v, size_t item, int choice, struct version *of, struct err *e)
{
	const struct variants_options *o = &v->opt;
	struct quant_spec own = o->specs[choice], *spec = &own;
	const struct tensor *t = o->items[item];
	struct quanterr_options how = { .pool = o->pool, .stop = o->stop };

	if (o->adjust)
		o->adjust(o->to, t, spec);
	if (o->calibration && spec->def->needs == QUANT_GRAM && !calibration_gram(o->calibration, t, o->text, e))
		return false;
	how.in = calibration_inputs(o->calibration, t);
	make_room(v, requantized_bytes(t, spec));
	if (!(of->made = requantized_make(t, spec, &how, NULL, e)))
		return false;
	v->bytes += requantized_bytes(t, spec);
	return true;
}

bool variants_use(struct variants *v, const int *picks, struct err *e)
{
	for (size_t i = 0; i < v->opt.n; i++) {
		struct version *of = picks[i] < 0 ? NULL : &v->versions[i * (size_t)v->opt.n_specs + (size_t)picks[i]];

		if (v->opt.stop && atomic_load_explicit(v->opt.stop, memory_order_relaxed))
			return err_set(e, ERR_INTERRUPTED, "%s", "");
		if (of)
			of->used = ++v->clock;
		if (picks[i] == v->now[i])
			continue;
		if (of && !of->made && !make(v, i, picks[i], of, e))
			return false;
		requantized_use(v->model, v->opt.items[i], of ? of->made : v->opt.items[i]);
		v->now[i] = picks[i];
	}
	return true;
}

const struct model *variants_model(const struct variants *v)
{
	return requantized_model(v->model);
}

size_t variants_bytes(const struct variants *v)
{
	return v->bytes;
}
