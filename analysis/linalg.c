#include "analysis/linalg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/half.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"

enum { EXTRA = 8, POWERS = 2, ROWS_PER_TASK = 16, SWEEPS = 30 };

static void each(struct pool *pool, pool_fn *fn, void *job, size_t n)
{
	int n_tasks = (int)((n + ROWS_PER_TASK - 1) / ROWS_PER_TASK);

	if (pool)
		pool_run(pool, fn, job, n_tasks);
	else
		for (int i = 0; i < n_tasks; i++)
			fn(job, i, 0);
}

static double dot(const double *a, const double *b, size_t n)
{
	double lane[4] = {0};
	size_t i = 0;

	for (; i + 4 <= n; i += 4)
		for (size_t k = 0; k < 4; k++)
			lane[k] += a[i + k] * b[i + k];
	for (; i < n; i++)
		lane[0] += a[i] * b[i];
	return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

struct factor {
	double *h;
	size_t n, column;
	double *scratch;        /* [n][n] */
};

/* R upper with h = R R^T, column by column from the last: R_ij = (h_ij - sum over
 * k > j of R_ik R_jk) / R_jj for i < j. */
static void factor_column(void *job, int task, int worker)
{
	const struct factor *f = job;
	size_t n = f->n, j = f->column, first = (size_t)task * ROWS_PER_TASK;
	const double *rj = f->h + j * n;

	(void)worker;
	for (size_t i = first; i < first + ROWS_PER_TASK && i < j; i++) {
		double *ri = f->h + i * n;

		ri[j] = (ri[j] - dot(ri + j + 1, rj + j + 1, n - j - 1)) / rj[j];
	}
}

/* Rows of R^-1: x R = e_i, forward over the columns, a row of R read once for all. */
static void invert_rows(void *job, int task, int worker)
{
	const struct factor *f = job;
	size_t n = f->n, first = (size_t)task * ROWS_PER_TASK;

	(void)worker;
	for (size_t i = first; i < first + ROWS_PER_TASK && i < n; i++)
		f->scratch[i * n + i] = 1;
	for (size_t j = first; j < n; j++) {
		const double *r = f->h + j * n;

		for (size_t i = first; i < first + ROWS_PER_TASK && i <= j; i++) {
			double *x = f->scratch + i * n, s = x[j] / r[j];

			x[j] = s;
			for (size_t k = j + 1; s != 0 && k < n; k++)
				x[k] -= s * r[k];
		}
	}
}

bool linalg_inverse_factor(double *h, size_t n, struct pool *pool, struct err *e)
{
	struct factor f = { .h = h, .n = n };

	for (size_t j = n; j-- > 0;) {
		double *row = h + j * n, d = row[j] - dot(row + j + 1, row + j + 1, n - j - 1);

		if (!(d > 0) || !isfinite(d))
			return err_set(e, ERR_RUN, "the Gram matrix of the inputs is not positive at channel %zu", j);
		row[j] = sqrt(d);
		f.column = j;
		each(pool, factor_column, &f, j);
	}
	if (!(f.scratch = mem_big(n * n, sizeof *f.scratch, "the inverse of a Gram matrix", e)))
		return false;
	each(pool, invert_rows, &f, n);
	memcpy(h, f.scratch, n * n * sizeof *h);
	mem_big_free(f.scratch);
	return true;
}

double linalg_largest(const double *h, size_t n, int iterations)
{
	double *x = mem_array(n, sizeof *x), *y = mem_array(n, sizeof *y), value = 0;

	for (size_t i = 0; i < n; i++)
		x[i] = 0.5 + rng_uniform(2, i, 0);
	for (int t = 0; t < iterations; t++) {
		double norm = sqrt(dot(x, x, n));

		if (norm == 0)
			break;
		for (size_t i = 0; i < n; i++)
			x[i] /= norm;
		for (size_t i = 0; i < n; i++)
			y[i] = dot(h + i * n, x, n);
		value = dot(x, y, n);
		memcpy(x, y, n * sizeof *x);
	}
	free(y);
	free(x);
	return value;
}

static void rotate(double *a, double *v, size_t n, size_t p, size_t q)
{
	double apq = a[p * n + q], theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
	double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1));
	double c = 1 / sqrt(t * t + 1), s = t * c;

	for (size_t k = 0; k < n; k++) {
		double x = a[k * n + p], y = a[k * n + q];

		a[k * n + p] = c * x - s * y;
		a[k * n + q] = s * x + c * y;
	}
	for (size_t k = 0; k < n; k++) {
		double x = a[p * n + k], y = a[q * n + k];

		a[p * n + k] = c * x - s * y;
		a[q * n + k] = s * x + c * y;
	}
	for (size_t k = 0; k < n; k++) {
		double x = v[k * n + p], y = v[k * n + q];

		v[k * n + p] = c * x - s * y;
		v[k * n + q] = s * x + c * y;
	}
}

