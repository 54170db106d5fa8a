/*
 * Q5_1 -- 32 weights w = d q + m, q in 0..31.
 *
 * Layout   f16 d; f16 m; u32 of fifth bits, bit i for weight i; 16 bytes of low
 *          bits, byte j holds weight j (low) and weight j + 16 (high)
 */
#include "engine/dtype.h"
#include "engine/dtypes/block.h"

enum { BYTES = 24 };

static void dequantize(const void *src, float *dst, size_t n)
{
	const unsigned char *p = src;

	for (; n >= QK; n -= QK, p += BYTES, dst += QK) {
		float d = block_f16(p), m = block_f16(p + 2);
		uint32_t fifth = block_u32(p + 4);

		for (int j = 0; j < QK / 2; j++) {
			int lo = (p[8 + j] & 15) | (int)(fifth >> j & 1) << 4;
			int hi = p[8 + j] >> 4 | (int)(fifth >> (j + QK / 2) & 1) << 4;

			dst[j] = (float)lo * d + m;
			dst[j + QK / 2] = (float)hi * d + m;
		}
	}
}

static void quantize(const float *src, void *dst, size_t n)
{
	unsigned char *p = dst;

	for (; n >= QK; n -= QK, p += BYTES, src += QK) {
		float min, max, d, id;
		uint32_t fifth = 0;

		block_range(src, &min, &max);
		d = (max - min) / 31;
		id = d ? 1.0f / d : 0.0f;
		block_put_u16(p, f16_from_f32(d));
		block_put_u16(p + 2, f16_from_f32(min));
		for (int j = 0; j < QK / 2; j++) {
			int lo = block_level((src[j] - min) * id + 0.5f, 31);
			int hi = block_level((src[j + QK / 2] - min) * id + 0.5f, 31);

			p[8 + j] = (unsigned char)((lo & 15) | (hi & 15) << 4);
			fifth |= (uint32_t)(lo >> 4) << j | (uint32_t)(hi >> 4) << (j + QK / 2);
		}
		block_put_u32(p + 4, fifth);
	}
}

const struct dtype_def dtype_Q5_1 = {
	.name = "Q5_1", .doc = "5 bits, a scale and a minimum for 32 weights",
	.block = QK, .bytes = BYTES,
	.dequantize = dequantize, .quantize = quantize,
};
