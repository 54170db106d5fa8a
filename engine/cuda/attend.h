/*
 * attend -- grouped-query attention over the cache, in one pass over the keys.
 *
 * A block takes up to 16 rows (queries times heads that share a key head) and a
 * stretch of the keys, 64 at a time: scores, a running maximum, sums of e =
 * exp(s - max), e (s - max) and e (s - max)^2 for every row, and the mix of
 * values, all rescaled when the maximum moves (Milakov and Gimelshein 2018; Dao
 * et al. 2022).  Entropy and the share of the first key fall out of the sums.
 * With few queries the keys are cut into `splits`, put together in a fixed order
 * by a second kernel.
 *
 * Limits   d_head a multiple of 4, at most 256
 */
#ifndef ENGINE_CUDA_ATTEND_H
#define ENGINE_CUDA_ATTEND_H

#include "engine/cuda/dev.h"
#include "engine/cuda/gemv.h"
#include "engine/cuda/gpu.h"

enum { ATTEND_KEYS = 64, ATTEND_ROWS = 16, ATTEND_HEAD = 256 };

/* What a stretch of keys leaves of one row. */
struct attend_part {
	float max, sum, first_moment, second_moment;
	float score0;           /* of key 0, where the stretch has it */
};

struct attend {
	const struct ctrl *c;
	const float *q;         /* [m][n_heads][d], turned and scaled */
	const float *k, *v;     /* of the layer: [n_ctx][row] */
	size_t row;
	int n_heads, n_kv_heads, d;
	float *z;               /* [m][n_heads][d] */
	struct gpu_head *heads; /* [m][n_heads] */
	/* Room for attend_room() bytes; not read when the keys are not cut. */
	float *part_z;          /* [m * n_heads][splits][d] */
	struct attend_part *part;       /* [m * n_heads][splits] */
	int splits;
	/* Filled in by attend_run(): heads and queries of a block, blocks of a key head. */
	int per_block, queries, parts;
};

/* m: positions of the pass (the grid), as in a->c. */
void attend_run(struct dev *d, const struct attend *a, int m);
/* Stretches that fill a device of so many multiprocessors when one token is read. */
int attend_splits(int units, int n_heads, int n_kv_heads);

/* The whole row of every head for the first position of a pass, after
 * RoPE: out[n_heads][n_keys]. */
void attend_rows(struct dev *d, const struct attend *a, float *out, int n_keys);

#endif
