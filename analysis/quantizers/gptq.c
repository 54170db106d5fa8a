/*
 * gptq -- columns are rounded one after another, and those still to come take up
 * the error (Frantar et al., arXiv 2210.17323).
 *
 *      H = 2 E[x x^T] + 0.01 mean(diag H) I,  U^T U = H^-1, U upper
 *      for each column j: e = (w_j - q_j) / U_jj, w_k -= e U_jk for k > j
 *
 * The factor 2 and the number of positions cancel.  A channel that is never
 * active gets weight 0.  With `act` the columns go by falling E[x_j^2], and a
 * group is then one of that order.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/grid.h"
#include "analysis/linalg.h"
#include "analysis/quantizer.h"
#include "engine/base/mem.h"

enum { ROWS = 8 };                /* that a worker takes through the columns at a time */

struct gptq {
	struct quant_job *q;
	struct grid_kind kind;
	size_t group;
	size_t *order;          /* [cols] channel at each place */
	bool *dead;             /* [cols] by place */
	double *u;              /* [cols][cols] by place */
};

/* Several rows go through the columns together: a row of U is read once for all. */
static void some_rows(void *job, int task, int worker)
{
	const struct gptq *p = job;
	size_t n = p->q->cols, first = (size_t)task * ROWS;
	size_t rows = p->q->rows - first < ROWS ? p->q->rows - first : ROWS;
	double *w = mem_array(rows * n, sizeof *w);
	struct grid grid[ROWS] = { { .scale = 0 } };
	struct err stopped;

	(void)worker;
	for (size_t i = 0; i < rows * n; i++)
		w[i] = p->dead[i % n] ? 0 : (double)p->q->w[(first + i / n) * n + p->order[i % n]];
	for (size_t j = 0; j < n && !quant_stopped(p->q, &stopped); j++) {
		const double *u = p->u + j * n;

		for (size_t r = 0; r < rows; r++) {
			double *x = w + r * n, back, e;

			/* A group's grid is fitted to what its weights have become. */
			if (j % p->group == 0)
				grid[r] = grid_fit_double(p->kind, x + j, n - j < p->group ? n - j : p->group);
			back = grid_round_double(&grid[r], x[j]);
			e = (x[j] - back) / u[j];
			p->q->out[(first + r) * n + p->order[j]] = (float)back;
			for (size_t k = j + 1; k < n; k++)
				x[k] -= e * u[k];
		}
	}
	free(w);
}

static void choose_order(struct gptq *p, bool act)
{
	size_t n = p->q->cols;

	for (size_t j = 0; j < n; j++)
		p->order[j] = j;
	for (size_t j = 0; act && j < n; j++) {
		size_t most = j;

		for (size_t k = j + 1; k < n; k++)
			if (p->q->gram[p->order[k] * n + p->order[k]] > p->q->gram[p->order[most] * n + p->order[most]])
				most = k;
		size_t t = p->order[j];

		p->order[j] = p->order[most];
		p->order[most] = t;
	}
}

static bool prepare(struct gptq *p, struct err *e)
{
	size_t n = p->q->cols;
	double mean = 0;

	if (!(p->u = mem_big(n * n, sizeof *p->u, "a Gram matrix", e)))
		return false;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			p->u[i * n + j] = p->q->gram[p->order[i] * n + p->order[j]];
	for (size_t j = 0; j < n; j++) {
		p->dead[j] = p->u[j * n + j] == 0;
		if (p->dead[j])
			p->u[j * n + j] = 1;
		mean += p->u[j * n + j] / (double)n;
	}
	for (size_t j = 0; j < n; j++)
		p->u[j * n + j] += 0.01 * mean;
	return linalg_inverse_factor(p->u, n, p->q->pool, e);
}

static bool run(struct quant_job *q, struct err *e)
{
	struct gptq p = { .q = q, .kind = grid_kind(q), .group = grid_group(q->cols, quant_param(q, "group")) };
	bool ok;

	p.order = mem_array(q->cols, sizeof *p.order);
	p.dead = mem_array(q->cols, sizeof *p.dead);
	choose_order(&p, quant_param(q, "act") != 0);
	ok = prepare(&p, e) && !quant_stopped(q, e);
	if (ok) {
		quant_each(q, some_rows, &p, (int)((q->rows + ROWS - 1) / ROWS));
		ok = !quant_stopped(q, e);
		q->bits = (double)q->rows * ((double)q->cols * p.kind.bits +
		    (double)grid_groups(q->cols, p.group) * grid_bits(p.kind));
		/* Which channel stands where, once a tensor. */
		if (quant_param(q, "act") != 0)
			q->bits += (double)q->cols * ceil(log2((double)q->cols));
	}
	mem_big_free(p.u);
	free(p.dead);
	free(p.order);
	return ok;
}

const struct quantizer_def quantizer_gptq = {
	.name = "gptq", .doc = "columns one by one, later ones taking up the error of earlier ones",
	.params = {
		{ "bits", 4, 2, 16, true, "bits of a level" },
		{ "group", 128, 0, 1 << 20, true, "weights that share a scale; 0: a whole row" },
		{ "asym", 0, 0, 1, true, "with a minimum of 16 bits" },
		{ "zero", 1, 0, 1, true, "with a zero point of as many bits as a level" },
		{ "act", 0, 0, 1, true, "columns by falling activity" },
	},
	.needs = QUANT_GRAM, .run = run,
};
