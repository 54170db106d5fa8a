/*
 * dtype -- storage formats of weights, one row each in dtypes.def.
 *
 * A row of a tensor is a sequence of blocks: `block` weights in `bytes` bytes.
 * dequantize() is the definition of the format; the fast kernels of kernels.h
 * are tested against it for every row of the table.
 * To add one: dtypes/NAME.c and a line in dtypes.def.
 */
#ifndef ENGINE_DTYPE_H
#define ENGINE_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype {
#define DTYPE(id, name) DTYPE_##name,
#include "engine/dtypes/dtypes.def"
#undef DTYPE
	N_DTYPES
};

struct dtype_def {
	const char *name;       /* as ggml spells it: "Q4_K" */
	const char *doc;        /* one line for inspect and the man page */
	int block, bytes;       /* weights per block, bytes per block */
	bool is_float;          /* F32, F16, BF16: never multiplied with 8-bit activations */
	/* src: n / block blocks, unaligned; dst: [n] f32.  n is a multiple of block. */
	void (*dequantize)(const void *src, float *dst, size_t n);
	/* The inverse, NULL where we do not write the format (yet). */
	void (*quantize)(const float *src, void *dst, size_t n);
};

extern const struct dtype_def *const dtypes[N_DTYPES];

/* The row for a GGUF type number, or -1.  *name is set to the name of a type
 * that exists and is not ours ("IQ2_XXS"), else NULL. */
int dtype_from_gguf(uint32_t id, const char **name);
int dtype_find(const char *name);               /* -1 if there is none; case ignored */
uint32_t dtype_gguf_id(enum dtype t);
/* Bytes of n weights; n must be a multiple of the block. */
size_t dtype_row_bytes(enum dtype t, size_t n);

#endif
