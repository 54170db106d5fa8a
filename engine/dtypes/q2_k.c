/*
 * Q2_K -- 256 weights in 16 groups of 16: w = (d s) q - (dmin m), q in 0..3,
 * s and m 4 bits each.
 *
 * Layout   16 bytes, scale low and minimum high; 64 bytes of 2-bit q; f16 d;
 *          f16 dmin.  Of each 32 bytes of q the four bit pairs are four runs of
 *          32 weights.
 */
#include "engine/dtype.h"

#include <string.h>

#include "engine/dtypes/search.h"

enum { BYTES = 84 };

static void dequantize(const void *src, float *dst, size_t n)
{
	const unsigned char *p = src;

	for (; n >= QK_K; n -= QK_K, p += BYTES, dst += QK_K) {
		float d = block_f16(p + 80), dmin = block_f16(p + 82);

		for (int i = 0; i < QK_K; i++) {
			float dl = d * (float)(p[i / 16] & 15), ml = dmin * (float)(p[i / 16] >> 4);
			int q = p[16 + i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3;

			dst[i] = dl * (float)q - ml;
		}
	}
}

static void quantize(const float *src, void *dst, size_t n)
{
	unsigned char *p = dst, q[16];

	for (; n >= QK_K; n -= QK_K, p += BYTES, src += QK_K) {
		float scale[16], min[16], step, step_min;

		for (int g = 0; g < 16; g++)
			search_affine(src + g * 16, 16, 3, &scale[g], &min[g]);
		block_put_u16(p + 80, f16_from_f32(search_largest(scale, 16) / 15));
		block_put_u16(p + 82, f16_from_f32(search_largest(min, 16) / 15));
		step = block_f16(p + 80);
		step_min = block_f16(p + 82);
		memset(p + 16, 0, QK_K / 4);
		for (int g = 0; g < 16; g++) {
			int s = search_level(scale[g] * search_inverse(step), 0, 15);
			int m = search_level(min[g] * search_inverse(step_min), 0, 15);
			unsigned char *at = p + 16 + g / 8 * 32 + g % 2 * 16;

			p[g] = (unsigned char)(s | m << 4);
			search_levels(src + g * 16, 16, -step_min * (float)m, search_inverse(step * (float)s), 0, 3, q);
			for (int i = 0; i < 16; i++)
				at[i] = (unsigned char)(at[i] | q[i] << (g / 2 % 4 * 2));
		}
	}
}

const struct dtype_def dtype_Q2_K = {
	.name = "Q2_K", .doc = "2 bits, a 4-bit scale and minimum for 16 weights",
	.block = QK_K, .bytes = BYTES,
	.dequantize = dequantize, .quantize = quantize,
};