static bool sweep(double *a, double *v, size_t n)
{
	double off = 0, diagonal = 0;

	for (size_t p = 0; p < n; p++) {
		diagonal += a[p * n + p] * a[p * n + p];
		for (size_t q = p + 1; q < n; q++)
			off += a[p * n + q] * a[p * n + q];
	}
	if (off <= 1e-26 * diagonal)
		return false;
	for (size_t p = 0; p < n; p++)
		for (size_t q = p + 1; q < n; q++)
			if (a[p * n + q] * a[p * n + q] > 1e-32 * fabs(a[p * n + p] * a[q * n + q]))
				rotate(a, v, n, p, q);
	return true;
}

void linalg_eigen(double *a, double *values, double *v, size_t n)
{
	memset(v, 0, n * n * sizeof *v);
	for (size_t i = 0; i < n; i++)
		v[i * n + i] = 1;
	for (int i = 0; i < SWEEPS && sweep(a, v, n); i++)
		;
	for (size_t i = 0; i < n; i++)
		values[i] = a[i * n + i];
	for (size_t i = 0; i < n; i++) {
		size_t most = i;

		for (size_t k = i + 1; k < n; k++)
			most = values[k] > values[most] ? k : most;
		double t = values[i];

		values[i] = values[most];
		values[most] = t;
		for (size_t k = 0; most != i && k < n; k++) {
			t = v[k * n + i];
			v[k * n + i] = v[k * n + most];
			v[k * n + most] = t;
		}
	}
}

struct product {
	const float *a;
	size_t rows, cols, width;
	const double *x;
	double *y;
};

/* y = a x: [rows][width]. */
static void times(void *job, int task, int worker)
{
	const struct product *p = job;
	size_t first = (size_t)task * ROWS_PER_TASK;

	(void)worker;
	for (size_t r = first; r < first + ROWS_PER_TASK && r < p->rows; r++) {
		double *y = p->y + r * p->width;

		memset(y, 0, p->width * sizeof *y);
		for (size_t c = 0; c < p->cols; c++) {
			const double *x = p->x + c * p->width;
			double v = (double)p->a[r * p->cols + c];

			for (size_t k = 0; k < p->width; k++)
				y[k] += v * x[k];
		}
	}
}

/* y = a^T x: [cols][width], a block of columns a task. */
static void transposed_times(void *job, int task, int worker)
{
	const struct product *p = job;
	size_t first = (size_t)task * ROWS_PER_TASK, end = first + ROWS_PER_TASK < p->cols ? first + ROWS_PER_TASK : p->cols;

	(void)worker;
	memset(p->y + first * p->width, 0, (end - first) * p->width * sizeof *p->y);
	for (size_t r = 0; r < p->rows; r++)
		for (size_t c = first; c < end; c++) {
			double *y = p->y + c * p->width, v = (double)p->a[r * p->cols + c];
			const double *x = p->x + r * p->width;

			for (size_t k = 0; k < p->width; k++)
				y[k] += v * x[k];
		}
}

/* Orthonormal columns of y: [n][k], by Gram and Schmidt, each column twice.  One
 * that depends on those before becomes zero. */
static void orthonormal(double *y, size_t n, size_t k)
{
	double *t = mem_array(n * k, sizeof *t);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < k; j++)
			t[j * n + i] = y[i * k + j];
	for (size_t j = 0; j < k; j++) {
		double *c = t + j * n, before = sqrt(dot(c, c, n)), norm;

		for (int again = 0; again < 2; again++)
			for (size_t p = 0; p < j; p++) {
				double s = dot(c, t + p * n, n);

				for (size_t i = 0; i < n; i++)
					c[i] -= s * t[p * n + i];
			}
		norm = sqrt(dot(c, c, n));
		for (size_t i = 0; i < n; i++)
			c[i] = norm > 1e-12 * before && norm > 0 ? c[i] / norm : 0;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < k; j++)
			y[i * k + j] = t[j * n + i];
	free(t);
}

