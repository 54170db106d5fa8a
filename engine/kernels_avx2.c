#include "engine/kernels.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define VBYTES             32
#define VF_FMA(a, b, c)    ((vf)_mm256_fmadd_ps((a), (b), (c)))
#define VF_MAX(a, b)       ((vf)_mm256_max_ps((a), (b)))
#define VF_MIN(a, b)       ((vf)_mm256_min_ps((a), (b)))
#define VF_LOW(a, b)       ((vf)_mm256_unpacklo_ps((a), (b)))
#define VF_HIGH(a, b)      ((vf)_mm256_unpackhi_ps((a), (b)))
#define VF_LOW_PAIRS(a, b) ((vf)_mm256_unpacklo_pd((__m256d)(a), (__m256d)(b)))
#define VF_HIGH_PAIRS(a, b) ((vf)_mm256_unpackhi_pd((__m256d)(a), (__m256d)(b)))
#define VF_FROM_F16(p)     ((vf)_mm256_cvtph_ps(_mm_loadu_si128((const void *)(p))))
#define VF_FROM_BF16(p)    ((vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)(p))), 16))
#define LANES_ROWS         2
#define F32_VECTORS        6
#include "engine/kernels_float.inc"

/* Eight rows and words at a time: pairs of words, pairs of pairs, halves of registers. */
INLINE void turn_8(__m256i *v)
{
	__m256i t[8];

	for (int i = 0; i < 8; i += 2) {
		t[i] = _mm256_unpacklo_epi32(v[i], v[i + 1]);
		t[i + 1] = _mm256_unpackhi_epi32(v[i], v[i + 1]);
	}
	for (int i = 0; i < 8; i += 4) {
		v[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
		v[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
		v[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
		v[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
	}
	for (int i = 0; i < 4; i++) {
		t[i] = _mm256_permute2x128_si256(v[i], v[4 + i], 0x20);
		t[4 + i] = _mm256_permute2x128_si256(v[i], v[4 + i], 0x31);
	}
	memcpy(v, t, sizeof t);
}

static void turn_rows(const unsigned char *src, size_t stride, size_t n_words, uint32_t flip, void *dst)
{
	uint32_t(*to)[PANEL_ROWS] = dst;

	for (size_t r0 = 0; r0 < 16; r0 += 8, src += 8 * stride) {
		size_t i = 0;
		for (; i + 8 <= n_words; i += 8) {
			__m256i v[8];
			for (size_t r = 0; r < 8; r++)
				v[r] = _mm256_loadu_si256((const void *)(src + r * stride + 4 * i));
			turn_8(v);
			for (size_t c = 0; c < 8; c++)
				_mm256_store_si256((void *)&to[i + c][r0],
				    _mm256_xor_si256(v[c], _mm256_set1_epi32((int)flip)));
		}
		for (; i < n_words; i++)
			for (size_t r = 0; r < 8; r++) {
				uint32_t word;
				memcpy(&word, src + r * stride + 4 * i, sizeof word);
				to[i][r0 + r] = word ^ flip;
			}
	}
}

INLINE float load_f16(const unsigned char *p)
{
	unsigned short h;

	memcpy(&h, p, sizeof h);
	return _cvtsh_ss(h);
}

/* Eight sums of four products of signed bytes.  The sign moves to the second factor,
 * so that pairs stay below 2 * 128 * 127 and the 16-bit sums cannot saturate. */
INLINE __m256i dot_s8(__m256i w_abs, __m256i w, __m256i a)
{
	__m256i pairs = _mm256_maddubs_epi16(w_abs, _mm256_sign_epi8(a, w));

	return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

INLINE void widen_16(const int8_t *q, float scale, float offset, bool has_offset, float *dst)
{
	for (int i = 0; i < 16; i += 8) {
		__m256 w = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)(q + i))));
		w = _mm256_mul_ps(w, _mm256_set1_ps(scale));
		_mm256_storeu_ps(dst + i, has_offset ? _mm256_add_ps(w, _mm256_set1_ps(offset)) : w);
	}
}

#define PANEL_FLIP 0u
INLINE void panel_mul(const void *panel, size_t n_rows, size_t k0, size_t kn, size_t group, bool has_offset,
    const struct acts8 *a, size_t m, float *y, size_t stride_y, bool first);
#include "engine/kernels_quant.inc"

enum { INT_VECTORS = 4 };

/* Eight rows of the panel, from row r on, with `m` vectors from vector j on: for a
 * group of columns the sums are exact integers, then they are scaled in float. */
INLINE void panel_int_block(const struct panel_int *p, size_t r, size_t k0, size_t kn, size_t group,
    bool has_offset, const struct acts8 *a, size_t j0, int m, float (*out)[8])
{
	const int8_t *q = a->q + j0 * a->n_pad + k0;
	const float *d = a->d + j0 * (a->n_pad / ACT_BLOCK) + k0 / ACT_BLOCK;
	const int32_t *sums = a->sums + j0 * (a->n_pad / ACT_GROUP) + k0 / ACT_GROUP;
	__m256 acc[INT_VECTORS];

	for (int j = 0; j < m; j++)
		acc[j] = _mm256_setzero_ps();
	for (size_t g = 0; g < kn / group; g++) {
		__m256i dot[INT_VECTORS];
		for (int j = 0; j < m; j++)
			dot[j] = _mm256_setzero_si256();
		for (size_t i = 0; i < group / 4; i++) {
			__m256i w = _mm256_load_si256((const void *)p->q[g * group / 4 + i][r]);
			__m256i w_abs = _mm256_abs_epi8(w);
			for (int j = 0; j < m; j++) {
				int32_t four;
				memcpy(&four, q + (size_t)j * a->n_pad + g * group + 4 * i, sizeof four);
				dot[j] = _mm256_add_epi32(dot[j], dot_s8(w_abs, w, _mm256_set1_epi32(four)));
			}
		}
		__m256 scale = _mm256_load_ps(p->scale[g] + r);
		for (int j = 0; j < m; j++) {
			size_t row = (size_t)j * (a->n_pad / ACT_GROUP);
			float dj = d[row / 2 + g * group / ACT_BLOCK];
			__m256 v = _mm256_mul_ps(_mm256_cvtepi32_ps(dot[j]), scale);
			acc[j] = _mm256_fmadd_ps(v, _mm256_set1_ps(dj), acc[j]);
			if (has_offset) {
				const int32_t *s = sums + row + g * (group / ACT_GROUP);
				int32_t sum = group == ACT_GROUP ? s[0] : s[0] + s[1];
				acc[j] = _mm256_fmadd_ps(_mm256_load_ps(p->offset[g] + r),
				    _mm256_set1_ps(dj * (float)sum), acc[j]);
			}
		}
	}
	for (int j = 0; j < m; j++)
		_mm256_storeu_ps(out[j], acc[j]);
}

INLINE void panel_mul(const void *panel, size_t n_rows, size_t k0, size_t kn, size_t group, bool has_offset,
    const struct acts8 *a, size_t m, float *y, size_t stride_y, bool first)
{
	float sums[INT_VECTORS][8];

	for (size_t j = 0; j < m; j += INT_VECTORS) {
		size_t n = m - j < INT_VECTORS ? m - j : INT_VECTORS;
		for (size_t r = 0; r < n_rows; r += 8) {
			const struct panel_int *p = panel_of(panel, r);
			if (n == INT_VECTORS)
				panel_int_block(p, r % PANEL_ROWS, k0, kn, group, has_offset, a, j, INT_VECTORS, sums);
			else
				for (size_t i = 0; i < n; i++)
					panel_int_block(p, r % PANEL_ROWS, k0, kn, group, has_offset, a, j + i, 1, sums + i);
			add_eight(sums, n, n_rows - r, y + j * stride_y + r, stride_y, first);
		}
	}
}

QUANT_TYPES(DEFINE_QUANT)
#include "engine/kernels_avx2_rows.inc"

/* Nearest, ties to even, as the conversion instruction rounds.  `x - x` is NaN for an
 * infinity or a NaN. */
static void round_acts(const float *x, size_t n, int8_t *q, float *d, int32_t *sums)
{
	const __m256 sign = _mm256_set1_ps(-0.0f);
	float lanes[8];
	int32_t whole[ACT_BLOCK];

	for (size_t b = 0; b < n / ACT_BLOCK; b++, x += ACT_BLOCK, q += ACT_BLOCK) {
		__m256 most = _mm256_setzero_ps(), nothing = most;
		for (int i = 0; i < 4; i++) {
			__m256 v = _mm256_loadu_ps(x + 8 * i);
			most = _mm256_max_ps(_mm256_andnot_ps(sign, v), most);
			nothing = _mm256_add_ps(nothing, _mm256_sub_ps(v, v));
		}
		float amax = 0;
		_mm256_storeu_ps(lanes, most);
		for (int i = 0; i < 8; i++)
			amax = lanes[i] > amax ? lanes[i] : amax;
		bool finite = !_mm256_movemask_ps(_mm256_cmp_ps(nothing, nothing, _CMP_UNORD_Q));
		bool zero = !finite || amax < ACT_LEAST;
		__m256 inverse = _mm256_set1_ps(zero ? 0 : 127.0f / amax);
		d[b] = !finite ? NAN : zero ? 0 : amax / 127.0f;
		for (int i = 0; i < 4; i++) {
			__m256i v = _mm256_setzero_si256();
			if (!zero)
				v = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 8 * i), inverse));
			_mm256_storeu_si256((void *)(whole + 8 * i), v);
		}
		for (int g = 0; g < 2; g++) {
			int32_t sum = 0;
			for (int i = 16 * g; i < 16 * g + 16; i++) {
				q[i] = (int8_t)whole[i];
				sum += whole[i];
			}
			sums[2 * b + (size_t)g] = sum;
		}
	}
}

/* F16C came before AVX2 in every processor; clang has no name for it here. */
static bool usable(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#define TABLE_NAME kernels_avx2
#define TABLE_TEXT "avx2"
#include "engine/kernels_table.inc"
#else
typedef int kernels_avx2_needs_its_flags;
#endif
