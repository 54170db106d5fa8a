#include "engine/neuron_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma")))
#define INLINE static inline __attribute__((always_inline)) TARGET

/* Unrolled early, so that arrays of vectors indexed in it become registers. */
#define EACH(i, n) _Pragma("GCC unroll 8") for (size_t i = 0; i < (n); i++)

enum { VECTORS = NK_TOKENS / 16 };

/* 2^y: the whole part moves the exponent, the rest, at most a half, is a Taylor sum. */
INLINE __m512 power(__m512 y)
{
	y = _mm512_min_ps(_mm512_max_ps(y, _mm512_set1_ps(-126)), _mm512_set1_ps(100));
	__m512 whole = _mm512_roundscale_ps(y, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	__m512 f = _mm512_sub_ps(y, whole), p = _mm512_set1_ps(0.00133335581f);
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.00961812911f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.0555041087f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.240226507f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.693147181f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1));
	return _mm512_scalef_ps(p, whole);
}

/* 24 sums of products in registers, four loads of the panel and six broadcasts a step. */
TARGET static void scan(const struct nk_tile *t, size_t n, const int8_t *q, size_t stride, const struct nk_neuron *p,
    struct nk_out *out)
{
	const uint8_t *panel = t->panel;
	__m512i acc[NK_NEURONS][VECTORS];
	__m512 sum[NK_NEURONS];

	EACH(j, NK_NEURONS)
		EACH(c, VECTORS)
			acc[j][c] = _mm512_set1_epi32(p[j].bias);
	for (size_t i = 0; i < n; i += 4, panel += 4 * NK_TOKENS) {
		__m512i h[VECTORS];
		EACH(c, VECTORS)
			h[c] = _mm512_load_si512(panel + 64 * c);
		EACH(j, NK_NEURONS) {
			int32_t four;
			memcpy(&four, q + j * stride + i, sizeof four);
			__m512i w = _mm512_set1_epi32(four);
			EACH(c, VECTORS)
				acc[j][c] = _mm512_dpbusd_epi32(acc[j][c], h[c], w);
		}
	}
	/* Through memory: the loops below are too long to be unrolled, and an array that is
	 * indexed in them would be kept in memory above as well. */
	EACH(j, NK_NEURONS)
		EACH(c, VECTORS)
			_mm512_store_si512(out[j].dot + 16 * c, acc[j][c]);
	for (int j = 0; j < NK_NEURONS; j++) {
		sum[j] = _mm512_setzero_ps();
		out[j].pass = 0;
	}
	EACH(c, VECTORS) {
		__m512 scale = _mm512_load_ps(t->scale + 16 * c), bias = _mm512_load_ps(t->bias + 16 * c);
		__m512 norm = _mm512_load_ps(t->norm + 16 * c), err = _mm512_load_ps(t->err + 16 * c);
		for (int j = 0; j < NK_NEURONS; j++) {
			__m512i dot = _mm512_load_si512(out[j].dot + 16 * c);
			__m512 x = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), scale, bias);
			__m512 most = _mm512_fmadd_ps(_mm512_set1_ps(p[j].a), norm, x);
			most = _mm512_fmadd_ps(_mm512_set1_ps(p[j].b), err, most);
			__mmask16 pass = _mm512_cmp_ps_mask(most, _mm512_set1_ps(p[j].floor), _CMP_NLT_UQ);
			out[j].pass |= (uint64_t)pass << (16 * c);
			sum[j] = _mm512_add_ps(sum[j], power(_mm512_fmsub_ps(x, _mm512_set1_ps(p[j].c),
			    _mm512_set1_ps(p[j].m))));
		}
	}
	for (int j = 0; j < NK_NEURONS; j++)
		out[j].sum = _mm512_reduce_add_ps(sum[j]);
}

TARGET static void refine(const uint8_t *h1, const uint8_t *h2, const int8_t *w1, const int8_t *w2, size_t n,
    const int32_t sums[2], int32_t out[2])
{
	__m512i a = _mm512_setzero_si512(), b = a;

	for (size_t i = 0; i < n; i += 64) {
		a = _mm512_dpbusd_epi32(a, _mm512_loadu_si512(h2 + i), _mm512_loadu_si512(w1 + i));
		b = _mm512_dpbusd_epi32(b, _mm512_loadu_si512(h1 + i), _mm512_loadu_si512(w2 + i));
	}
	out[0] = _mm512_reduce_add_epi32(a) - 128 * sums[0];
	out[1] = _mm512_reduce_add_epi32(b) - 128 * sums[1];
}

INLINE __m512 some(const float *x, size_t i, size_t n)
{
	return i + 16 <= n ? _mm512_loadu_ps(x + i)
			   : _mm512_maskz_loadu_ps((__mmask16)((1u << (n - i)) - 1), x + i);
}

