/*
 * Q4_0 -- 32 weights w = d (q - 8), q in 0..15.
 *
 * Layout   f16 d; 16 bytes, byte j holds weight j (low) and weight j + 16 (high)
 */
#include "engine/dtype.h"
#include "engine/dtypes/block.h"

enum { BYTES = 18 };

static void dequantize(const void *src, float *dst, size_t n)
{
	const unsigned char *p = src;

	for (; n >= QK; n -= QK, p += BYTES, dst += QK) {
		float d = block_f16(p);

		for (int j = 0; j < QK / 2; j++) {
			dst[j] = (float)((p[2 + j] & 15) - 8) * d;
			dst[j + QK / 2] = (float)((p[2 + j] >> 4) - 8) * d;
		}
	}
}

/* d = extreme / -8: the weight of largest magnitude is met exactly, at q = 0. */
static void quantize(const float *src, void *dst, size_t n)
{
	unsigned char *p = dst;

	for (; n >= QK; n -= QK, p += BYTES, src += QK) {
		float d = block_extreme(src) / -8, id = d ? 1.0f / d : 0.0f;

		block_put_u16(p, f16_from_f32(d));
		for (int j = 0; j < QK / 2; j++) {
			int lo = block_level(src[j] * id + 8.5f, 15);
			int hi = block_level(src[j + QK / 2] * id + 8.5f, 15);

			p[2 + j] = (unsigned char)(lo | hi << 4);
		}
	}
}

const struct dtype_def dtype_Q4_0 = {
	.name = "Q4_0", .doc = "4 bits, a scale for 32 weights",
	.block = QK, .bytes = BYTES,
	.dequantize = dequantize, .quantize = quantize,
};
