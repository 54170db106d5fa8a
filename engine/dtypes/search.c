#include "engine/dtypes/search.h"

#include <math.h>
#include <string.h>

enum { MOST = 32 };

/* Four values at a time, by the compiler's own vectors: the search is the inner
 * loop of writing a K format, twenty times over. */
typedef float lanes __attribute__((vector_size(16)));
typedef int32_t masks __attribute__((vector_size(16)));
enum { LANES = 4 };

/* Rounds to nearest, ties to even, in plain float adds that a compiler can
 * vectorize; good below 2^22. */
static inline float nearest(float x)
{
	return (x + 0x1.8p23f) - 0x1.8p23f;
}

static inline float within(float x, float lo, float hi)
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

static inline float fold(lanes x)
{
	return (x[0] + x[2]) + (x[1] + x[3]);
}

static inline lanes all(float x)
{
	return (lanes){ x, x, x, x };
}

static inline lanes load(const float *x)
{
	lanes v;

	memcpy(&v, x, sizeof v);
	return v;
}

/* a where the mask is set, else b. */
static inline lanes pick(masks m, lanes a, lanes b)
{
	return (lanes)((m & (masks)a) | (~m & (masks)b));
}

/* Sums over a group of weight w, level q and value x. */
struct sums {
	float w, wx, wq, wqq, wqx;
};

/* Levels of x under (x - base) * inverse, and their sums. */
static inline struct sums round_group(const float *x, const float *w, int n, float base, float inverse, float lo, float hi)
{
	lanes wq = {0}, wqq = {0}, wqx = {0}, low = all(lo), high = all(hi);

	for (int i = 0; i < n; i += LANES) {
		lanes v = load(x + i), q = (v - base) * inverse;

		q = pick(q > low, q, low);
		q = pick(q < high, q, high);
		q = (q + 0x1.8p23f) - 0x1.8p23f;
		lanes a = load(w + i) * q;

		wq += a;
		wqq += a * q;
		wqx += a * v;
	}
	return (struct sums){ .wq = fold(wq), .wqq = fold(wqq), .wqx = fold(wqx) };
}

/* The weight of a value is what it is, and what its group is: rms + |x|. */
static struct sums weigh(const float *x, int n, float *w)
{
	float sq = 0, sw = 0, swx = 0;

	for (int i = 0; i < n; i++)
		sq += x[i] * x[i];
	sq = sqrtf(sq / (float)n);
	for (int i = 0; i < n; i++) {
		w[i] = sq + fabsf(x[i]);
		sw += w[i];
		swx += w[i] * x[i];
	}
	return (struct sums){ .w = sw, .wx = swx };
}

/*
 * With s = sums of w, q, x: minimise sum w (scale q - min - x)^2.
 *     scale = (W Sqx - Sx Sq) / (W Sqq - Sq^2), min = (scale Sq - Sx) / W
 * and with min held at 0 when it would be negative, scale = Sqx / Sqq.  The loss
 * below lacks sum w x^2, which is the same for all.
 */
static float solve_affine(const struct sums *s, float *scale, float *min)
{
	float det = s->w * s->wqq - s->wq * s->wq;

	*scale = *min = 0;
	if (det > 0) {
		*scale = (s->w * s->wqx - s->wx * s->wq) / det;
		*min = (*scale * s->wq - s->wx) / s->w;
	}
	if ((det <= 0 || *min < 0) && s->wqq > 0) {
		*scale = s->wqx / s->wqq;
		*min = 0;
	}
	if (!(*scale > 0))
		return INFINITY;
	return *scale * *scale * s->wqq + *min * *min * s->w - 2 * *scale * *min * s->wq - 2 * *scale * s->wqx +
	    2 * *min * s->wx;
}

void search_affine(const float *x, int n, int top, float *scale, float *min)
{
	float w[MOST], lo = 0, hi = x[0], best = INFINITY;
	struct sums fixed;

	for (int i = 0; i < n; i++) {
		lo = x[i] < lo ? x[i] : lo;
		hi = x[i] > hi ? x[i] : hi;
	}
	*scale = 0;
	*min = -lo;
	if (!(hi - lo > 0) || !isfinite(hi - lo))
		return;
	*scale = (hi - lo) / (float)top;
	fixed = weigh(x, n, w);
	/* 15 levels: from 14 to 16 of them on the range in steps of a tenth. */
	for (int i = 0; i <= 20; i++) {
		struct sums s = round_group(x, w, n, lo, ((float)top - 1 + 0.1f * (float)i) / (hi - lo), 0, (float)top);
		float a, b, loss;

		s.w = fixed.w;
		s.wx = fixed.wx;
		loss = solve_affine(&s, &a, &b);
		if (loss < best) {
			best = loss;
			*scale = a;
			*min = b;
		}
	}
}

float search_symmetric(const float *x, int n, int half)
{
	float w[MOST], at = 0, best = 0, scale = 0;

	for (int i = 0; i < n; i++) {
		at = fabsf(x[i]) > fabsf(at) ? x[i] : at;
		w[i] = x[i] * x[i];
	}
	if (!isfinite(at) || search_inverse(at) == 0)
		return 0;
	/* The far end, -half, is for the largest magnitude, whatever its sign. */
	scale = -at / (float)half;
	for (int i = -9; i <= 9; i++) {
		struct sums s = round_group(x, w, n, 0, -((float)half + 0.1f * (float)i) / at, -(float)half, (float)half - 1);

		/* The loss is sum w x^2 - wqx^2 / wqq. */
		if (s.wqq > 0 && s.wqx * s.wqx > best * s.wqq) {
			best = s.wqx * s.wqx / s.wqq;
			scale = s.wqx / s.wqq;
		}
	}
	return scale;
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
		for (int i = 0; i < 32; i++)
			q[g * 32 + i] = (unsigned char)nearest(within((x[g * 32 + i] - base) * inverse, 0, (float)top));
	}
}
