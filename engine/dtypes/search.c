#include "engine/dtypes/search.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

/*
 * The trials of a group stand side by side, and each value goes to all of them at
 * once: no sum is ever folded, so the bits are the same however wide the vectors
 * are.  Those beyond the last trial repeat it.
 */
enum { MOST = 32, LANES = 8, TRIALS = 24, AFFINE = 21, SYMMETRIC = 19 };

/* What is being tried, for one group. */
struct group {
	int n;
	float x[MOST], w[MOST], wx[MOST];       /* values, their weights, both multiplied */
	float sw, swx;                          /* sums of w and wx */
	float lo, hi;                           /* levels */
	float inverse[TRIALS];
	float wq[TRIALS], wqq[TRIALS], wqx[TRIALS];     /* sums of weight w, level q and value x */
	float scale[TRIALS], min[TRIALS], loss[TRIALS];
};

/* Rounds to nearest, ties to even, in plain float adds that a compiler can
 * vectorize; good below 2^22. */
INLINE float nearest(float x)
{
	return (x + 0x1.8p23f) - 0x1.8p23f;
}

INLINE float within(float x, float lo, float hi)
{
	x = x > lo ? x : lo;
	return x < hi ? x : hi;
}

float search_inverse(float x)
{
	float inv = 1 / x;

	return isfinite(inv) && isfinite(x) ? inv : 0;
}

int search_level(float x, int lo, int hi)
{
	return (int)nearest(within(x, (float)lo, (float)hi));
}

void search_levels(const float *x, int n, float base, float inverse, int lo, int hi, unsigned char *q)
{
	for (int i = 0; i < n; i++)
		q[i] = (unsigned char)((int)nearest(within((x[i] - base) * inverse, (float)lo, (float)hi)) - lo);
}

float search_largest(const float *x, int n)
{
	float top = 0;

	for (int i = 0; i < n; i++)
		top = x[i] > top && isfinite(x[i]) ? x[i] : top;
	return top;
}

float search_step(const float *scale, int n, int levels)
{
	float at = 0;

	for (int i = 0; i < n; i++)
		at = fabsf(scale[i]) > fabsf(at) && isfinite(scale[i]) ? scale[i] : at;
	return -at / (float)levels;
}

/* The sums of LANES trials from t on. */
typedef void round_fn(struct group *g, int t);

INLINE void round_any(struct group *g, int t)
{
	for (int k = t; k < t + LANES; k++)
		g->wq[k] = g->wqq[k] = g->wqx[k] = 0;
	for (int i = 0; i < g->n; i++)
		for (int k = t; k < t + LANES; k++) {
			float q = nearest(within(g->x[i] * g->inverse[k], g->lo, g->hi)), a = g->w[i] * q;

			g->wq[k] += a;
			g->wqq[k] += a * q;
			g->wqx[k] += g->wx[i] * q;
		}
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))

/* The same operations in the same order, so the same bits. */
AVX2 static inline void round_avx2(struct group *g, int t)
{
	__m256 wq = _mm256_setzero_ps(), wqq = wq, wqx = wq, inv = _mm256_loadu_ps(g->inverse + t);
	__m256 lo = _mm256_set1_ps(g->lo), hi = _mm256_set1_ps(g->hi), even = _mm256_set1_ps(0x1.8p23f);

	for (int i = 0; i < g->n; i++) {
		__m256 q = _mm256_mul_ps(_mm256_set1_ps(g->x[i]), inv), a;

		q = _mm256_min_ps(_mm256_max_ps(q, lo), hi);
		q = _mm256_sub_ps(_mm256_add_ps(q, even), even);
		a = _mm256_mul_ps(_mm256_set1_ps(g->w[i]), q);
		wq = _mm256_add_ps(wq, a);
		wqq = _mm256_add_ps(wqq, _mm256_mul_ps(a, q));
		wqx = _mm256_add_ps(wqx, _mm256_mul_ps(_mm256_set1_ps(g->wx[i]), q));
	}
	_mm256_storeu_ps(g->wq + t, wq);
	_mm256_storeu_ps(g->wqq + t, wqq);
	_mm256_storeu_ps(g->wqx + t, wqx);
}
#endif

/*
 * With s = sums of w, q, x: minimise sum w (scale q - min - x)^2.
 *     scale = (W Sqx - Sx Sq) / (W Sqq - Sq^2), min = (scale Sq - Sx) / W
 * and with min held at 0 when it would be negative, scale = Sqx / Sqq.  The loss
 * below lacks sum w x^2, which is the same for all.
 */
INLINE void solve_affine(struct group *g)
{
	float sw = g->sw, swx = g->swx;

	for (int t = 0; t < TRIALS; t++) {
		float wq = g->wq[t], wqq = g->wqq[t], wqx = g->wqx[t];
		float det = sw * wqq - wq * wq, a = (sw * wqx - swx * wq) / det, b = (a * wq - swx) / sw, alone = wqx / wqq;
		float gain, loss;

		b = det > 0 ? b : -1;
		a = b >= 0 ? a : alone;
		b = b >= 0 ? b : 0;
		gain = 2 * a * b * wq + 2 * a * wqx;
		loss = a * a * wqq + b * b * sw - gain + 2 * b * swx;
		g->scale[t] = a;
		g->min[t] = b;
		g->loss[t] = a > 0 ? loss : INFINITY;
	}
}

