/*
 * Q2_K -- 256 weights in 16 groups of 16: w = (d s) q - (dmin m), q in 0..3,
 * s and m 4 bits each.
 *
 * Layout   16 bytes, scale low and minimum high; 64 bytes of 2-bit q; f16 d;
 *          f16 dmin.  Of each 32 bytes of q the four bit pairs are four runs of
 *          32 weights.
 */
#include "engine/dtype.h"
#include "engine/dtypes/block.h"

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

const struct dtype_def dtype_Q2_K = {
	.name = "Q2_K", .doc = "2 bits, a 4-bit scale and minimum for 16 weights",
	.block = QK_K, .bytes = BYTES,
	.dequantize = dequantize,
};
