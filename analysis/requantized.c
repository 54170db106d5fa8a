#include "analysis/requantized.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

struct requantized {
	struct model m;
	struct tensor **made;   /* [n_made], each with its own weights */
	size_t n_made;
};

struct requantized *requantized_new(const struct model *m)
{
	struct requantized *r = mem_zalloc(sizeof *r);

	r->m = *m;
	r->m.w.layers = mem_dup(m->w.layers, (size_t)m->hp.n_layers * sizeof *m->w.layers);
	r->made = mem_array(m->dir->n + 1, sizeof(struct tensor *));
	return r;
}

void requantized_free(struct requantized *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_made; i++) {
		mem_big_free((void *)(uintptr_t)r->made[i]->data);
		free(r->made[i]);
	}
	free(r->made);
	free(r->m.w.layers);
	free(r);
}

struct target {
	float *w;
	size_t cols;
};

static void take(void *to, size_t row, size_t n_rows, const float *w)
{
	const struct target *t = to;

	memcpy(t->w + row * t->cols, w, n_rows * t->cols * sizeof *w);
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

bool requantized_put(struct requantized *r, const struct tensor *t, const struct quant_spec *spec,
    const struct quanterr_options *opt, struct quanterr *q, struct err *e)
{
	struct target to = { mem_big(t->rows * t->cols, sizeof(float), "a quantized matrix", e), t->cols };
	struct quanterr_options with = *opt;
	struct quanterr own;
	struct tensor *fresh;

	if (!to.w)
		return false;
	with.take = take;
	with.to = &to;
	if (!quanterr_measure(&own, t, spec, &with, e)) {
		mem_big_free(to.w);
		return false;
	}
	if (q)
		*q = own;
	else
		quanterr_free(&own);
	fresh = mem_dup(t, sizeof *t);
	fresh->type = DTYPE_F32;
	fresh->row_bytes = t->cols * sizeof(float);
	fresh->data = (const unsigned char *)to.w;
	r->made[r->n_made++] = fresh;
	swap(&r->m.w, r->m.hp.n_layers, t, fresh);
	return true;
}

const struct model *requantized_model(const struct requantized *r)
{
	return &r->m;
}