/* Infinities and NaN survive the subtraction of a value from itself as NaN. */
TARGET static bool is_sane(const float *x, size_t n, float *most)
{
	__m512 m = _mm512_setzero_ps(), nothing = m;

	for (size_t i = 0; i < n; i += 16) {
		__m512 v = some(x, i, n);
		m = _mm512_max_ps(m, _mm512_abs_ps(v));
		nothing = _mm512_add_ps(nothing, _mm512_sub_ps(v, v));
	}
	*most = _mm512_reduce_max_ps(m);
	return !_mm512_cmp_ps_mask(nothing, nothing, _CMP_UNORD_Q) &&
	    (*most == 0 || (*most > 0x1p-40f && *most < 0x1p40f));
}

INLINE __m512d add_squares(__m512d acc, __m512 v)
{
	__m512d lo = _mm512_cvtps_pd(_mm512_castps512_ps256(v));
	__m512d hi = _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));

	return _mm512_fmadd_pd(hi, hi, _mm512_fmadd_pd(lo, lo, acc));
}

TARGET static void round_layers(const float *x, size_t n, size_t n_pad, int8_t *q1, int8_t *q2, struct nk_round *r)
{
	__m512d norm = _mm512_setzero_pd(), err1 = norm, err2 = norm;
	float most;

	*r = (struct nk_round){.sane = is_sane(x, n, &most)};
	memset(q1, 0, n_pad);
	memset(q2, 0, n_pad);
	if (!r->sane || most == 0)
		return;
	r->d = most / 127;
	r->d2 = r->d / NK_LAYER2;
	const __m512 d = _mm512_set1_ps(r->d), inv = _mm512_set1_ps(1 / r->d);
	const __m512 d2 = _mm512_set1_ps(r->d2), inv2 = _mm512_set1_ps(1 / r->d2), top = _mm512_set1_ps(127);
	for (size_t i = 0; i < n; i += 16) {
		__m512 v = some(x, i, n);
		__m512i a = _mm512_cvtps_epi32(_mm512_min_ps(_mm512_mul_ps(v, inv), top));
		__m512 rest1 = _mm512_fnmadd_ps(d, _mm512_cvtepi32_ps(a), v);
		__m512 y = _mm512_min_ps(_mm512_mul_ps(rest1, inv2), top);
		__m512i b = _mm512_cvtps_epi32(_mm512_max_ps(y, _mm512_set1_ps(-127)));
		__m512 rest2 = _mm512_fnmadd_ps(d2, _mm512_cvtepi32_ps(b), rest1);
		_mm_storeu_si128((void *)(q1 + i), _mm512_cvtepi32_epi8(a));
		_mm_storeu_si128((void *)(q2 + i), _mm512_cvtepi32_epi8(b));
		norm = add_squares(norm, v);
		err1 = add_squares(err1, rest1);
		err2 = add_squares(err2, rest2);
	}
	r->norm = sqrt(_mm512_reduce_add_pd(norm));
	r->err1 = sqrt(_mm512_reduce_add_pd(err1));
	r->err2 = sqrt(_mm512_reduce_add_pd(err2));
}

/* 16 rows at a time by gathering is slower than plain words; eight words of a row are
 * written to eight lines of the panel, which stay in the first cache. */
static void turn(const uint8_t *rows, size_t n, uint8_t *panel)
{
	for (size_t i = 0; i < n; i += 32)
		for (size_t r = 0; r < NK_TOKENS; r++)
			for (size_t c = 0; c < 8; c++)
				memcpy(panel + (i + 4 * c) * NK_TOKENS + 4 * r, rows + r * n + i + 4 * c, 4);
}

/* The same lanes as the reference: products of floats are exact in double, so a fused
 * sum is the plain one. */
TARGET static double dot_f64(const float *a, const float *b, size_t n)
{
	__m512d acc[4];

	for (int j = 0; j < 4; j++)
		acc[j] = _mm512_setzero_pd();
	for (size_t i = 0; i < n; i += 32)
		for (size_t j = 0; j < 4 && i + 8 * j < n; j++) {
			size_t left = n - i - 8 * j;
			__mmask8 k = left < 8 ? (__mmask8)((1u << left) - 1) : (__mmask8)0xff;
			__m512d x = _mm512_cvtps_pd(_mm256_maskz_loadu_ps(k, a + i + 8 * j));
			__m512d y = _mm512_cvtps_pd(_mm256_maskz_loadu_ps(k, b + i + 8 * j));
			acc[j] = _mm512_fmadd_pd(x, y, acc[j]);
		}
	__m512d half = _mm512_add_pd(_mm512_add_pd(acc[0], acc[2]), _mm512_add_pd(acc[1], acc[3]));
	__m256d four = _mm256_add_pd(_mm512_castpd512_pd256(half), _mm512_extractf64x4_pd(half, 1));
	__m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));

	return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

static bool usable(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("fma");
}

const struct neuron_kernels neuron_kernels_avx512 = {
	.name = "avx512", .usable = usable, .scan = scan, .refine = refine, .round = round_layers, .turn = turn,
	.dot_f64 = dot_f64,
};
#else
typedef int neuron_kernels_avx512_is_for_x86;
#endif
