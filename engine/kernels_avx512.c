#include "engine/kernels.h"

#if defined(__AVX512VNNI__) && defined(__AVX512VBMI__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define VBYTES             64
#define VF_FMA(a, b, c)    ((vf)_mm512_fmadd_ps((a), (b), (c)))
#define VF_MAX(a, b)       ((vf)_mm512_max_ps((a), (b)))
#define VF_MIN(a, b)       ((vf)_mm512_min_ps((a), (b)))
#define VF_FROM_F16(p)     ((vf)_mm512_cvtph_ps(_mm256_loadu_si256((const void *)(p))))
#define VF_FROM_BF16(p) \
	((vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)(p))), 16))
#define LANES_ROWS         4
#define F32_VECTORS        12
#include "engine/kernels_float.inc"

INLINE float load_f16(const unsigned char *p)
{
	unsigned short h;

	memcpy(&h, p, sizeof h);
	return _cvtsh_ss(h);
}

typedef __m512 lanes_t;

INLINE lanes_t lanes_zero(void)
{
	return _mm512_setzero_ps();
}

INLINE float lanes_sum(lanes_t acc)
{
	return vf_sum(acc);
}

/* Sixteen sums of four products of signed bytes. */
INLINE __m512i dot_s8(__m512i w, __m512i a)
{
	const __m512i flip = _mm512_set1_epi8((char)0x80);
	__m512i zero = _mm512_setzero_si512();

	return _mm512_sub_epi32(_mm512_dpbusd_epi32(zero, _mm512_xor_si512(w, flip), a),
	    _mm512_dpbusd_epi32(zero, flip, a));
}

INLINE lanes_t lanes_dot(lanes_t acc, const int8_t *w, const int8_t *a, const float *s)
{
	const __m512i spread = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
	__m512 scales = _mm512_load_ps(s);

	for (int i = 0; i < 4; i++) {
		__m512i dot = dot_s8(_mm512_load_si512(w + 64 * i), _mm512_loadu_si512(a + 64 * i));
		__m512 scale = _mm512_permutexvar_ps(_mm512_add_epi32(spread, _mm512_set1_epi32(4 * i)), scales);
		acc = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), scale, acc);
	}
	return acc;
}

#define PANEL_FLIP 0x80u
INLINE void panel_mul(const void *panel, size_t n_rows, size_t k0, size_t kn, size_t group, bool has_offset,
    const struct acts8 *a, size_t m, float *y, size_t stride_y, bool first);
#include "engine/kernels_quant.inc"

/* What a few vectors need for each group of columns, made once for a panel. */
enum { INT_VECTORS = 6 };
struct side {
	int32_t bias[PANEL_K / ACT_GROUP];      /* -128 sum q: the panel holds w + 128 */
	float d[PANEL_K / ACT_GROUP];
	float dsum[PANEL_K / ACT_GROUP];        /* d sum q, for offsets */
};

INLINE void side_set(struct side *s, const struct acts8 *a, size_t j, size_t k0, size_t kn, size_t group)
{
	const float *d = a->d + j * (a->n_pad / ACT_BLOCK) + k0 / ACT_BLOCK;
	const int32_t *sums = a->sums + j * (a->n_pad / ACT_GROUP) + k0 / ACT_GROUP;

	for (size_t g = 0; g < kn / group; g++) {
		int32_t sum = group == ACT_GROUP ? sums[g] : sums[2 * g] + sums[2 * g + 1];
		s->d[g] = d[g * group / ACT_BLOCK];
		s->bias[g] = -128 * sum;
		s->dsum[g] = s->d[g] * (float)sum;
	}
}

/* All rows of the panel with `m` vectors: for a group of columns the sums are exact
 * integers, then they are scaled and added in float. */
