/*
 * Q3_K -- 256 weights in 16 groups of 16: w = d (s - 32) q, q in -4..3, s 6 bits.
 *
 * Layout   32 bytes of third bits, bit r of byte i % 32 for run r = i / 32 (set
 *          means: no 4 is taken off); 64 bytes of 2-bit q as in Q2_K; 12 bytes
 *          of scales; f16 d
 */
#include "engine/dtype.h"

#include <string.h>

#include "engine/dtypes/search.h"

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

static void put_scale(unsigned char *s, int g, int scale6)
{
	s[g % 8] = (unsigned char)(s[g % 8] | (scale6 & 15) << (g / 8 * 4));
	s[8 + g % 4] = (unsigned char)(s[8 + g % 4] | scale6 >> 4 << (g / 4 * 2));
}

static void quantize(const float *src, void *dst, size_t n)
{
	unsigned char *p = dst, q[16];

	for (; n >= QK_K; n -= QK_K, p += BYTES, src += QK_K) {
		float want[16], step;

		for (int g = 0; g < 16; g++)
			want[g] = search_symmetric(src + g * 16, 16, 4);
		memset(p, 0, BYTES);
		block_put_u16(p + D, f16_from_f32(search_step(want, 16, 32)));
		step = block_f16(p + D);
		for (int g = 0; g < 16; g++) {
			int s = search_level(want[g] * search_inverse(step), -32, 31);
			unsigned char *low = p + QS + g / 8 * 32 + g % 2 * 16, *third = p + g % 2 * 16;

			put_scale(p + SCALES, g, s + 32);
			search_levels(src + g * 16, 16, 0, search_inverse(step * (float)s), -4, 3, q);
			for (int i = 0; i < 16; i++) {
				low[i] = (unsigned char)(low[i] | (q[i] & 3) << (g / 2 % 4 * 2));
				third[i] = (unsigned char)(third[i] | q[i] >> 2 << (g / 2));
			}
		}
	}
}

const struct dtype_def dtype_Q3_K = {
	.name = "Q3_K", .doc = "3 bits, a 6-bit scale for 16 weights",
	.block = QK_K, .bytes = BYTES,
	.dequantize = dequantize, .quantize = quantize,
};
