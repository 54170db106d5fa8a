/*
 * kernels -- the inner loops, one table per instruction set, picked at run time.
 *
 * kernels_ref is plain C and the definition: every other table is tested
 * against it, for every function and every row of dtypes.def.  Sums may be
 * taken in another order than the reference takes them, but always in the same
 * order for the same shape, whatever the thread count or the alignment.
 * CLAMPMETER_KERNELS=ref|avx2|avx512|amx|neon|neondot in the environment forces a table
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

/*
 * Vectors in 8 bits: blocks of 32 with one scale, x is about d * q, d = amax / 127.
 * Rows of q, d and sums are n_pad, n_pad / 32 and n_pad / 16 apart; n_pad is a
 * multiple of ACT_PAD and what lies between n and n_pad is zero.  A block that is
 * not finite throughout gets the scale NaN (and spoils what it is multiplied
 * with, as it should); one below ACT_LEAST is zero.
 */
#define ACT_LEAST 0x1p-110f
enum { ACT_BLOCK = 32, ACT_GROUP = 16, ACT_PAD = 256 };
struct acts8 {
	int8_t *q;
	float *d;
	int32_t *sums;          /* of 16 q each: what zero points and minimums need */
	size_t n_pad;
};

/* A tile of at most PANEL_ROWS stored rows made ready for many vectors, PANEL_K
 * columns at a time (PANEL_K_F32 in float).  Its layout is between the fill and
 * the mul of one table. */
enum { PANEL_ROWS = 32, PANEL_K = 1024, PANEL_K_F32 = 512, PANEL_BYTES = 64 << 10 };

/* The panel that row r of a stack of panels is in. */
static inline const void *panel_of(const void *panels, size_t r)
{
	return (const unsigned char *)panels + r / PANEL_ROWS * PANEL_BYTES;
}

/* Stored rows one after another, `row_bytes` apart, unaligned. */
struct rows {
	const unsigned char *data;
	size_t row_bytes;
	size_t n_rows;
};

struct kernels {
	const char *name;
	bool (*usable)(void);

	float (*dot_f32)(const float *a, const float *b, size_t n);
	/* Widen n stored weights (any dtype) to f32; n a multiple of the block. */
	void (*dequantize[N_DTYPES])(const void *src, float *dst, size_t n);

	/* The 8-bit form of x: writes n / 32 blocks (n a multiple of 32).  Nearest, ties
	 * to even; the same bits in every table. */
	void (*round_acts)(const float *x, size_t n, int8_t *q, float *d, int32_t *sums);
	/* y[r] = W[r] . x for every row, straight from the file's layout.  The first is
	 * for quantized types and one 8-bit vector, the second for float types. */
	void (*gemv_int[N_DTYPES])(struct rows w, size_t n, const struct acts8 *a, float *y);
	void (*gemv_float[N_DTYPES])(struct rows w, size_t n, const float *x, float *y);

	/* Columns [k0, k0 + kn) of w.n_rows <= PANEL_ROWS rows, k0 a multiple of PANEL_K,
	 * kn <= PANEL_K, into a panel; then y[j][r] (+)= W[r] . x_j for j < m over
	 * those columns, for the n_rows rows of one panel or several, one behind the
	 * other: the vectors are read once for all of them.  `first` overwrites y instead of adding to it. */
	void (*fill_int[N_DTYPES])(struct rows w, size_t k0, size_t kn, void *panel);
	void (*mul_int[N_DTYPES])(const void *panel, size_t n_rows, size_t k0, size_t kn, const struct acts8 *a,
	    size_t m, float *y, size_t stride_y, bool first);
	/* The same with f32 rows (unaligned) and f32 vectors; kn <= PANEL_K_F32. */
	void (*fill_f32)(struct rows w, size_t kn, void *panel);
	void (*mul_f32)(const void *panel, size_t n_rows, size_t kn, const float *x, size_t stride_x, size_t m,
	    float *y, size_t stride_y, bool first);

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