INLINE void panel_int_block(const struct panel_int *p, size_t kn, size_t group, bool has_offset, const int8_t *q,
    size_t stride_q, const struct side *side, int m, float (*out)[PANEL_ROWS])
{
	__m512 acc[INT_VECTORS][2];

	for (int j = 0; j < m; j++)
		acc[j][0] = acc[j][1] = _mm512_setzero_ps();
	for (size_t g = 0; g < kn / group; g++) {
		__m512i dot[INT_VECTORS][2];
		for (int j = 0; j < m; j++)
			dot[j][0] = dot[j][1] = _mm512_set1_epi32(side[j].bias[g]);
		for (size_t i = 0; i < group / 4; i++) {
			const uint8_t *w = p->q[g * group / 4 + i][0];
			__m512i w0 = _mm512_load_si512(w), w1 = _mm512_load_si512(w + 64);
			for (int j = 0; j < m; j++) {
				int32_t four;
				memcpy(&four, q + (size_t)j * stride_q + g * group + 4 * i, sizeof four);
				__m512i b = _mm512_set1_epi32(four);
				dot[j][0] = _mm512_dpbusd_epi32(dot[j][0], w0, b);
				dot[j][1] = _mm512_dpbusd_epi32(dot[j][1], w1, b);
			}
		}
		for (int c = 0; c < 2; c++) {
			__m512 scale = _mm512_load_ps(p->scale[g] + 16 * c);
			for (int j = 0; j < m; j++) {
				__m512 v = _mm512_mul_ps(_mm512_cvtepi32_ps(dot[j][c]), scale);
				acc[j][c] = _mm512_fmadd_ps(v, _mm512_set1_ps(side[j].d[g]), acc[j][c]);
				if (has_offset)
					acc[j][c] = _mm512_fmadd_ps(_mm512_load_ps(p->offset[g] + 16 * c),
					    _mm512_set1_ps(side[j].dsum[g]), acc[j][c]);
			}
		}
	}
	for (int j = 0; j < m; j++) {
		_mm512_storeu_ps(out[j], acc[j][0]);
		_mm512_storeu_ps(out[j] + 16, acc[j][1]);
	}
}

INLINE void panel_mul(const void *panel, size_t n_rows, size_t k0, size_t kn, size_t group, bool has_offset,
    const struct acts8 *a, size_t m, float *y, size_t stride_y, bool first)
{
	struct side side[INT_VECTORS];
	float sums[INT_VECTORS][PANEL_ROWS];

	for (size_t j = 0; j < m; j += INT_VECTORS) {
		const int8_t *q = a->q + j * a->n_pad + k0;
		size_t n = m - j < INT_VECTORS ? m - j : INT_VECTORS;
		for (size_t i = 0; i < n; i++)
			side_set(&side[i], a, j + i, k0, kn, group);
		if (n == INT_VECTORS)
			panel_int_block(panel, kn, group, has_offset, q, a->n_pad, side, INT_VECTORS, sums);
		else
			for (size_t i = 0; i < n; i++)
				panel_int_block(panel, kn, group, has_offset, q + i * a->n_pad, a->n_pad, side + i, 1,
				    sums + i);
		store_sums(sums, n, n_rows, y + j * stride_y, stride_y, first);
	}
}

QUANT_TYPES(DEFINE_QUANT)

/* The block's largest magnitude decides; blocks with an infinity or a NaN compare false. */
static void round_acts(const float *x, size_t n, int8_t *q, float *d, int32_t *sums)
{
	for (size_t b = 0; b < n / ACT_BLOCK; b++, x += ACT_BLOCK, q += ACT_BLOCK) {
		__m512 x0 = _mm512_loadu_ps(x), x1 = _mm512_loadu_ps(x + 16);
		__m512 most = _mm512_max_ps(_mm512_abs_ps(x0), _mm512_abs_ps(x1));
		__m512 nothing = _mm512_add_ps(_mm512_sub_ps(x0, x0), _mm512_sub_ps(x1, x1));
		float amax = _mm512_reduce_max_ps(most);
		bool finite = !_mm512_cmp_ps_mask(nothing, nothing, _CMP_UNORD_Q);
		bool zero = !finite || amax < ACT_LEAST;
		__m512 inverse = _mm512_set1_ps(zero ? 0 : 127.0f / amax);
		d[b] = !finite ? NAN : zero ? 0 : amax / 127.0f;
		__m512i i0 = _mm512_setzero_si512(), i1 = i0;
		if (!zero) {
			i0 = _mm512_cvtps_epi32(_mm512_mul_ps(x0, inverse));
			i1 = _mm512_cvtps_epi32(_mm512_mul_ps(x1, inverse));
		}
		_mm_storeu_si128((void *)q, _mm512_cvtepi32_epi8(i0));
		_mm_storeu_si128((void *)(q + 16), _mm512_cvtepi32_epi8(i1));
		sums[2 * b] = _mm512_reduce_add_epi32(i0);
		sums[2 * b + 1] = _mm512_reduce_add_epi32(i1);
	}
}

static bool usable(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi") &&
	    __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

#define TABLE_NAME kernels_avx512
#define TABLE_TEXT "avx512"
#include "engine/kernels_table.inc"
#else
typedef int kernels_avx512_needs_its_flags;
#endif
