/*
 * kernels -- the inner loops, one table per instruction set, picked at run time.
 *
 * kernels_ref is plain C and the definition: every other table is tested
 * against it, for every function and every row of dtypes.def.  Sums may be
 * taken in another order than the reference takes them, but always in the same
 * order for the same shape, whatever the thread count or the alignment.
 * CLAMPMETER_KERNELS=ref|avx2|avx512|neon in the environment forces a table
 * that the machine can run.
 */
#ifndef ENGINE_KERNELS_H
#define ENGINE_KERNELS_H

#include "engine/dtype.h"

/* What one row of attention leaves behind besides its probabilities. */
struct softmax_stats {
	float max;              /* largest score */
	float lse;              /* ln sum exp(score), nats */
	float mean;             /* sum p * score: entropy = lse - mean */
	float mean_sq;          /* sum p * (score - lse)^2: varentropy = mean_sq - entropy^2 */
};

struct kernels {
	const char *name;
	bool (*usable)(void);

	/* Dot products of one stored row with m vectors in float: out[j] = w . x_j */
	float (*dot_f32)(const float *a, const float *b, size_t n);
	/* Widen n stored weights (any dtype) to f32; n a multiple of the block. */
	void (*dequantize[N_DTYPES])(const void *src, float *dst, size_t n);

	/* x *= 1/rms * w (RMS), or (x - mean)/std * w + b (layer norm). out may be x. */
	void (*rms_norm)(float *out, const float *x, const float *w, size_t n, float eps);
	void (*layer_norm)(float *out, const float *x, const float *w, const float *b, size_t n, float eps);
	void (*add)(float *x, const float *y, size_t n);                /* x += y */
	double (*sum_sq)(const float *x, size_t n);
	void (*silu_mul)(float *gate, const float *up, size_t n);       /* gate = silu(gate) * up */
	void (*gelu)(float *x, size_t n);                               /* tanh form, as GPT-2 */

	/* p = softmax(s) in place, with what is known about it. */
	void (*softmax)(float *s, size_t n, struct softmax_stats *st);
	/* The same figures without writing probabilities (logits of the LM head). */
	void (*softmax_stats)(const float *s, size_t n, struct softmax_stats *st);

	/* Attention of `g` query heads that share one key head, over positions [0, n).
	 * q: [g][d], already scaled; k, v: row of a position every `stride` floats;
	 * s, p: [g][ld] ; z: [g][d]. */
	void (*attn_scores)(const float *q, int g, int d, const float *k, size_t stride, size_t n, float *s, size_t ld);
	void (*attn_mix)(const float *p, int g, int d, const float *v, size_t stride, size_t n, size_t ld, float *z);
};

/* The table in use; chosen once, at first call. */
const struct kernels *kernels(void);
/* All tables compiled in, for tests and bench; usable() says which can run. */
extern const struct kernels *const kernel_tables[];
extern const size_t n_kernel_tables;

#endif
