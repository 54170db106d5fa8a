#include "analysis/census.h"

#include <pthread.h>

#include "engine/base/half.h"
#include "engine/kernels.h"

enum {
	PIECE = 4096,           /* weights widened at a time: 16 KB, stays in L1; a multiple of every block */
	TASK_WEIGHTS = 1 << 20,
};

struct job {
	const struct tensor *t;
	size_t rows_per_task;
	pthread_mutex_t lock;   /* guards sum */
	struct census sum;
};

static void look(struct census *c, const float *x, size_t n)
{
	uint32_t nan = 0, inf = 0, zero = 0, largest = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t size = f32_bits(x[i]) & 0x7fffffff;
		uint32_t finite = size < 0x7f800000 ? size : 0;

		nan += size > 0x7f800000;
		inf += size == 0x7f800000;
		zero += size == 0;
		/* Floats of one sign are ordered like their bits. */
		largest = finite > largest ? finite : largest;
	}
	c->n += n;
	c->n_nan += nan;
	c->n_inf += inf;
	c->n_zero += zero;
	if (f32_from_bits(largest) > c->largest)
		c->largest = f32_from_bits(largest);
}

static void look_at_row(struct census *c, const struct tensor *t, size_t row)
{
	const unsigned char *data = tensor_row(t, row);
	float x[PIECE];

	for (size_t i = 0; i < t->cols; i += PIECE) {
		size_t n = t->cols - i < PIECE ? t->cols - i : PIECE;

		kernels()->dequantize[t->type](data + dtype_row_bytes(t->type, i), x, n);
		look(c, x, n);
	}
}

static void task(void *arg, int task, int worker)
{
	struct job *j = arg;
	struct census c = {.n = 0};
	size_t from = (size_t)task * j->rows_per_task, to = from + j->rows_per_task;

	(void)worker;
	for (size_t row = from; row < to && row < j->t->rows; row++)
		look_at_row(&c, j->t, row);
	pthread_mutex_lock(&j->lock);
	census_add(&j->sum, &c);
	pthread_mutex_unlock(&j->lock);
}

struct census census_tensor(struct pool *p, const struct tensor *t)
{
	struct job j = {.t = t, .rows_per_task = 1 + TASK_WEIGHTS / t->cols, .lock = PTHREAD_MUTEX_INITIALIZER};

	pool_run(p, task, &j, (int)((t->rows + j.rows_per_task - 1) / j.rows_per_task));
	return j.sum;
}

void census_add(struct census *sum, const struct census *more)
{
	sum->n += more->n;
	sum->n_nan += more->n_nan;
	sum->n_inf += more->n_inf;
	sum->n_zero += more->n_zero;
	if (more->largest > sum->largest)
		sum->largest = more->largest;
}