/* The same without a minimum. */
INLINE void solve_symmetric(struct group *g)
{
	for (int t = 0; t < TRIALS; t++) {
		float a = g->wqx[t] / g->wqq[t], gain = a * g->wqx[t];

		g->scale[t] = a;
		g->loss[t] = g->wqq[t] > 0 ? -gain : 0;
	}
}

INLINE void try_all(struct group *g, bool affine, round_fn *round)
{
	for (int t = 0; t < TRIALS; t += LANES)
		round(g, t);
	if (affine)
		solve_affine(g);
	else
		solve_symmetric(g);
}

static void try_any(struct group *g, bool affine)
{
	if (affine)
		try_all(g, true, round_any);
	else
		try_all(g, false, round_any);
}

#if defined(__x86_64__)
AVX2 static void try_avx2(struct group *g, bool affine)
{
	if (affine)
		try_all(g, true, round_avx2);
	else
		try_all(g, false, round_avx2);
}
#endif

/* The trial that loses least, the first among equals; -1: none is below `limit`. */
static int best_trial(struct group *g, bool affine, float limit)
{
	float least = limit;

#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		try_avx2(g, affine);
	else
#endif
		try_any(g, affine);
	for (int t = 0; t < TRIALS; t++)
		least = g->loss[t] < least ? g->loss[t] : least;
	for (int t = 0; least < limit && t < TRIALS; t++)
		if (g->loss[t] == least)
			return t;
	return -1;
}

/* The weight of a value is what it is, and what its group is: rms + |x|. */
static void weigh(struct group *g, const float *x)
{
	float sq = 0;

	g->sw = g->swx = 0;
	for (int i = 0; i < g->n; i++)
		sq += x[i] * x[i];
	sq = sqrtf(sq / (float)g->n);
	for (int i = 0; i < g->n; i++) {
		g->w[i] = sq + fabsf(x[i]);
		g->sw += g->w[i];
		g->swx += g->w[i] * x[i];
	}
}

void search_affine(const float *x, int n, int top, float *scale, float *min)
{
	struct group g;
	float lo = 0, hi = x[0];
	int best;

	for (int i = 0; i < n; i++) {
		lo = x[i] < lo ? x[i] : lo;
		hi = x[i] > hi ? x[i] : hi;
	}
	*scale = 0;
	*min = -lo;
	if (!(hi - lo > 0) || !isfinite(hi - lo))
		return;
	*scale = (hi - lo) / (float)top;
	g.n = n;
	g.lo = 0;
	g.hi = (float)top;
	weigh(&g, x);
	for (int i = 0; i < n; i++) {
		g.x[i] = x[i] - lo;
		g.wx[i] = g.w[i] * x[i];
	}
	/* 15 levels: from 14 to 16 of them on the range in steps of a tenth. */
	for (int t = 0; t < TRIALS; t++)
		g.inverse[t] = ((float)top - 1 + 0.1f * (float)(t < AFFINE ? t : AFFINE - 1)) / (hi - lo);
	if ((best = best_trial(&g, true, INFINITY)) >= 0) {
		*scale = g.scale[best];
		*min = g.min[best];
	}
}

float search_symmetric(const float *x, int n, int half)
{
	struct group g;
	float at = 0;
	int best;

	g.n = n;
	g.lo = -(float)half;
	g.hi = (float)half - 1;
	for (int i = 0; i < n; i++) {
		at = fabsf(x[i]) > fabsf(at) ? x[i] : at;
		g.x[i] = x[i];
		g.w[i] = x[i] * x[i];
		g.wx[i] = g.w[i] * x[i];
	}
	if (!isfinite(at) || search_inverse(at) == 0)
		return 0;
	for (int t = 0; t < TRIALS; t++)
		g.inverse[t] = -((float)half + 0.1f * (float)((t < SYMMETRIC ? t : SYMMETRIC - 1) - SYMMETRIC / 2)) / at;
	best = best_trial(&g, false, 0);
	/* The far end, -half, is for the largest magnitude, whatever its sign. */
	return best >= 0 ? g.scale[best] : -at / (float)half;
}

static void put_scale_min(unsigned char *s, int j, int scale, int min)
{
	if (j < 4) {
		s[j] = (unsigned char)(s[j] | scale);
		s[j + 4] = (unsigned char)(s[j + 4] | min);
	} else {
		s[j + 4] = (unsigned char)((scale & 15) | (min & 15) << 4);
		s[j - 4] = (unsigned char)(s[j - 4] | scale >> 4 << 6);
		s[j] = (unsigned char)(s[j] | min >> 4 << 6);
	}
}

void search_put_affine8(const float *x, int top, unsigned char *d, unsigned char *scales, unsigned char *q)
{
	float scale[8], min[8], step, step_min;

	for (int g = 0; g < 8; g++)
		search_affine(x + g * 32, 32, top, &scale[g], &min[g]);
	block_put_u16(d, f16_from_f32(search_largest(scale, 8) / 63));
	block_put_u16(d + 2, f16_from_f32(search_largest(min, 8) / 63));
	step = block_f16(d);
	step_min = block_f16(d + 2);
	memset(scales, 0, 12);
	for (int g = 0; g < 8; g++) {
		int s = search_level(scale[g] * search_inverse(step), 0, 63);
		int m = search_level(min[g] * search_inverse(step_min), 0, 63);
		float inverse = search_inverse(step * (float)s), base = -step_min * (float)m;

		put_scale_min(scales, g, s, m);
		search_levels(x + g * 32, 32, base, inverse, 0, top, q + g * 32);
	}
}
