/*
 * matmul -- Y = X W^T for stored weights: the one door to all big products.
 *
 * Two ways through.  The integer way: the vectors of X are rounded once to 8
 * bits in blocks of 32 (`acts`), and quantized weights are multiplied as they
 * are stored.  The float way, for F32/F16/BF16 weights and for everything under
 * `exact`: weights are widened to f32 and nothing is rounded.  Few vectors are
 * served row by row (decode), many by tiles (prefill): a tile of rows is taken
 * apart once, into panels of 8 bits or f32, and multiplied with all vectors from
 * there; no second copy of the weights stays.  Tiles have fixed sizes, so the
 * number of threads cannot change a bit.  No BLAS is needed: on the machine of
 * tests/bench/RESULTS.md the f32 tiles do 96 Gop/s of 118, OpenBLAS 85.
 *
 * Shapes   X: [m][n], Y: [m][rows], W: rows x n
 * Threads  called from the engine thread; the pool's workers run inside
 */
#ifndef ENGINE_MATMUL_H
#define ENGINE_MATMUL_H

#include "engine/base/pool.h"
#include "engine/tensor.h"

/* The right-hand side, made once and used by every product on the same input. */
struct acts {
	const float *x;         /* [m][stride_x], borrowed */
	size_t stride_x;
	int m, n;
	bool exact;             /* stay in float whatever the weights are */
	bool ready;             /* q, d and sums hold the 8-bit form of x */
	int8_t *q;              /* [m][n_pad] */
	float *d;               /* [m][n_blocks]: x is about q * d */
	int32_t *sums;          /* per vector: sums of groups of q, layout private to matmul */
	float *apart;           /* [m][a stride of matmul's]: a copy of x when its own stride is a bad one */
	bool is_apart;
	size_t room_m, room_n;
};

bool acts_new(struct acts *a, int max_m, int max_n, struct err *e) MUST_CHECK;
void acts_free(struct acts *a);
/* Points at new values (X is read until the next acts_set); the 8-bit form is
 * made on first need, in parallel when m is large. */
void acts_set(struct acts *a, const float *x, size_t stride_x, int m, int n);

struct product {
	const struct tensor *w;
	const float *bias;      /* [rows] or NULL */
	float *y;               /* [m][stride_y] */
	size_t stride_y;
};

/* Several products on one input in one parallel region (q, k, v; gate and up). */
struct matmul;
struct matmul *matmul_new(struct pool *p, bool exact, struct err *e) MUST_CHECK;
void matmul_free(struct matmul *mm);
struct pool *matmul_pool(const struct matmul *mm);
void matmul_run(struct matmul *mm, struct acts *a, const struct product *products, int n_products);

/* For -V, bench and session headers: "avx512"; "own sgemm". */
const char *matmul_kernels(void);
const char *matmul_blas(void);

#endif
