/*
 * tensor -- a named matrix in its stored form: a view that owns nothing.
 *
 * GGUF order: ne[0] is contiguous.  As a matrix W it is [rows][cols] with
 * cols = ne[0] and rows the product of the rest, and y = W x.
 *
 * Shapes   data: rows x row_bytes bytes, possibly unaligned
 * Owns     nothing; the mapping belongs to the file reader
 */
#ifndef ENGINE_TENSOR_H
#define ENGINE_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/dtype.h"

enum { TENSOR_MAX_DIMS = 4 };

struct tensor {
	const char *name;
	enum dtype type;
	int n_dims;
	int64_t ne[TENSOR_MAX_DIMS];    /* unused dimensions are 1 */
	size_t rows, cols, row_bytes;
	const unsigned char *data;
};

/* All tensors of a file, in the order of the file. */
struct tensor_dir {
	struct tensor *t;
	size_t n;
};

const struct tensor *tensor_find(const struct tensor_dir *dir, const char *name);
const void *tensor_row(const struct tensor *t, size_t row);
/* Row `row` as f32: out[cols]. */
void tensor_row_f32(const struct tensor *t, size_t row, float *out);
size_t tensor_bytes(const struct tensor *t);
/* "[576, 1536]", in the order of the file. */
const char *tensor_shape_text(const struct tensor *t, char *out, size_t room);

#endif
