/*
 * Q3_K -- 256 weights in 16 groups of 16: w = d (s - 32) q, q in -4..3, s 6 bits.
 *
 * Layout   32 bytes of third bits, bit r of byte i % 32 for run r = i / 32 (set
 *          means: no 4 is taken off); 64 bytes of 2-bit q as in Q2_K; 12 bytes
 *          of scales; f16 d
 */
#include "engine/dtype.h"
#include "engine/dtypes/block.h"

enum { BYTES = 110, QS = 32, SCALES = 96, D = 108 };

/* Group g of 16: low four bits in bytes 0..7 (groups 8 and up in the high
 * nibbles), the upper two in bytes 8..11, four groups a byte. */
static int scale(const unsigned char *s, int g)
{
	int low = s[g % 8] >> (g / 8 * 4) & 15, high = s[8 + g % 4] >> (g / 4 * 2) & 3;

	return (low | high << 4) - 32;
}

static void dequantize(const void *src, float *dst, size_t n)
{
	const unsigned char *p = src;

	for (; n >= QK_K; n -= QK_K, p += BYTES, dst += QK_K) {
		float d = block_f16(p + D), dl = 0;

		for (int i = 0; i < QK_K; i++) {
			int q = p[QS + i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3;

			if (i % 16 == 0)
				dl = d * (float)scale(p + SCALES, i / 16);
			dst[i] = dl * (float)(q - (p[i % 32] >> (i / 32) & 1 ? 0 : 4));
		}
	}
}

const struct dtype_def dtype_Q3_K = {
	.name = "Q3_K", .doc = "3 bits, a 6-bit scale for 16 weights",
	.block = QK_K, .bytes = BYTES,
	.dequantize = dequantize,
};
