/*
 * One tensor of a quantmap: its figures, and its error by input channel.
 *
 * Slices of rows come back from workers in any order; their sums are added in the
 * order of the rows, so that the figures do not depend on who was faster.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/quantmap.h"
#include "engine/base/mem.h"

struct slice {
	struct slice *next;
	size_t row, n_rows;
	double sums[];          /* [2][cols] */
};

struct columns {
	const struct tensor *t;
	double *err, *ref;
	pthread_mutex_t lock;
	size_t next_row;        /* all before it are added */
	struct slice *early;    /* what came before its turn */
};

static void add_slice(struct columns *k, const struct slice *s)
{
	for (size_t i = 0; i < k->t->cols; i++) {
		k->err[i] += s->sums[i];
		k->ref[i] += s->sums[k->t->cols + i];
	}
	k->next_row = s->row + s->n_rows;
}

static void commit(struct columns *k, struct slice *s)
{
	struct slice **at;

	s->next = k->early;
	k->early = s;
	for (at = &k->early; *at;) {
		struct slice *first = *at;

		if (first->row != k->next_row) {
			at = &first->next;
			continue;
		}
		*at = first->next;
		add_slice(k, first);
		free(first);
		at = &k->early;
	}
}

static void take(void *to, size_t row, size_t n_rows, const float *back)
{
	struct columns *k = to;
	size_t cols = k->t->cols;
	struct slice *s = mem_zalloc(sizeof *s + 2 * cols * sizeof(double));
	float *w = mem_array(cols, sizeof *w);

	s->row = row;
	s->n_rows = n_rows;
	for (size_t r = 0; r < n_rows; r++) {
		const float *b = back + r * cols;

		tensor_row_f32(k->t, row + r, w);
		for (size_t i = 0; i < cols; i++) {
			double d = (double)w[i] - (double)b[i];

			s->sums[i] += d * d;
			s->sums[cols + i] += (double)w[i] * (double)w[i];
		}
	}
	free(w);
	pthread_mutex_lock(&k->lock);
	commit(k, s);
	pthread_mutex_unlock(&k->lock);
}

static void drop_early(struct columns *k)
{
	while (k->early) {
		struct slice *s = k->early;

		k->early = s->next;
		free(s);
	}
}

bool quant_cell_measure(struct quant_cell *c, const struct quant_spec *spec, const struct quanterr_options *opt,
    struct err *e)
{
	struct columns k = { .t = c->t, .err = mem_array(c->t->cols, sizeof *k.err), .ref = mem_array(c->t->cols, sizeof *k.ref) };
	struct quanterr_options with = *opt;
	bool ok;

	pthread_mutex_init(&k.lock, NULL);
	with.take = take;
	with.to = &k;
	quant_cell_clear(c);
	ok = quanterr_measure(&c->q, c->t, spec, &with, e);
	pthread_mutex_destroy(&k.lock);
	drop_early(&k);
	c->state = ok ? QUANT_DONE : QUANT_UNFIT;
	if (ok) {
		c->col_err = k.err;
		c->col_ref = k.ref;
		c->n_tokens = opt->in.n_tokens;
		return true;
	}
	free(k.err);
	free(k.ref);
	if (e->code == ERR_UNSUPPORTED || e->code == ERR_USAGE) {
		snprintf(c->why, sizeof c->why, "%.*s", QUANTMAP_WHY - 1, e->msg);
		return true;
	}
	c->state = QUANT_WAITS;
	return false;
}

void quant_cell_inputs(struct quant_cell *c, const float *moments, uint64_t n_tokens)
{
	if (c->state != QUANT_DONE || !c->col_err)
		return;
	c->n_tokens = moments ? n_tokens : 0;
	c->q.out_err = c->q.out_ref = moments ? 0 : (double)NAN;
	for (size_t i = 0; moments && i < c->t->cols; i++) {
		c->q.out_err += c->col_err[i] * (double)moments[i];
		c->q.out_ref += c->col_ref[i] * (double)moments[i];
	}
}

void quant_cell_clear(struct quant_cell *c)
{
	quanterr_free(&c->q);
	free(c->col_err);
	free(c->col_ref);
	*c = (struct quant_cell){ .t = c->t, .state = c->t ? QUANT_WAITS : QUANT_ABSENT };
}
