/*
 * vec -- a vector that is written into the forward pass: steering vectors from
 * files, values copied from another step.
 *
 * A file says by itself what it is for; a vector without such a header is
 * refused, because one applied with the wrong operation or at the wrong place
 * fails silently.  Format: safetensors with one float tensor `vector` and the
 * metadata
 *
 *      clampmeter  "vector 1"
 *      operation   "add" or "project"
 *      site        an address of a whole vector: "L6.resid"
 *      scale       a number, multiplied with what the user types
 *      model       general.name of the model it was made on (information)
 *      d_model     width of its residual stream (checked), n_layers (checked)
 *
 * Owns     counted and immutable
 */
#ifndef ENGINE_VEC_H
#define ENGINE_VEC_H

#include <stdatomic.h>

#include "engine/site.h"

struct vec {
	atomic_int refs;
	char *name;             /* file or where it was copied from, for the edits pane */
	char operation[16];
	struct address at;
	float scale;
	int n;
	float norm;             /* L2 */
	float v[];
};

struct vec *vec_new(const char *name, const char *operation, const struct address *at, float scale, int n,
    const float *v);
const struct vec *vec_ref(const struct vec *v);
void vec_unref(const struct vec *v);

/* Refused with ERR_FILE: no header, another width or number of layers, a site
 * this model does not have, values that are not finite. */
const struct vec *vec_open(const char *path, const struct hparams *hp, struct err *e) MUST_CHECK;
bool vec_write(const struct vec *v, const char *path, const struct hparams *hp, const char *model_name,
    struct err *e) MUST_CHECK;

#endif
