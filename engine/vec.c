#include "engine/vec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/safetensors.h"

#define MAGIC "vector 1"

struct vec *vec_new(const char *name, const char *operation, const struct address *at, float scale, int n,
    const float *v)
{
	struct vec *x = mem_zalloc(sizeof *x + (size_t)n * sizeof *x->v);
	double sum = 0;

	atomic_init(&x->refs, 1);
	x->name = mem_strdup(name);
	snprintf(x->operation, sizeof x->operation, "%s", operation);
	x->at = *at;
	x->scale = scale;
	x->n = n;
	for (int i = 0; i < n; i++) {
		x->v[i] = v[i];
		sum += (double)v[i] * (double)v[i];
	}
	x->norm = (float)sqrt(sum);
	return x;
}

static atomic_int *refs(const struct vec *v)
{
	return &((struct vec *)(uintptr_t)v)->refs;
}

const struct vec *vec_ref(const struct vec *v)
{
	atomic_fetch_add_explicit(refs(v), 1, memory_order_relaxed);
	return v;
}

void vec_unref(const struct vec *v)
{
	if (v && atomic_fetch_sub_explicit(refs(v), 1, memory_order_acq_rel) == 1) {
		free(v->name);
		free((void *)(uintptr_t)v);
	}
}

/* A whole number of the header that must be the model's. */
static bool check_count(const struct safetensors *s, const char *path, const char *key, int expected, struct err *e)
{
	const char *text = safetensors_meta(s, key);

	if (!text)
		return err_set(e, ERR_FILE, "%.200s: its header does not say %s", path, key);
	if (strtol(text, NULL, 10) != expected)
		return err_set(e, ERR_FILE, "%.200s: made for a model with %s %.20s; this one has %d", path, key, text,
		    expected);
	return true;
}

static const struct vec *read_vec(const struct safetensors *s, const char *path, const struct hparams *hp,
    struct err *e)
{
	const char *magic = safetensors_meta(s, "clampmeter"), *op = safetensors_meta(s, "operation");
	const char *site = safetensors_meta(s, "site"), *scale = safetensors_meta(s, "scale");
	const struct st_entry *t = safetensors_find(s, "vector");
	struct address at;
	char *end = NULL;

	if (!magic || strcmp(magic, MAGIC) || !op || !site || !scale || !t) {
		err_set(e, ERR_FILE, "%.200s: not a clampmeter vector: wants a tensor `vector' and the metadata clampmeter "
		    "= \"" MAGIC "\", operation, site, scale, d_model, n_layers", path);
		return NULL;
	}
	if (strcmp(op, "add") && strcmp(op, "project")) {
		err_set(e, ERR_FILE, "%.200s: operation is \"%.20s\", expected add or project", path, op);
		return NULL;
	}
	if (!check_count(s, path, "d_model", hp->d_model, e) || !check_count(s, path, "n_layers", hp->n_layers, e))
		return NULL;
	if (!address_parse(&site, hp, &at, e) || *site || at.index >= 0) {
		if (!e->code)
			err_set(e, ERR_FILE, "site \"%.40s\" is not a whole vector", safetensors_meta(s, "site"));
		err_wrap(e, "%.150s", path);
		e->code = ERR_FILE;
		return NULL;
	}
	int width = at.head >= 0 ? hp->d_head : site_width(at.site, hp);
	float factor = strtof(scale, &end);
	if (end == scale || *end || !isfinite(factor)) {
		err_set(e, ERR_FILE, "%.200s: scale is \"%.20s\", expected a number", path, scale);
		return NULL;
	}
	if (t->n != (size_t)width) {
		err_set(e, ERR_FILE, "%.200s: vector has %zu values, %s has %d", path, t->n, safetensors_meta(s, "site"), width);
		return NULL;
	}
	float *v = mem_array(t->n, sizeof *v);
	struct vec *x = safetensors_floats(t, v, e) ? vec_new(path, op, &at, factor, width, v) : NULL;
	free(v);
	if (x && !isfinite(x->norm)) {
		err_set(e, ERR_FILE, "%.200s: vector holds a value that is not finite", path);
		vec_unref(x);
		return NULL;
	}
	return x;
}

const struct vec *vec_open(const char *path, const struct hparams *hp, struct err *e)
{
	struct safetensors *s = safetensors_open(path, e);
	const struct vec *v = s ? read_vec(s, path, hp, e) : NULL;

	safetensors_close(s);
	return v;
}

bool vec_write(const struct vec *v, const char *path, const struct hparams *hp, const char *model_name, struct err *e)
{
	char at[ADDRESS_TEXT], scale[32], d_model[16], n_layers[16];
	struct st_entry t = { .name = "vector", .type = ST_F32, .n_dims = 1, .dim = { v->n }, .n = (size_t)v->n,
	    .data = v->v };

	snprintf(scale, sizeof scale, "%.9g", (double)v->scale);
	snprintf(d_model, sizeof d_model, "%d", hp->d_model);
	snprintf(n_layers, sizeof n_layers, "%d", hp->n_layers);
	const struct st_meta meta[] = {
		{ "clampmeter", MAGIC }, { "operation", v->operation }, { "site", address_format(&v->at, at) },
		{ "scale", scale }, { "model", model_name ? model_name : "" }, { "d_model", d_model },
		{ "n_layers", n_layers },
	};

	return safetensors_write(path, meta, sizeof meta / sizeof *meta, &t, 1, e);
}
