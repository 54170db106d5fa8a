#include "analysis/quanterr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

/* A slice of SLICE rows is the unit of work and of summing. */
enum { SLICE = 16 };

struct part {
	double err_sq, ref_sq, max_abs, out_err, out_ref, bits, worst;
	size_t worst_row, worst_col;
	struct err e;
};

struct measure {
	const struct tensor *t;         /* NULL: the weights are in w */
	const float *w, *back;          /* all rows, or NULL */
	size_t rows, cols;
	const struct quant_spec *spec;
	const struct quanterr_options *opt;
	struct quanterr *q;
	struct part *parts;             /* [slices] */
	float *scratch;                 /* [workers][2][SLICE][cols] */
	double *row;                    /* [workers][cols] */
};

double quanterr_rel(const struct quanterr *q)
{
	return q->ref_sq > 0 ? q->err_sq / q->ref_sq : q->err_sq > 0 ? (double)INFINITY : 0;
}

double quanterr_sqnr_db(const struct quanterr *q)
{
	return -10 * log10(quanterr_rel(q));
}

double quanterr_output(const struct quanterr *q)
{
	return q->out_ref > 0 ? q->out_err / q->out_ref : q->out_err == 0 ? 0 : (double)NAN;
}

/* x G x^T, half of it by symmetry. */
static double quadratic(const double *g, const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		const double *row = g + i * n;
		double lane[4] = {0};
		size_t k = 0;

		if (x[i] == 0)
			continue;
		for (; k + 4 <= i; k += 4)
			for (size_t j = 0; j < 4; j++)
				lane[j] += row[k + j] * x[k + j];
		for (; k < i; k++)
			lane[0] += row[k] * x[k];
		sum += x[i] * (2 * ((lane[0] + lane[1]) + (lane[2] + lane[3])) + row[i] * x[i]);
	}
	return sum;
}

static void output_of_row(const struct measure *m, struct part *p, const float *w, const float *back, double *d)
{
	const struct quant_inputs *in = &m->opt->in;
	size_t n = m->cols;

	if (in->gram) {
		for (size_t i = 0; i < n; i++)
			d[i] = (double)w[i] - (double)back[i];
		p->out_err += quadratic(in->gram, d, n);
		for (size_t i = 0; i < n; i++)
			d[i] = (double)w[i];
		p->out_ref += quadratic(in->gram, d, n);
		return;
	}
	for (size_t i = 0; in->moments && i < n; i++) {
		double x = (double)w[i] - (double)back[i], v = (double)in->moments[i];

		p->out_err += x * x * v;
		p->out_ref += (double)w[i] * (double)w[i] * v;
	}
}

static void to_map(const struct quanterr *q, size_t row, size_t col, double err, double ref)
{
	size_t at = row * (size_t)q->map_rows / q->rows * (size_t)q->map_cols + col * (size_t)q->map_cols / q->cols;

	q->map_err[at] += err;
	q->map_ref[at] += ref;
}

static void one_row(const struct measure *m, struct part *p, size_t r, const float *w, const float *back)
{
	for (size_t c = 0; c < m->cols; c += QUANTERR_BLOCK) {
		size_t end = c + QUANTERR_BLOCK < m->cols ? c + QUANTERR_BLOCK : m->cols;
		double err = 0, ref = 0;
		float most = 0;

		for (size_t i = c; i < end; i++) {
			float gap = fabsf(w[i] - back[i]);

			most = gap > most ? gap : most;
		}
		for (size_t i = c; i < end; i++) {
			double d = (double)w[i] - (double)back[i];

			err += d * d;
			ref += (double)w[i] * (double)w[i];
		}
		p->err_sq += err;
		p->ref_sq += ref;
		p->max_abs = (double)most > p->max_abs ? (double)most : p->max_abs;
		if (ref > 0 && err > p->worst * ref) {
			p->worst = err / ref;
			p->worst_row = r;
			p->worst_col = c;
		}
		if (m->q->map_err)
			to_map(m->q, r, c, err, ref);
	}
}

static void compare_slice(const struct measure *m, struct part *p, size_t first, size_t n, const float *w,
    const float *back, int worker)
{
	for (size_t r = 0; r < n; r++) {
		const float *a = w + r * m->cols, *b = back + r * m->cols;

		one_row(m, p, first + r, a, b);
		output_of_row(m, p, a, b, m->row + (size_t)worker * m->cols);
	}
	if (m->opt->take)
		m->opt->take(m->opt->to, first, n, back);
}

static void slice(void *job, int task, int worker)
{
	struct measure *m = job;
	struct part *p = &m->parts[task];
	size_t first = (size_t)task * SLICE, n = m->rows - first < SLICE ? m->rows - first : SLICE;
	float *w = m->scratch + (size_t)worker * 2 * SLICE * m->cols;
	struct quant_job q = { .spec = m->spec, .w = w, .rows = n, .cols = m->cols, .moments = m->opt->in.moments,
	    .gram = m->opt->in.gram, .stop = m->opt->stop, .out = w + SLICE * m->cols };

	if (m->back) {
		compare_slice(m, p, first, n, m->w + first * m->cols, m->back + first * m->cols, worker);
		return;
	}
	if (quant_stopped(&q, &p->e))
		return;
	for (size_t r = 0; r < n; r++)
		tensor_row_f32(m->t, first + r, w + r * m->cols);
	if (!quant_run(&q, &p->e))
		return;
	p->bits = q.bits;
	compare_slice(m, p, first, n, w, q.out, worker);
}

