/*
 * Q4_1 -- 32 weights w = d q + m, q in 0..15.
 *
 * Layout   f16 d; f16 m; 16 bytes, byte j holds weight j (low) and j + 16 (high)
 */
#include "engine/dtype.h"
#include "engine/dtypes/block.h"

enum { BYTES = 20 };

static void dequantize(const void *src, float *dst, size_t n)
{
	const unsigned char *p = src;

	for (; n >= QK; n -= QK, p += BYTES, dst += QK) {
		float d = block_f16(p), m = block_f16(p + 2);

		for (int j = 0; j < QK / 2; j++) {
			dst[j] = (float)(p[4 + j] & 15) * d + m;
			dst[j + QK / 2] = (float)(p[4 + j] >> 4) * d + m;
		}
	}
}

static void quantize(const float *src, void *dst, size_t n)
{
	unsigned char *p = dst;

	for (; n >= QK; n -= QK, p += BYTES, src += QK) {
		float min, max, d, id;

		block_range(src, &min, &max);
		d = (max - min) / 15;
		id = d ? 1.0f / d : 0.0f;
		block_put_u16(p, f16_from_f32(d));
		block_put_u16(p + 2, f16_from_f32(min));
		for (int j = 0; j < QK / 2; j++) {
			int lo = block_level((src[j] - min) * id + 0.5f, 15);
			int hi = block_level((src[j + QK / 2] - min) * id + 0.5f, 15);

			p[4 + j] = (unsigned char)(lo | hi << 4);
		}
	}
}

const struct dtype_def dtype_Q4_1 = {
	.name = "Q4_1", .doc = "4 bits, a scale and a minimum for 32 weights",
	.block = QK, .bytes = BYTES,
	.dequantize = dequantize, .quantize = quantize,
};
