/*
 * Q6_K -- 256 weights in 16 groups of 16: w = (d s) (q - 32), q in 0..63, s a
 * signed byte.
 *
 * Layout   128 bytes of low four bits; 64 bytes of upper two; 16 scales; f16 d.
 *          Each half (128 weights) has four runs of 32: runs 0 and 1 are the low
 *          nibbles of its 64 bytes, runs 2 and 3 the high ones; run r has bit
 *          pair r of the 32 bytes of upper bits.
 */
#include "engine/dtype.h"

#include <string.h>

#include "engine/dtypes/search.h"

enum { BYTES = 210, QH = 128, SCALES = 192, D = 208 };

static void dequantize(const void *src, float *dst, size_t n)
{
	const unsigned char *p = src;

	for (; n >= QK_K; n -= QK_K, p += BYTES, dst += QK_K) {
		float d = block_f16(p + D);

		for (int i = 0; i < QK_K; i++) {
			int half = i / 128, run = i / 32 % 4;
			int low = p[half * 64 + run % 2 * 32 + i % 32] >> (run / 2 * 4) & 15;
			int high = p[QH + half * 32 + i % 32] >> (run * 2) & 3;
			float ds = d * (float)(int8_t)p[SCALES + i / 16];

			dst[i] = ds * (float)((low | high << 4) - 32);
		}
	}
}

static void quantize(const float *src, void *dst, size_t n)
{
	unsigned char *p = dst, q[16];

	for (; n >= QK_K; n -= QK_K, p += BYTES, src += QK_K) {
		float want[16], step;

		for (int g = 0; g < 16; g++)
			want[g] = search_symmetric(src + g * 16, 16, 32);
		memset(p, 0, BYTES);
		block_put_u16(p + D, f16_from_f32(search_step(want, 16, 128)));
		step = block_f16(p + D);
		for (int g = 0; g < 16; g++) {
			int half = g / 8, run = g / 2 % 4, s = search_level(want[g] * search_inverse(step), -128, 127);
			unsigned char *low = p + half * 64 + run % 2 * 32 + g % 2 * 16, *high = p + QH + half * 32 + g % 2 * 16;

			p[SCALES + g] = (unsigned char)s;
			search_levels(src + g * 16, 16, 0, search_inverse(step * (float)s), -32, 31, q);
			for (int i = 0; i < 16; i++) {
				low[i] = (unsigned char)(low[i] | (q[i] & 15) << (run / 2 * 4));
				high[i] = (unsigned char)(high[i] | q[i] >> 4 << (run * 2));
			}
		}
	}
}

const struct dtype_def dtype_Q6_K = {
	.name = "Q6_K", .doc = "6 bits, an 8-bit scale for 16 weights",
	.block = QK_K, .bytes = BYTES,
	.dequantize = dequantize, .quantize = quantize,
};
