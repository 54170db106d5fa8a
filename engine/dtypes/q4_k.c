/*
 * Q4_K -- 256 weights in 8 groups of 32: w = (d s) q - (dmin m), q in 0..15,
 * s and m 6 bits each.
 *
 * Layout   f16 d; f16 dmin; 12 bytes of scales and minima; 128 bytes of q, of
 *          each 32 bytes the low nibbles are one group and the high the next
 */
#include "engine/dtype.h"
#include "engine/dtypes/search.h"

enum { BYTES = 144, SCALES = 4, QS = 16 };

static void dequantize(const void *src, float *dst, size_t n)
{
	const unsigned char *p = src;

	for (; n >= QK_K; n -= QK_K, p += BYTES, dst += QK_K) {
		float d = block_f16(p), dmin = block_f16(p + 2);

		for (int g = 0; g < 8; g++) {
			const unsigned char *q = p + QS + g / 2 * 32;
			int s, m, shift = g % 2 * 4;

			block_scale_min(p + SCALES, g, &s, &m);
			float dl = d * (float)s, ml = dmin * (float)m;
			for (int i = 0; i < 32; i++)
				dst[g * 32 + i] = dl * (float)(q[i] >> shift & 15) - ml;
		}
	}
}

static void quantize(const float *src, void *dst, size_t n)
{
	unsigned char *p = dst, q[QK_K];

	for (; n >= QK_K; n -= QK_K, p += BYTES, src += QK_K) {
		search_put_affine8(src, 15, p, p + SCALES, q);
		for (int i = 0; i < QK_K / 2; i++) {
			const unsigned char *low = q + i / 32 * 64 + i % 32;

			p[QS + i] = (unsigned char)(low[0] | low[32] << 4);
		}
	}
}

const struct dtype_def dtype_Q4_K = {
	.name = "Q4_K", .doc = "4 bits, a 6-bit scale and minimum for 32 weights",
	.block = QK_K, .bytes = BYTES,
	.dequantize = dequantize, .quantize = quantize,
};