/* out = x w of the first `rank` columns, column j times scale_j: x [n][k], w [k][k]. */
static void combine(const double *x, const double *w, const double *scale, size_t n, size_t k, size_t rank, double *out)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < rank; j++) {
			double sum = 0;

			for (size_t p = 0; p < k; p++)
				sum += x[i * k + p] * w[p * k + j];
			out[i * rank + j] = sum * scale[j];
		}
}

/* a = q z^T with q orthonormal and z = a^T q; z^T z = w s^2 w^T gives the singular
 * values, q w and z w / s the vectors. */
static void split(struct lowrank *l, const double *q, const double *z, size_t k)
{
	double *g = mem_array(k * k, sizeof *g), *w = mem_array(k * k, sizeof *w), *s = mem_array(k, sizeof *s);
	double *root = mem_array(k, sizeof *root), *inverse = mem_array(k, sizeof *inverse);

	for (size_t i = 0; i < l->cols; i++)
		for (size_t p = 0; p < k; p++)
			for (size_t r = 0; r < k; r++)
				g[p * k + r] += z[i * k + p] * z[i * k + r];
	linalg_eigen(g, s, w, k);
	for (size_t j = 0; j < l->rank; j++) {
		l->sigma[j] = s[j] > 0 ? sqrt(s[j]) : 0;
		root[j] = sqrt(l->sigma[j]);
		inverse[j] = root[j] > 0 ? 1 / root[j] : 0;
	}
	combine(q, w, root, l->rows, k, l->rank, l->left);
	combine(z, w, inverse, l->cols, k, l->rank, l->right);
	free(inverse);
	free(root);
	free(s);
	free(w);
	free(g);
}

bool lowrank_new(struct lowrank *l, const float *a, size_t rows, size_t cols, size_t rank, struct pool *pool, struct err *e)
{
	size_t least = rows < cols ? rows : cols, k = rank + EXTRA < least ? rank + EXTRA : least;
	struct product to = { .a = a, .rows = rows, .cols = cols, .width = k }, from = to;
	double *q = mem_big(rows * k, sizeof *q, "a low-rank factor", e), *z = NULL;
	bool ok = false;

	*l = (struct lowrank){ .rows = rows, .cols = cols, .rank = rank < least ? rank : least };
	if (!q || !(z = mem_big(cols * k, sizeof *z, "a low-rank factor", e)) ||
	    !(l->left = mem_big(rows * l->rank, sizeof *l->left, "a low-rank factor", e)) ||
	    !(l->right = mem_big(cols * l->rank, sizeof *l->right, "a low-rank factor", e)))
		goto out;
	l->sigma = mem_array(l->rank, sizeof *l->sigma);
	for (size_t i = 0; i < rows * cols; i++)
		l->total_sq += (double)a[i] * (double)a[i];
	for (size_t i = 0; i < cols * k; i++)
		z[i] = rng_uniform(1, i, 0) + rng_uniform(1, i, 1) - 1;
	to.x = z;
	to.y = q;
	from.x = q;
	from.y = z;
	for (int i = 0; i <= POWERS; i++) {
		each(pool, times, &to, rows);
		orthonormal(q, rows, k);
		each(pool, transposed_times, &from, cols);
		if (i < POWERS)
			orthonormal(z, cols, k);
	}
	split(l, q, z, k);
	ok = true;
out:
	mem_big_free(z);
	mem_big_free(q);
	if (!ok)
		lowrank_free(l);
	return ok;
}

static void round_all(double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = (double)f16_to_f32(f16_from_f32((float)x[i]));
}

void lowrank_round(struct lowrank *l)
{
	round_all(l->left, l->rows * l->rank);
	round_all(l->right, l->cols * l->rank);
}

double lowrank_at(const struct lowrank *l, size_t row, size_t col)
{
	return dot(l->left + row * l->rank, l->right + col * l->rank, l->rank);
}

void lowrank_free(struct lowrank *l)
{
	mem_big_free(l->left);
	mem_big_free(l->right);
	free(l->sigma);
	*l = (struct lowrank){ .rank = 0 };
}
