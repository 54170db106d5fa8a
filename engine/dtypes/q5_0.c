/*
 * Q5_0 -- 32 weights w = d (q - 16), q in 0..31.
 *
 * Layout   f16 d; u32 of fifth bits, bit i for weight i; 16 bytes of low bits,
 *          byte j holds weight j (low) and weight j + 16 (high)
 */
#include "engine/dtype.h"
#include "engine/dtypes/block.h"

enum { BYTES = 22 };

static void dequantize(const void *src, float *dst, size_t n)
{
	const unsigned char *p = src;

	for (; n >= QK; n -= QK, p += BYTES, dst += QK) {
		float d = block_f16(p);
		uint32_t fifth = block_u32(p + 2);

		for (int j = 0; j < QK / 2; j++) {
			int lo = (p[6 + j] & 15) | (int)(fifth >> j & 1) << 4;
			int hi = p[6 + j] >> 4 | (int)(fifth >> (j + QK / 2) & 1) << 4;

			dst[j] = (float)(lo - 16) * d;
			dst[j + QK / 2] = (float)(hi - 16) * d;
		}
	}
}

static void quantize(const float *src, void *dst, size_t n)
{
	unsigned char *p = dst;

	for (; n >= QK; n -= QK, p += BYTES, src += QK) {
		float d = block_extreme(src) / -16, id = d ? 1.0f / d : 0.0f;
		uint32_t fifth = 0;

		block_put_u16(p, f16_from_f32(d));
		for (int j = 0; j < QK / 2; j++) {
			int lo = block_level(src[j] * id + 16.5f, 31);
			int hi = block_level(src[j + QK / 2] * id + 16.5f, 31);

			p[6 + j] = (unsigned char)((lo & 15) | (hi & 15) << 4);
			fifth |= (uint32_t)(lo >> 4) << j | (uint32_t)(hi >> 4) << (j + QK / 2);
		}
		block_put_u32(p + 2, fifth);
	}
}

const struct dtype_def dtype_Q5_0 = {
	.name = "Q5_0", .doc = "5 bits, a scale for 32 weights",
	.block = QK, .bytes = BYTES,
	.dequantize = dequantize, .quantize = quantize,
};