/* In the order of the rows, so the same bits come from any number of workers. */
static bool add_up(struct measure *m, int n_slices, struct err *e)
{
	struct quanterr *q = m->q;
	double bits = 0;

	for (int i = 0; i < n_slices; i++) {
		const struct part *p = &m->parts[i];

		if (p->e.code) {
			*e = p->e;
			return false;
		}
		bits += p->bits;
		q->err_sq += p->err_sq;
		q->ref_sq += p->ref_sq;
		q->out_err += p->out_err;
		q->out_ref += p->out_ref;
		q->max_abs = p->max_abs > q->max_abs ? p->max_abs : q->max_abs;
		if (p->worst > q->worst) {
			q->worst = p->worst;
			q->worst_row = p->worst_row;
			q->worst_col = p->worst_col;
		}
	}
	if (bits > 0)
		q->bits = bits / ((double)m->rows * (double)m->cols);
	if (!m->opt->in.moments && !m->opt->in.gram)
		q->out_err = q->out_ref = (double)NAN;
	return true;
}

static int cells(size_t n)
{
	return n < QUANTERR_CELLS ? (int)n : QUANTERR_CELLS;
}

static bool run_slices(struct measure *m, struct err *e)
{
	int n_slices = (int)((m->rows + SLICE - 1) / SLICE), workers = m->opt->pool ? pool_size(m->opt->pool) : 1;
	bool ok = false;

	m->q->rows = m->rows;
	m->q->cols = m->cols;
	if (m->opt->map) {
		/* Slices run at the same time and share rows of the raster only where a
		 * slice is not cut by it, so a raster is filled by one thread. */
		m->q->map_rows = cells(m->rows);
		m->q->map_cols = cells((m->cols + QUANTERR_BLOCK - 1) / QUANTERR_BLOCK);
		m->q->map_err = mem_array((size_t)m->q->map_rows * (size_t)m->q->map_cols, sizeof(double));
		m->q->map_ref = mem_array((size_t)m->q->map_rows * (size_t)m->q->map_cols, sizeof(double));
	}
	m->parts = mem_array((size_t)n_slices, sizeof *m->parts);
	m->row = mem_array((size_t)workers * m->cols, sizeof *m->row);
	if (m->back || (m->scratch = mem_big((size_t)workers * 2 * SLICE, m->cols * sizeof(float), "weights", e))) {
		if (m->opt->pool && !m->opt->map)
			pool_run(m->opt->pool, slice, m, n_slices);
		else
			for (int i = 0; i < n_slices; i++)
				slice(m, i, 0);
		ok = add_up(m, n_slices, e);
	}
	mem_big_free(m->scratch);
	free(m->row);
	free(m->parts);
	return ok;
}

struct widen {
	const struct tensor *t;
	float *w;
};

static void widen(void *job, int task, int worker)
{
	const struct widen *d = job;

	(void)worker;
	for (size_t r = (size_t)task * SLICE; r < (size_t)(task + 1) * SLICE && r < d->t->rows; r++)
		tensor_row_f32(d->t, r, d->w + r * d->t->cols);
}

static bool measure_whole(struct measure *m, struct err *e)
{
	const struct quanterr_options *opt = m->opt;
	float *w = mem_big(m->rows * m->cols, sizeof *w, "the weights of a tensor", e);
	float *back = w ? mem_big(m->rows * m->cols, sizeof *back, "the weights of a tensor", e) : NULL;
	struct quant_job q = { .spec = m->spec, .w = w, .rows = m->rows, .cols = m->cols, .moments = opt->in.moments,
	    .gram = opt->in.gram, .pool = opt->pool, .stop = opt->stop, .out = back };
	bool ok = back != NULL;

	if (ok) {
		quant_each(&q, widen, &(struct widen){ m->t, w }, (int)((m->rows + SLICE - 1) / SLICE));
		ok = !quant_stopped(&q, e) && quant_run(&q, e);
	}
	if (ok) {
		m->w = w;
		m->back = back;
		ok = run_slices(m, e);
		m->q->bits = q.bits / ((double)m->rows * (double)m->cols);
		m->q->n_figures = q.n_figures;
		memcpy(m->q->figures, q.figures, sizeof q.figures);
	}
	mem_big_free(back);
	mem_big_free(w);
	return ok;
}

bool quanterr_measure(struct quanterr *q, const struct tensor *t, const struct quant_spec *spec,
    const struct quanterr_options *opt, struct err *e)
{
	struct measure m = { .t = t, .rows = t->rows, .cols = t->cols, .spec = spec, .opt = opt, .q = q };
	bool ok;

	*q = (struct quanterr){ .bits = 0 };
	e->code = ERR_NONE;
	ok = spec->def->by_rows ? run_slices(&m, e) : measure_whole(&m, e);
	if (!ok)
		quanterr_free(q);
	return ok;
}

void quanterr_compare(struct quanterr *q, const float *w, const float *back, size_t rows, size_t cols,
    const struct quanterr_options *opt)
{
	struct measure m = { .w = w, .back = back, .rows = rows, .cols = cols, .opt = opt, .q = q };
	struct err e = { .code = ERR_NONE };

	*q = (struct quanterr){ .bits = 0 };
	if (!run_slices(&m, &e))
		quanterr_free(q);
}

void quanterr_free(struct quanterr *q)
{
	free(q->map_err);
	free(q->map_ref);
	q->map_err = q->map_ref = NULL;
}
