/*
 * Q5_K -- 256 weights in 8 groups of 32: w = (d s) q - (dmin m), q in 0..31,
 * s and m 6 bits each.
 *
 * Layout   f16 d; f16 dmin; 12 bytes of scales and minima; 32 bytes of fifth
 *          bits, bit g of byte i for weight i of group g; 128 bytes of low bits
 *          as in Q4_K
 */
#include "engine/dtype.h"
#include "engine/dtypes/search.h"

enum { BYTES = 176, SCALES = 4, QH = 16, QS = 48 };

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
			for (int i = 0; i < 32; i++) {
				int low = q[i] >> shift & 15, fifth = p[QH + i] >> g & 1;

				dst[g * 32 + i] = dl * (float)(low | fifth << 4) - ml;
			}
		}
	}
}

static void quantize(const float *src, void *dst, size_t n)
{
	unsigned char *p = dst, q[QK_K];

	for (; n >= QK_K; n -= QK_K, p += BYTES, src += QK_K) {
		search_put_affine8(src, 31, p, p + SCALES, q);
		for (int i = 0; i < QK_K / 2; i++) {
			const unsigned char *low = q + i / 32 * 64 + i % 32;

			p[QS + i] = (unsigned char)((low[0] & 15) | (low[32] & 15) << 4);
		}
		for (int i = 0; i < 32; i++) {
			int fifths = 0;

			for (int g = 0; g < 8; g++)
				fifths |= q[g * 32 + i] >> 4 << g;
			p[QH + i] = (unsigned char)fifths;
		}
	}
}

const struct dtype_def dtype_Q5_K = {
	.name = "Q5_K", .doc = "5 bits, a 6-bit scale and minimum for 32 weights",
	.block = QK_K, .bytes = BYTES,
	.dequantize = dequantize, .quantize = quantize,
};
