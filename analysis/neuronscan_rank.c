#include "analysis/neuronscan_impl.h"

#include <stdlib.h>

#include "engine/kernels.h"

static void add_low(struct neuron *u, double lo)
{
	int i;

	if (!(u->n_low < NEURON_LABELS || lo > u->low[NEURON_LABELS - 1]))
		return;
	for (i = u->n_low < NEURON_LABELS ? u->n_low++ : NEURON_LABELS - 1; i > 0 && u->low[i - 1] < lo; i--)
		u->low[i] = u->low[i - 1];
	u->low[i] = lo;
}

static int by_rank(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo > y->lo ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static void make_exact(struct scan *c, struct candidate *k, const float *w, int worker)
{
	float *row = wide_of(c, worker) + GROUP * c->d;

	if (k->exact)
		return;
	kernels()->dequantize[c->head->type](tensor_row(c->head, (size_t)k->id), row, c->d);
	k->lo = k->hi = c->nk->dot_f64(row, w, c->d);
	k->len = sqrt(c->nk->dot_f64(row, row, c->d));
	k->exact = true;
	c->exact[worker]++;
}

/* Drops what ten others exclude; ranks what is left exactly and keeps the ten best. */
static void rank(struct scan *c, struct neuron *u, const float *w, int worker)
{
	double least = floor_of(u);
	int n = 0;

	for (int i = 0; i < u->n_list; i++)
		if (u->list[i].hi >= least)
			u->list[n++] = u->list[i];
	for (int i = 0; i < n; i++)
		make_exact(c, &u->list[i], w, worker);
	qsort(u->list, (size_t)n, sizeof *u->list, by_rank);
	u->n_list = n < NEURON_LABELS ? n : NEURON_LABELS;
	u->n_low = 0;
	for (int i = 0; i < u->n_list; i++)
		add_low(u, u->list[i].lo);
}

/* The list is full: first without effort, then by exact products. */
static void make_room(struct scan *c, size_t j, int worker)
{
	struct neuron *u = &c->neuron[j];
	double least = floor_of(u);
	int n = 0;

	for (int i = 0; i < u->n_list; i++)
		if (u->list[i].hi >= least)
			u->list[n++] = u->list[i];
	u->n_list = n;
	if (n < LIST / 2)
		return;
	neuronscan_vectors(c, j, 1, wide_of(c, worker));
	rank(c, u, wide_of(c, worker), worker);
}

static void add(struct scan *c, size_t j, struct candidate k, int worker)
{
	struct neuron *u = &c->neuron[j];

	if (k.hi < floor_of(u))
		return;
	if (u->n_list == LIST)
		make_room(c, j, worker);
	u->list[u->n_list++] = k;
	add_low(u, k.lo);
}

/* In powers of two; past the first tile the reference is near the largest term. */
void neuronscan_add_power(struct neuron *u, double logit, double sign)
{
	u->sum += sign * exp2(logit * LOG2_E - u->ref);
}

/* What look 1 can be off by. */
static double off_by_first(const struct nk_round *w, const struct nk_round *h)
{
	return SLACK * (w->err1 * h->norm + (w->norm + w->err1) * h->err1) + LOSSES * w->norm * h->norm;
}

/* Look 2, or look 3 where a head row cannot be rounded. */
void neuronscan_look(struct scan *c, size_t j, const struct tile *t, size_t v, int32_t id, int32_t dot, int worker)
{
	struct neuron *u = &c->neuron[j];
	const struct nk_round *w = &u->r, *h = &t->r[v];
	struct candidate k = {.id = id};
	double rough = (double)w->d * (double)h->d * (double)dot;
	int32_t part[2];

	/* The tokens of a tile pass together; the first of them may exclude the others. */
	if (h->sane && rough + off_by_first(w, h) < floor_of(u))
		return;
	c->looked_twice[worker]++;
	if (!h->sane) {
		neuronscan_vectors(c, j, 1, wide_of(c, worker));
		make_exact(c, &k, wide_of(c, worker), worker);
		neuronscan_add_power(u, k.lo, 1);
		add(c, j, k, worker);
		return;
	}
	c->nk->refine(t->q1 + v * c->pad, t->q2 + v * c->pad, c->w1 + j * c->stride, c->w2 + j * c->stride, c->pad,
	    u->sums, part);
	double fine = rough + (double)w->d * (double)h->d2 * (double)part[0] +
	    (double)w->d2 * (double)h->d * (double)part[1];
	double off = SLACK * (w->err2 * h->norm + (w->norm + w->err2) * h->err2 +
	    (w->err1 + w->err2) * (h->err1 + h->err2)) + LOSSES * w->norm * h->norm;

	k.lo = fine - off;
	k.hi = fine + off;
	if (k.hi < floor_of(u))
		return;
	neuronscan_add_power(u, fine, 1);
	neuronscan_add_power(u, rough, -1);
	add(c, j, k, worker);
}

/* Vectors that were not scanned: all zero, or too large or small to be rounded. */
static void without_scan(struct scan *c, struct neuron *u, const float *w, int worker)
{
	bool finite = isfinite(c->nk->dot_f64(w, w, c->d));
	double most = -INFINITY;

	/* The sum is built from its largest term on. */
	u->sum = 0;
	for (size_t v = 0; finite && v < c->head->rows; v++) {
		struct candidate k = {.id = (int32_t)v};

		make_exact(c, &k, w, worker);
		if (!isfinite(k.lo) || !isfinite(k.len))
			continue;
		double y = k.lo * LOG2_E;
		u->sum = y > most ? u->sum * exp2(most - y) + 1 : u->sum + exp2(y - most);
		most = y > most ? y : most;
		if (u->n_list == LIST)
			rank(c, u, w, worker);
		u->list[u->n_list++] = k;
		add_low(u, k.lo);
	}
	u->ref = most;
}

/* ln sum exp(logit).  What the kernel cut off at 2^100 above the reference is among
 * the ten. */
static double log_sum_exp(const struct neuron *u)
{
	double lse = (u->ref + log2(u->sum > 0 ? u->sum : 1e-300)) * LN_2;

	return isfinite(lse) && lse > u->list[0].lo ? lse : u->list[0].lo;
}

void neuronscan_label(struct scan *c, struct neuron *u, const float *w, struct neuron_labels *out, int worker)
{
	double len = sqrt(c->nk->dot_f64(w, w, c->d)), lse;

	if (!u->r.sane || u->r.d == 0)
		without_scan(c, u, w, worker);
	rank(c, u, w, worker);
	lse = u->n_list ? log_sum_exp(u) : NAN;
	for (int i = 0; i < NEURON_LABELS; i++) {
		const struct candidate *k = &u->list[i];
		bool there = i < u->n_list;

		out->id[i] = there ? k->id : -1;
		out->logit[i] = there ? (float)k->lo : NAN;
		out->prob[i] = there ? (float)exp(k->lo - lse) : NAN;
		out->cosine[i] = there ? (float)(k->lo / (k->len * len)) : NAN;
	}
}
