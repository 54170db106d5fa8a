#include "engine/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

/* A row of weights.def with its expressions worked out for one model. */
struct want {
	const char *name;
	size_t rows, cols;
	bool need;
	size_t at;              /* offset of the pointer in struct weights or layer_weights */
};

enum {
#define GLOBAL(field, name, rows, cols, need) GLOBAL_##field,
#define LAYER(field, name, rows, cols, need)
#include "engine/weights.def"
	N_GLOBALS
};

enum {
#define GLOBAL(field, name, rows, cols, need)
#define LAYER(field, name, rows, cols, need) LAYER_##field,
#include "engine/weights.def"
	N_LAYER_WEIGHTS
};

#define QD  (hp->n_heads * hp->d_head)
#define KVD (hp->n_kv_heads * hp->d_head)

static void wanted(const struct hparams *hp, struct want *globals, struct want *layer)
{
	const struct arch *a = hp->arch;

#define GLOBAL(field, name_, rows_, cols_, need_)                                               \
	globals[GLOBAL_##field] = (struct want){ .name = name_, .rows = (size_t)(rows_),        \
	    .cols = (size_t)(cols_), .need = need_, .at = offsetof(struct weights, field) };
#define LAYER(field, name_, rows_, cols_, need_)                                                \
	layer[LAYER_##field] = (struct want){ .name = name_, .rows = (size_t)(rows_),           \
	    .cols = (size_t)(cols_), .need = need_, .at = offsetof(struct layer_weights, field) };
#include "engine/weights.def"
}

/* The pointer fields are addressed by offset, so the table needs no switch. */
static void set_field(void *base, size_t at, const struct tensor *t)
{
	memcpy((char *)base + at, &t, sizeof t);
}

static const struct tensor *field(const void *base, size_t at)
{
	const struct tensor *t;

	memcpy(&t, (const char *)base + at, sizeof t);
	return t;
}

static bool check(const struct tensor *t, const struct want *w, struct err *e)
{
	char found[96];
	bool flat = t->ne[2] == 1 && t->ne[3] == 1;

	if (!flat || t->cols != w->cols || t->rows != w->rows) {
		tensor_shape_text(t, found, sizeof found);
		if (w->rows == 1)
			return err_set(e, ERR_FILE, "tensor %s is %s, expected [%zu]", t->name, found, w->cols);
		return err_set(e, ERR_FILE, "tensor %s is %s, expected [%zu, %zu]", t->name, found, w->cols, w->rows);
	}
	/* Norms and biases are added to f32 values as they lie. */
	if (w->rows == 1 && t->type != DTYPE_F32)
		return err_set(e, ERR_UNSUPPORTED, "tensor %s is of type %s; vectors must be F32", t->name, dtypes[t->type]->name);
	return true;
}

static const struct want *find(const struct want *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

/* "blk.12.attn_q.weight": the rest of the name, and 12 (any number above the
 * largest layer is as good as another).  NULL if it is no name of a layer. */
static const char *layer_name(const char *name, int *l)
{
	const char *p = name + 4;

	if (strncmp(name, "blk.", 4) || *p < '0' || *p > '9')
		return NULL;
	for (*l = 0; *p >= '0' && *p <= '9'; p++)
		if (*l < 1 << 24)
			*l = *l * 10 + (*p - '0');
	return *p == '.' ? p + 1 : NULL;
}

/* Tensors that no row names are left alone: files carry extras. */
static bool bind_one(struct weights *w, const struct tensor *t, const struct hparams *hp,
    const struct want *globals, const struct want *layer, struct err *e)
{
	const struct want *row;
	const char *rest;
	int l;

	if (!(rest = layer_name(t->name, &l))) {
		row = find(globals, N_GLOBALS, t->name);
		if (!row)
			return true;
		set_field(w, row->at, t);
		return check(t, row, e);
	}
	if (l >= hp->n_layers)
		return err_set(e, ERR_FILE, "tensor %s belongs to layer %d, expected layers 0 to %d", t->name, l, hp->n_layers - 1);
	row = find(layer, N_LAYER_WEIGHTS, rest);
	if (!row)
		return true;
	/* blk.3 and blk.03 are two names for one place. */
	if (field(&w->layers[l], row->at))
		return err_set(e, ERR_FILE, "tensor %s is there twice (layer %d)", t->name, l);
	set_field(&w->layers[l], row->at, t);
	return check(t, row, e);
}

static bool check_present(const struct weights *w, int n_layers, const struct want *globals,
    const struct want *layer, struct err *e)
{
	for (int i = 0; i < N_GLOBALS; i++)
		if (globals[i].need && !field(w, globals[i].at))
			return err_set(e, ERR_FILE, "tensor %s is missing", globals[i].name);
	for (int l = 0; l < n_layers; l++)
		for (int i = 0; i < N_LAYER_WEIGHTS; i++)
			if (layer[i].need && !field(&w->layers[l], layer[i].at))
				return err_set(e, ERR_FILE, "tensor blk.%d.%s is missing (block_count is %d)", l, layer[i].name, n_layers);
	return true;
}

bool weights_bind(struct weights *w, const struct tensor_dir *dir, const struct hparams *hp, struct err *e)
{
	struct want globals[N_GLOBALS], layer[N_LAYER_WEIGHTS];

	*w = (struct weights){ .layers = mem_array((size_t)hp->n_layers, sizeof *w->layers) };
	wanted(hp, globals, layer);
	for (size_t i = 0; i < dir->n; i++)
		if (!bind_one(w, &dir->t[i], hp, globals, layer, e))
			return false;
	if (!check_present(w, hp->n_layers, globals, layer, e))
		return false;
	w->tied_head = !w->lm_head;
	if (w->tied_head)
		w->lm_head = w->tok_embd;
	return true;
}

void weights_free(struct weights *w)
{
	free(w->layers);
	*w = (struct weights){ .layers = NULL };
}

const struct weight_def weight_defs[N_WEIGHTS] = {
#define GLOBAL(f, n, rows, cols, need) [WEIGHT_##f] = { .field = #f, .name = n, .layered = false },
#define LAYER(f, n, rows, cols, need)  [WEIGHT_##f] = { .field = #f, .name = n, .layered = true },
#include "engine/weights.def"
};

const struct tensor *weights_get(const struct weights *w, int layer, enum weight which)
{
	switch (which) {
#define GLOBAL(f, n, rows, cols, need)                                                           \
	case WEIGHT_##f:                                                                        \
		return w->f;
#define LAYER(f, n, rows, cols, need)                                                            \
	case WEIGHT_##f:                                                                        \
		return w->layers[layer].f;
#include "engine/weights.def"
	case N_WEIGHTS:
	case WEIGHT_ALL:
		break;
	}
	return NULL;
}
