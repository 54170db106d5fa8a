#include "analysis/calibration.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

enum { GRAM_ROWS = 16 };        /* of a Gram matrix that a worker takes at a time */

struct input {
	int cols;
	uint64_t n;             /* positions in sum */
	double *sum;            /* [cols] of x^2 */
	float *moments;         /* [cols] sum / n, as the quantizers want it */
	double *gram;           /* [cols][cols] sums, then means; NULL when not wanted */
	uint64_t n_gram;
};

struct calibration {
	const struct model *m;
	struct input *inputs;   /* [n_layers * PLACE_HEAD_IN + 1], the head last */
	int n_inputs;
	struct pool *pool;
	bool grams_only;        /* the moments are complete */
	atomic_bool gathers;
	_Atomic uint64_t positions;     /* that the first layer has seen */
	pthread_mutex_t lock;   /* on sums and their n */
};

static int width_of(const struct hparams *hp, int place)
{
	return place == PLACE_ATTN_OUT_IN ? hp->n_heads * hp->d_head : place == PLACE_DOWN_IN ? hp->d_ff : hp->d_model;
}

static struct input *input_at(const struct calibration *c, int place, int layer)
{
	return &c->inputs[place == PLACE_HEAD_IN ? c->n_inputs - 1 : layer * PLACE_HEAD_IN + place];
}

struct calibration *calibration_new(const struct model *m)
{
	struct calibration *c = mem_zalloc(sizeof *c);

	c->m = m;
	c->n_inputs = m->hp.n_layers * PLACE_HEAD_IN + 1;
	pthread_mutex_init(&c->lock, NULL);
	c->inputs = mem_array((size_t)c->n_inputs, sizeof *c->inputs);
	for (int i = 0; i < c->n_inputs; i++) {
		struct input *in = &c->inputs[i];

		in->cols = width_of(&m->hp, i == c->n_inputs - 1 ? PLACE_HEAD_IN : i % PLACE_HEAD_IN);
		in->sum = mem_array((size_t)in->cols, sizeof *in->sum);
		in->moments = mem_array((size_t)in->cols, sizeof *in->moments);
	}
	return c;
}

static void drop_gram(struct input *in)
{
	mem_big_free(in->gram);
	in->gram = NULL;
	in->n_gram = 0;
}

