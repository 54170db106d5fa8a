#include "analysis/requantized.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

enum { ROWS = 16 };               /* that a worker writes at a time */

struct requantized {
	struct model m;
	const struct tensor **now;      /* [tensors of the file] what stands in their places */
	struct tensor **made;           /* [n_made], owned */
	size_t n_made;
};

struct requantized *requantized_new(const struct model *m)
{
	struct requantized *r = mem_zalloc(sizeof *r);

	r->m = *m;
	r->m.w.layers = mem_dup(m->w.layers, (size_t)m->hp.n_layers * sizeof *m->w.layers);
	r->made = mem_array(m->dir->n + 1, sizeof(struct tensor *));
	r->now = mem_array(m->dir->n + 1, sizeof(struct tensor *));
	for (size_t i = 0; i < m->dir->n; i++)
		r->now[i] = &m->dir->t[i];
	return r;
}

void requantized_unmake(struct tensor *made)
{
	if (!made)
		return;
	mem_big_free((void *)(uintptr_t)made->data);
	free(made);
}

void requantized_free(struct requantized *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_made; i++)
		requantized_unmake(r->made[i]);
	free(r->made);
	free(r->now);
	free(r->m.w.layers);
	free(r);
}

static bool is_stored(const struct quant_spec *spec, const struct tensor *t)
{
	return !strcmp(spec->def->name, "gguf") && !spec->hadamard && dtypes[spec->type]->quantize &&
	    t->cols % (size_t)dtypes[spec->type]->block == 0;
}

size_t requantized_bytes(const struct tensor *t, const struct quant_spec *spec)
{
	return t->rows * (is_stored(spec, t) ? dtype_row_bytes(spec->type, t->cols) : t->cols * sizeof(float));
}

/* Receives the rows that a method gives back. */
static void take(void *to, size_t row, size_t n_rows, const float *w)
{
	struct tensor *made = to;

	memcpy((unsigned char *)(uintptr_t)made->data + row * made->row_bytes, w, n_rows * made->row_bytes);
}

struct writing {
	const struct tensor *t;
	struct tensor *made;
	float *rows;            /* [workers][cols] */
};

/* A type is written from the original: what was read back and written again need
 * not be the same. */
static void write_rows(void *job, int task, int worker)
{
	const struct writing *j = job;
	size_t first = (size_t)task * ROWS, cols = j->t->cols;
	float *w = j->rows + (size_t)worker * cols;

	for (size_t r = first; r < first + ROWS && r < j->t->rows; r++) {
		tensor_row_f32(j->t, r, w);
		dtypes[j->made->type]->quantize(w, (unsigned char *)(uintptr_t)j->made->data + r * j->made->row_bytes, cols);
	}
}

static void write_all(const struct tensor *t, struct tensor *made, struct pool *pool)
{
	int tasks = (int)((t->rows + ROWS - 1) / ROWS);
	struct writing j = { t, made, mem_array((size_t)(pool ? pool_size(pool) : 1) * t->cols, sizeof(float)) };

	if (pool)
		pool_run(pool, write_rows, &j, tasks);
	else
		for (int i = 0; i < tasks; i++)
			write_rows(&j, i, 0);
	free(j.rows);
}

/* Wherever the model names the old matrix it names the new one. */
static void swap(struct weights *w, int n_layers, const struct tensor *old, const struct tensor *fresh)
{
#define GLOBAL(field, name, rows, cols, need)                                                         \
	if (w->field == old)                                                                          \
		w->field = fresh;
#define LAYER(field, name, rows, cols, need)
#include "engine/weights.def"
	for (int l = 0; l < n_layers; l++) {
#define GLOBAL(field, name, rows, cols, need)
#define LAYER(field, name, rows, cols, need)                                                          \
		if (w->layers[l].field == old)                                                        \
			w->layers[l].field = fresh;
#include "engine/weights.def"
	}
}

void requantized_use(struct requantized *r, const struct tensor *t, const struct tensor *instead)
{
	size_t i = (size_t)(t - r->m.dir->t);

	swap(&r->m.w, r->m.hp.n_layers, r->now[i], instead);
	r->now[i] = instead;
}

struct tensor *requantized_make(const struct tensor *t, const struct quant_spec *spec,
    const struct quanterr_options *opt, struct quanterr *q, struct err *e)
{
	unsigned char *data = mem_big(requantized_bytes(t, spec), 1, "a quantized matrix", e);
	struct tensor *made = mem_dup(t, sizeof *t);
	bool stored = is_stored(spec, t), ok = data != NULL;
	struct quanterr_options with = *opt;
	struct quanterr own;

	made->type = stored ? spec->type : DTYPE_F32;
	made->row_bytes = dtype_row_bytes(made->type, t->cols);
	made->data = data;
	if (ok && stored)
		write_all(t, made, opt->pool);
	with.take = stored ? NULL : take;
	with.to = made;
	if (ok && (q || !stored) && (ok = quanterr_measure(&own, t, spec, &with, e))) {
		if (q)
			*q = own;
		else
			quanterr_free(&own);
	}
	if (ok)
		return made;
	requantized_unmake(made);
	return NULL;
}

bool requantized_put(struct requantized *r, const struct tensor *t, const struct quant_spec *spec,
    const struct quanterr_options *opt, struct quanterr *q, struct err *e)
{
	struct tensor *made = requantized_make(t, spec, opt, q, e);

	if (!made)
		return false;
	r->made[r->n_made++] = made;
	requantized_use(r, t, made);
	return true;
}

const struct model *requantized_model(const struct requantized *r)
{
	return &r->m;
}
