#include "engine/neuron_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline)) TARGET

enum { HALF = NK_TOKENS / 2, VECTORS = HALF / 8, PAIR = 2 };

INLINE __m256 power(__m256 y)
{
	y = _mm256_min_ps(_mm256_max_ps(y, _mm256_set1_ps(-126)), _mm256_set1_ps(100));
	__m256i whole = _mm256_cvtps_epi32(y);
	__m256 f = _mm256_sub_ps(y, _mm256_cvtepi32_ps(whole)), p = _mm256_set1_ps(0.00133335581f);
	p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.00961812911f));
	p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.0555041087f));
	p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.240226507f));
	p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.693147181f));
	p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(1));
	return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), _mm256_slli_epi32(whole, 23)));
}

/* Four products of signed bytes, added: the sign of w moves to h, so that neither the
 * bytes nor the pairs of 127 * 127 overflow. */
INLINE __m256i add_products(__m256i acc, __m256i h, __m256i w, __m256i size)
{
	__m256i pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(h, w));

	return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

INLINE float sum_of(__m256 v)
{
	__m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* Two neurons and 32 tokens at a time. */
INLINE void scan_part(const struct nk_tile *t, size_t n, int from, const int8_t *q, size_t stride,
    const struct nk_neuron *p, struct nk_out *out)
{
	const uint8_t *panel = t->panel + 4 * from;
	const __m256i flip = _mm256_set1_epi8((char)128);
	__m256i acc[PAIR][VECTORS];

	for (int j = 0; j < PAIR; j++)
		for (int c = 0; c < VECTORS; c++)
			acc[j][c] = _mm256_setzero_si256();
	for (size_t i = 0; i < n; i += 4, panel += 4 * NK_TOKENS)
		for (size_t j = 0; j < PAIR; j++) {
			int32_t four;
			memcpy(&four, q + j * stride + i, sizeof four);
			__m256i w = _mm256_set1_epi32(four), size = _mm256_abs_epi8(w);
			for (int c = 0; c < VECTORS; c++) {
				__m256i h = _mm256_xor_si256(_mm256_load_si256((const void *)(panel + 32 * c)), flip);
				acc[j][c] = add_products(acc[j][c], h, w, size);
			}
		}
	for (int j = 0; j < PAIR; j++)
		for (int c = 0; c < VECTORS; c++) {
			int v = from + 8 * c;
			__m256 x = _mm256_fmadd_ps(_mm256_cvtepi32_ps(acc[j][c]), _mm256_load_ps(t->scale + v),
			    _mm256_load_ps(t->bias + v));
			__m256 most = _mm256_fmadd_ps(_mm256_set1_ps(p[j].a), _mm256_load_ps(t->norm + v), x);
			most = _mm256_fmadd_ps(_mm256_set1_ps(p[j].b), _mm256_load_ps(t->err + v), most);
			__m256 pass = _mm256_cmp_ps(most, _mm256_set1_ps(p[j].floor), _CMP_NLT_UQ);
			out[j].pass |= (uint64_t)(unsigned)_mm256_movemask_ps(pass) << v;
			_mm256_store_si256((void *)(out[j].dot + v), acc[j][c]);
			out[j].sum += sum_of(power(_mm256_fmsub_ps(x, _mm256_set1_ps(p[j].c), _mm256_set1_ps(p[j].m))));
		}
}

TARGET static void scan(const struct nk_tile *t, size_t n, const int8_t *q, size_t stride, const struct nk_neuron *p,
    struct nk_out *out)
{
	for (size_t j = 0; j < NK_NEURONS; j++) {
		out[j].pass = 0;
		out[j].sum = 0;
	}
	for (size_t j = 0; j < NK_NEURONS; j += PAIR) {
		scan_part(t, n, 0, q + j * stride, stride, p + j, out + j);
		scan_part(t, n, HALF, q + j * stride, stride, p + j, out + j);
	}
}

INLINE int32_t sum_words(__m256i v)
{
	__m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
	return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

TARGET static void refine(const uint8_t *h1, const uint8_t *h2, const int8_t *w1, const int8_t *w2, size_t n,
    const int32_t sums[2], int32_t out[2])
{
	const __m256i flip = _mm256_set1_epi8((char)128);
	__m256i a = _mm256_setzero_si256(), b = a;

	(void)sums;
	for (size_t i = 0; i < n; i += 32) {
		__m256i v1 = _mm256_loadu_si256((const void *)(w1 + i)), v2 = _mm256_loadu_si256((const void *)(w2 + i));
		__m256i x2 = _mm256_xor_si256(_mm256_loadu_si256((const void *)(h2 + i)), flip);
		__m256i x1 = _mm256_xor_si256(_mm256_loadu_si256((const void *)(h1 + i)), flip);
		a = add_products(a, x2, v1, _mm256_abs_epi8(v1));
		b = add_products(b, x1, v2, _mm256_abs_epi8(v2));
	}
	out[0] = sum_words(a);
	out[1] = sum_words(b);
}

static bool usable(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#define PART TARGET static
#include "engine/neuron_kernels_parts.inc"

const struct neuron_kernels neuron_kernels_avx2 = {
	.name = "avx2", .usable = usable, .scan = scan, .refine = refine, .round = round_layers, .turn = turn,
	.dot_f64 = dot_f64,
};
#else
typedef int neuron_kernels_avx2_is_for_x86;
#endif