void calibration_free(struct calibration *c)
{
	if (!c)
		return;
	for (int i = 0; i < c->n_inputs; i++) {
		free(c->inputs[i].sum);
		free(c->inputs[i].moments);
		drop_gram(&c->inputs[i]);
	}
	free(c->inputs);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

struct outer {
	struct input *in;
	const float *x;
	int m;
};

/* Rows of the lower triangle. */
static void add_outer(void *job, int task, int worker)
{
	const struct outer *o = job;
	int n = o->in->cols;

	(void)worker;
	for (int r = task * GRAM_ROWS; r < (task + 1) * GRAM_ROWS && r < n; r++) {
		double *row = o->in->gram + (size_t)r * (size_t)n;

		for (int j = 0; j < o->m; j++) {
			const float *x = o->x + (size_t)j * (size_t)n;
			double a = (double)x[r];

			for (int i = 0; i <= r; i++)
				row[i] += a * (double)x[i];
		}
	}
}

static void add_gram(const struct calibration *c, struct input *in, const float *x, int m)
{
	struct outer o = { in, x, m };

	pool_run(c->pool, add_outer, &o, (in->cols + GRAM_ROWS - 1) / GRAM_ROWS);
	in->n_gram += (uint64_t)m;
}

static void add_squares(struct calibration *c, struct input *in, const float *x, int m)
{
	size_t n = (size_t)in->cols;

	pthread_mutex_lock(&c->lock);
	for (size_t j = 0; j < (size_t)m; j++)
		for (size_t i = 0; i < n; i++) {
			double v = (double)x[j * n + i];

			in->sum[i] += v * v;
		}
	in->n += (uint64_t)m;
	pthread_mutex_unlock(&c->lock);
}

static void see(void *to, enum place place, int layer, const float *x, int m, int width)
{
	struct calibration *c = to;
	struct input *in;

	(void)width;
	if (place > PLACE_HEAD_IN || !atomic_load_explicit(&c->gathers, memory_order_relaxed))
		return;
	in = input_at(c, place, layer);
	if (in->gram)
		add_gram(c, in, x, m);
	if (c->grams_only)
		return;
	add_squares(c, in, x, m);
	if (in == c->inputs)
		atomic_fetch_add_explicit(&c->positions, (uint64_t)m, memory_order_relaxed);
}

struct onlooker calibration_onlooker(struct calibration *c, struct pool *pool)
{
	c->pool = pool;
	return (struct onlooker){ see, c };
}

void calibration_gather(struct calibration *c, bool on)
{
	atomic_store_explicit(&c->gathers, on, memory_order_relaxed);
}

bool calibration_gathers(const struct calibration *c)
{
	return atomic_load_explicit(&c->gathers, memory_order_relaxed);
}

uint64_t calibration_positions(const struct calibration *c)
{
	return atomic_load_explicit(&c->positions, memory_order_relaxed);
}

void calibration_forget(struct calibration *c)
{
	pthread_mutex_lock(&c->lock);
	for (int i = 0; i < c->n_inputs; i++) {
		c->inputs[i].n = 0;
		memset(c->inputs[i].sum, 0, (size_t)c->inputs[i].cols * sizeof *c->inputs[i].sum);
	}
	atomic_store_explicit(&c->positions, 0, memory_order_relaxed);
	pthread_mutex_unlock(&c->lock);
}

bool calibration_read(struct calibration *c, const struct calibration_text *text, struct err *e)
{
	struct onlooker look = calibration_onlooker(c, text->pool);
	struct reader *r = reader_new(c->m, text->pool, true, text->n_ctx, NULL, e);
	bool ok = r != NULL;
	bool gathered = calibration_gathers(c);
	int pos = 0, m;

	calibration_gather(c, true);
	for (size_t at = 0; ok && at < text->n; at += (size_t)m) {
		size_t left = text->n - at;

		m = text->n_ctx - pos < READER_PIECE ? text->n_ctx - pos : READER_PIECE;
		m = left < (size_t)m ? (int)left : m;
		if (text->stop && atomic_load_explicit(text->stop, memory_order_relaxed)) {
			ok = err_set(e, ERR_INTERRUPTED, "%s", "");
			break;
		}
		if (text->progress)
			text->progress(text->to, at, text->n);
		reader_read(r, text->tokens + at, m, pos, &look, NULL);
		pos = pos + m < text->n_ctx ? pos + m : 0;
	}
	calibration_gather(c, gathered);
	reader_free(r);
	return ok;
}

/* The upper triangle, and means instead of sums. */
static void finish_gram(struct input *in)
{
	size_t n = (size_t)in->cols;

	for (size_t r = 0; in->n_gram && r < n; r++)
		for (size_t i = 0; i <= r; i++) {
			in->gram[r * n + i] /= (double)in->n_gram;
			in->gram[i * n + r] = in->gram[r * n + i];
		}
}

static int input_of(const struct calibration *c, const struct tensor *t)
{
	const struct weights *w = &c->m->w;

	for (int l = 0; l < c->m->hp.n_layers; l++) {
		const struct layer_weights *lw = &w->layers[l];
		int base = l * PLACE_HEAD_IN;

		if (t == lw->q || t == lw->k || t == lw->v || t == lw->qkv)
			return base + PLACE_QKV_IN;
		if (t == lw->attn_out)
			return base + PLACE_ATTN_OUT_IN;
		if (t == lw->gate || t == lw->up)
			return base + PLACE_MLP_IN;
		if (t == lw->down)
			return base + PLACE_DOWN_IN;
	}
	return t == w->lm_head ? c->n_inputs - 1 : -1;
}

bool calibration_gram(struct calibration *c, const struct tensor *t, const struct calibration_text *text, struct err *e)
{
	int first = input_of(c, t);
	size_t room = CALIBRATION_GRAM_BYTES;
	bool ok;

	if (first < 0 || c->inputs[first].gram)
		return true;
	for (int i = 0; i < c->n_inputs; i++)
		drop_gram(&c->inputs[i]);
	for (int i = first; i < c->n_inputs; i++) {
		struct input *in = &c->inputs[i];
		size_t n = (size_t)in->cols, bytes = n * n * sizeof *in->gram;

		if (i > first && bytes > room)
			break;
		if (!(in->gram = mem_big(n * n, sizeof *in->gram, "the Gram matrix of an input", e)))
			return false;
		room -= bytes < room ? bytes : room;
	}
	c->grams_only = c->inputs[first].n > 0;
	ok = calibration_read(c, text, e);
	c->grams_only = false;
	for (int i = first; i < c->n_inputs; i++)
		if (c->inputs[i].gram && ok)
			finish_gram(&c->inputs[i]);
		else
			drop_gram(&c->inputs[i]);
	return ok;
}

static void means(const struct input *in, float *out)
{
	for (int i = 0; i < in->cols; i++)
		out[i] = (float)(in->sum[i] / (double)in->n);
}

struct quant_inputs calibration_inputs(const struct calibration *c, const struct tensor *t)
{
	int i = c ? input_of(c, t) : -1;

	if (i < 0 || !c->inputs[i].n)
		return (struct quant_inputs){ .moments = NULL };
	means(&c->inputs[i], c->inputs[i].moments);
	return (struct quant_inputs){ c->inputs[i].moments, c->inputs[i].gram, c->inputs[i].n };
}

uint64_t calibration_copy(struct calibration *c, const struct tensor *t, float *moments)
{
	int i = input_of(c, t);
	uint64_t n;

	if (i < 0)
		return 0;
	pthread_mutex_lock(&c->lock);
	if ((n = c->inputs[i].n))
		means(&c->inputs[i], moments);
	pthread_mutex_unlock(&c->lock);
	return n;
}
