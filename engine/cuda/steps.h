/*
 * steps -- the short kernels between the products: embedding, norms, RoPE,
 * activations, edits, what the probes read, and the shapes products want their
 * input in.
 *
 * Shapes   x: [m][width], rows one behind the other, f32; m is the grid, pos0 is
 *          read from the pass's ctrl
 */
#ifndef ENGINE_CUDA_STEPS_H
#define ENGINE_CUDA_STEPS_H

#include "engine/cuda/dev.h"
#include "engine/cuda/gemv.h"
#include "engine/cuda/gpu.h"

/* x[j] (+)= row ids[j] of w, or row pos0 + j when ids is NULL. */
void step_embed(struct dev *d, const struct ctrl *c, const struct weights *w, const int32_t *ids, float *x, bool add, int m);

void step_norm(struct dev *d, enum norm kind, const float *x, const float *w, const float *b, float eps, float *out,
    int width, int m);

struct rope_step {
	const struct ctrl *c;
	float *q, *k;           /* q: [m][n_heads][d]; k: the layer's cache */
	size_t row;             /* of the cache */
	int n_heads, n_kv_heads, d;
	int half, kind;         /* n_rot / 2; enum rope_kind */
	const float *cos, *sin; /* [n_ctx][half] */
	const float *temp;      /* [m][n_heads] or NULL */
	float scale;            /* of the queries, behind the turn */
};
void step_rope(struct dev *d, const struct rope_step *r, int m);
void step_ones(struct dev *d, float *x, size_t n);

/* mlp = silu(gate) * up, or gelu(up) when gate is NULL. */
void step_activate(struct dev *d, const float *gate, const float *up, float *mlp, int width, int m);
/* out = x + y, n values; out may be x. */
void step_add(struct dev *d, const float *x, const float *y, float *out, size_t n);

struct edit_step {
	const struct ctrl *c;
	const struct gpu_edit *edits;   /* [n] */
	int n;
	const float *vecs;
	int site, layer, row0;          /* row0: position of the pass that x begins with */
	float *x;
	int width;
	struct gpu_receipt *receipts;   /* [n][n_layers + 1][m] */
	int n_layers;
};
void step_edit(struct dev *d, const struct edit_step *e, int m);

struct watch_step {
	const float *attn_out, *mlp_out, *resid;        /* [n_layers of the grid][m][d_model] */
	const float *mlp;                               /* [...][m][d_ff] */
	const float *norm;                              /* [...][d_ff] lengths of columns */
	int d_model, d_ff;
	struct gpu_watch *out;                          /* [...][m] */
};
void step_watch(struct dev *d, const struct watch_step *w, int n_layers, int m);

/* Statistics of m rows of n logits; part has room for m * STATS_PARTS. */
enum { STATS_PARTS = 64 };
struct stats_part {
	double sum, first_moment, second_moment;
	float max;
};
void step_stats(struct dev *d, const float *x, int n, struct stats_part *part, struct softmax_stats *out, int m);

/* x in f16 over one power of two a row, scale[m]: what rounding leaves, in f16 again,
 * stands behind it.  out: [2][m][width] halves. */
void step_round(struct dev *d, const float *x, int width, uint16_t *out, float *scale, int m);
/* y = y * scale[j] + bias; either may be NULL.  Rows of y are `stride` apart. */
void step_finish(struct dev *d, float *y, size_t stride, const float *scale, const float *bias, int width, int m);
/* Rows [row0, row0 + n) of w as f32, as f16, or what rounding to f16 leaves of them
 * times WIDEN_LIFT in f16. */
enum widened { WIDEN_F32, WIDEN_F16, WIDEN_REST };
#define WIDEN_LIFT 2048.0f
void step_widen(struct dev *d, const struct weights *w, size_t row0, size_t n, enum widened kind, void *out);
/* sum[c] += squares of column c over n rows of an f32 tile; then its root. */
void step_columns(struct dev *d, const float *tile, size_t n, int width, float *sum, bool root);

/* n values spread over [-1, 1), for measuring. */
void step_noise(struct dev *d, float *x, size_t n);

#endif
