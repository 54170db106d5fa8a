#include "engine/kernels.h"

#if defined(__AVX512VNNI__) && defined(__AVX512VBMI__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define VBYTES             64
#define VF_FMA(a, b, c)    ((vf)_mm512_fmadd_ps((a), (b), (c)))
#define VF_MAX(a, b)       ((vf)_mm512_max_ps((a), (b)))
#define VF_MIN(a, b)       ((vf)_mm512_min_ps((a), (b)))
#define VF_LOW(a, b)       ((vf)_mm512_unpacklo_ps((a), (b)))
#define VF_HIGH(a, b)      ((vf)_mm512_unpackhi_ps((a), (b)))
#define VF_LOW_PAIRS(a, b) ((vf)_mm512_unpacklo_pd((__m512d)(a), (__m512d)(b)))
#define VF_HIGH_PAIRS(a, b) ((vf)_mm512_unpackhi_pd((__m512d)(a), (__m512d)(b)))
#define VF_FROM_F16(p)     ((vf)_mm512_cvtph_ps(_mm256_loadu_si256((const void *)(p))))
#define VF_FROM_BF16(p) \
	((vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)(p))), 16))
#define LANES_ROWS         4
#define F32_VECTORS        12
#include "engine/kernels_float.inc"

/* The 16 x 16 transpose: pairs of words, pairs of pairs, then quarters of registers. */
INLINE void turn_16(__m512i *v)
{
	__m512i t[16];

	for (int i = 0; i < 16; i += 2) {
		t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
		t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
	}
	/* v[4 b + c]: words c, 4 + c, 8 + c, 12 + c of rows 4 b .. 4 b + 3. */
	for (int i = 0; i < 16; i += 4) {
		v[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
		v[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
		v[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
		v[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
	}
	for (int c = 0; c < 4; c++) {
		t[c] = _mm512_shuffle_i32x4(v[c], v[4 + c], 0x88);              /* words c, 8 + c */
		t[4 + c] = _mm512_shuffle_i32x4(v[c], v[4 + c], 0xdd);          /* 4 + c, 12 + c */
		t[8 + c] = _mm512_shuffle_i32x4(v[8 + c], v[12 + c], 0x88);
		t[12 + c] = _mm512_shuffle_i32x4(v[8 + c], v[12 + c], 0xdd);
	}
	for (int c = 0; c < 4; c++) {
		v[c] = _mm512_shuffle_i32x4(t[c], t[8 + c], 0x88);
		v[8 + c] = _mm512_shuffle_i32x4(t[c], t[8 + c], 0xdd);
		v[4 + c] = _mm512_shuffle_i32x4(t[4 + c], t[12 + c], 0x88);
		v[12 + c] = _mm512_shuffle_i32x4(t[4 + c], t[12 + c], 0xdd);
	}
}

/* dst = scale * q + offset for sixteen weights. */
INLINE void widen_16(const int8_t *q, float scale, float offset, bool has_offset, float *dst)
{
	__m512 w = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_load_si128((const void *)q)));

	w = _mm512_mul_ps(w, _mm512_set1_ps(scale));
	_mm512_storeu_ps(dst, has_offset ? _mm512_add_ps(w, _mm512_set1_ps(offset)) : w);
}

static void turn_rows(const unsigned char *src, size_t stride, size_t n_words, uint32_t flip, void *dst)
{
	unsigned char *to = dst;

	for (size_t i = 0; i < n_words; i += 16) {
		size_t n = n_words - i < 16 ? n_words - i : 16;
		__m512i v[16];
		for (size_t r = 0; r < 16; r++)
			v[r] = _mm512_maskz_loadu_epi32((__mmask16)((1u << n) - 1), src + r * stride + 4 * i);
		turn_16(v);
		for (size_t c = 0; c < n; c++)
			_mm512_store_si512(to + 4 * PANEL_ROWS * (i + c), _mm512_xor_si512(v[c], _mm512_set1_epi32((int)flip)));
	}
}

INLINE float load_f16(const unsigned char *p)
{
	unsigned short h;

	memcpy(&h, p, sizeof h);
	return _cvtsh_ss(h);
}

INLINE uint16_t load_u16(const unsigned char *p)
{
	uint16_t u;

	memcpy(&u, p, sizeof u);
	return u;
}

#define PANEL_FLIP 0x80u
static void panel_mul(const void *panel, size_t n_rows, size_t k0, size_t kn, size_t group, bool has_offset,
    const struct acts8 *a, size_t m, float *y, size_t stride_y, bool first);
#include "engine/kernels_quant.inc"

/* What a few vectors need for each group of columns, made once for a panel. */
enum { INT_VECTORS = 6 };
struct side {
	_Alignas(64) int32_t bias[PANEL_K / ACT_GROUP]; /* -128 sum q: the panel holds w + 128 */
	_Alignas(64) float d[PANEL_K / ACT_GROUP];
	_Alignas(64) float dsum[PANEL_K / ACT_GROUP];        /* d sum q, for offsets */
};

/* Sixteen groups at a time; what lies past the last is not used. */
INLINE void side_set(struct side *s, const struct acts8 *a, size_t j, size_t k0, size_t kn, size_t group)
{
	const __m512i even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
	const __m512i twice = _mm512_set_epi32(7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0);
	const float *d = a->d + j * (a->n_pad / ACT_BLOCK) + k0 / ACT_BLOCK;
	const int32_t *sums = a->sums + j * (a->n_pad / ACT_GROUP) + k0 / ACT_GROUP;

	for (size_t g = 0; g < kn / group; g += 16) {
		size_t left = kn / group - g, n = left < 16 ? left : 16;
		__mmask16 some = (__mmask16)((1u << n) - 1);
		__m512i sum = _mm512_maskz_loadu_epi32(some, sums + g);
		__m512 dg = _mm512_maskz_loadu_ps(some, d + g);
		if (group == ACT_GROUP) {
			dg = _mm512_permutexvar_ps(twice, _mm512_maskz_loadu_ps(some >> n / 2, d + g / 2));
		} else {
			__mmask32 both = (__mmask32)((1ull << 2 * n) - 1);
			__m512i s0 = _mm512_maskz_loadu_epi32((__mmask16)both, sums + 2 * g);
			__m512i s1 = _mm512_maskz_loadu_epi32((__mmask16)(both >> 16), sums + 2 * g + 16);
			sum = _mm512_add_epi32(_mm512_permutex2var_epi32(s0, even, s1),
			    _mm512_permutex2var_epi32(s0, _mm512_or_si512(even, _mm512_set1_epi32(1)), s1));
		}
		_mm512_store_si512(s->bias + g, _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(sum, 7)));
		_mm512_store_ps(s->d + g, dg);
		_mm512_store_ps(s->dsum + g, _mm512_mul_ps(dg, _mm512_cvtepi32_ps(sum)));
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

/* As many vectors as the registers hold; the rest in fours, twos and ones. */
INLINE size_t panel_int_some(const struct panel_int *p, size_t kn, size_t group, bool has_offset, const int8_t *q,
    size_t stride_q, const struct side *side, size_t m, float (*out)[PANEL_ROWS])
{
	if (m >= 6) {
		panel_int_block(p, kn, group, has_offset, q, stride_q, side, 6, out);
		return 6;
	}
	if (m >= 4) {
		panel_int_block(p, kn, group, has_offset, q, stride_q, side, 4, out);
		return 4;
	}
	if (m >= 2) {
		panel_int_block(p, kn, group, has_offset, q, stride_q, side, 2, out);
		return 2;
	}
	panel_int_block(p, kn, group, has_offset, q, stride_q, side, 1, out);
	return 1;
}

static void panel_mul(const void *panel, size_t n_rows, size_t k0, size_t kn, size_t group, bool has_offset,
    const struct acts8 *a, size_t m, float *y, size_t stride_y, bool first)
{
	struct side side[INT_VECTORS];
	float sums[INT_VECTORS][PANEL_ROWS];

	for (size_t j = 0; j < m;) {
		const int8_t *q = a->q + j * a->n_pad + k0;
		size_t n = m - j < INT_VECTORS ? m - j : INT_VECTORS;
		for (size_t i = 0; i < n; i++)
			side_set(&side[i], a, j + i, k0, kn, group);
		size_t done = 0;
		for (size_t r = 0; r < n_rows; r += PANEL_ROWS) {
			const struct panel_int *p = panel_of(panel, r);
			if (group == ACT_BLOCK && has_offset)
				done = panel_int_some(p, kn, ACT_BLOCK, true, q, a->n_pad, side, n, sums);
			else if (group == ACT_BLOCK)
				done = panel_int_some(p, kn, ACT_BLOCK, false, q, a->n_pad, side, n, sums);
			else if (has_offset)
				done = panel_int_some(p, kn, ACT_GROUP, true, q, a->n_pad, side, n, sums);
			else
				done = panel_int_some(p, kn, ACT_GROUP, false, q, a->n_pad, side, n, sums);
			store_sums(sums, done, n_rows - r, y + j * stride_y + r, stride_y, first);
		}
		j += done;
	}
}

QUANT_TYPES(DEFINE_QUANT)
#include "engine/kernels_avx512_rows.inc"

/* One block; the block's largest magnitude decides.  `x - x` is NaN for an infinity
 * or a NaN. */
INLINE void round_block(const float *x, int8_t *q, float *d)
{
	__m512 x0 = _mm512_loadu_ps(x), x1 = _mm512_loadu_ps(x + 16);
	__m512 nothing = _mm512_add_ps(_mm512_sub_ps(x0, x0), _mm512_sub_ps(x1, x1));
	float amax = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(x0), _mm512_abs_ps(x1)));
	bool finite = !_mm512_cmp_ps_mask(nothing, nothing, _CMP_UNORD_Q), zero = !finite || amax < ACT_LEAST;
	__m512 inverse = _mm512_set1_ps(zero ? 0 : 127.0f / amax);
	__mmask16 keep = zero ? 0 : 0xffff;

	*d = !finite ? NAN : zero ? 0 : amax / 127.0f;
	_mm_storeu_si128((void *)q, _mm512_cvtepi32_epi8(_mm512_maskz_cvtps_epi32(keep, _mm512_mul_ps(x0, inverse))));
	_mm_storeu_si128((void *)(q + 16),
	    _mm512_cvtepi32_epi8(_mm512_maskz_cvtps_epi32(keep, _mm512_mul_ps(x1, inverse))));
}

/* Sums of sixteen: lanes of four bytes, then pairs of lanes twice. */
INLINE void sum_groups(const int8_t *q, size_t n_groups, int32_t *sums)
{
	const __m512i ones = _mm512_set1_epi8(1), none = _mm512_setzero_si512();
	const __m512i firsts = _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 8, 4, 0);

	for (size_t g = 0; g < n_groups; g += 4) {
		size_t n = n_groups - g < 4 ? n_groups - g : 4;
		__m512i lanes = _mm512_dpbusd_epi32(none, ones, bytes_at(q + g * ACT_GROUP, n * ACT_GROUP));
		lanes = _mm512_add_epi32(lanes, _mm512_shuffle_epi32(lanes, 0xb1));
		lanes = _mm512_add_epi32(lanes, _mm512_shuffle_epi32(lanes, 0x4e));
		_mm_mask_storeu_epi32(sums + g, (__mmask8)((1u << n) - 1),
		    _mm512_castsi512_si128(_mm512_permutexvar_epi32(firsts, lanes)));
	}
}

static void round_acts(const float *x, size_t n, int8_t *q, float *d, int32_t *sums)
{
	for (size_t b = 0; b < n / ACT_BLOCK; b++)
		round_block(x + b * ACT_BLOCK, q + b * ACT_BLOCK, d + b);
	sum_groups(q, n / ACT_GROUP, sums);
}

static bool usable(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi") &&
	    __builtin_cpu_supports("fma");
}

#define TABLE_NAME kernels_avx512
#define TABLE_TEXT "avx512"
#include "engine/kernels_table.inc"
#else
typedef int kernels_avx512_needs_its_flags;
#endif
