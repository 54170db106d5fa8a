#include "engine/kernels.h"

#if defined(__AVX512VNNI__) && defined(__AVX512VBMI__)
/* vpdpbusd wants its first factor unsigned: the panel holds w + 128. */
#define PANEL_FLIP 0x80u
#include "engine/kernels_avx512.inc"

/* Vectors that share the weights of a panel while these are in registers. */
enum { INT_VECTORS = 6 };

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

static bool usable(void)
{
	return has_avx512();
}

#define TABLE_NAME kernels_avx512
#define TABLE_TEXT "avx512"
#include "engine/kernels_table.inc"
#else
typedef int kernels_avx512_needs_its_flags;
#endif
