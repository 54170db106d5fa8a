/*
 * gemv -- products with one vector, from the weights as they are stored.
 *
 * A warp takes two rows at a time, a thread a unit of 16 bytes of quants (or of
 * floats) of each; activations stay in f32 and sums are f32 FMAs, four partial
 * ones a row.  The vector lies in shared memory, normalised on the way in when
 * the product follows a norm.  Several matrices on one vector go in one launch
 * (q, k, v; gate and up) when their types agree.
 *
 * Cost     one read of the weights: at 4.3 TB/s an 8B model in Q4_0 has 1.09 ms a
 *          token; about 3.4 instructions a weight, so that arithmetic would allow
 *          1.0 ms on 132 multiprocessors.  What it takes is to be measured.
 */
#ifndef ENGINE_CUDA_GEMV_H
#define ENGINE_CUDA_GEMV_H

#include "engine/cuda/dev.h"
#include "engine/cuda/weights.h"

enum norm { NO_NORM, NORM_BY_RMS, NORM_BY_LAYER };

/* What a pass is about, in device memory, so that a recorded one can be run again. */
struct ctrl {
	int32_t pos0, m, n_prompt, spare;
};

struct gemv_part {
	struct weights w;
	const float *bias;      /* [rows] or NULL */
	float *y;               /* [rows] */
	size_t y_pos;           /* y moves by this many floats a position (the cache) */
};

struct gemv {
	const struct ctrl *c;
	const float *x;         /* [cols] */
	size_t cols;
	enum norm norm;
	const float *norm_w, *norm_b;
	float eps;
	int n_parts;
	struct gemv_part part[3];
	/* Of the first part, unless NULL: sum[r] = add[r] + y[r]. */
	const float *add;
	float *sum;
	/* Filled in by gemv_run(): */
	size_t rows, tile;
};

/* All parts have the type of the first and `cols` columns. */
void gemv_run(struct dev *d, const struct gemv *g, int units, size_t shared);

#endif
