/*
 * Q8_0 -- 32 weights w = d q, q in -127..127.
 *
 * Layout   f16 d; 32 signed bytes
 */
#include <math.h>

#include "engine/dtype.h"
#include "engine/dtypes/block.h"

enum { BYTES = 34 };

static void dequantize(const void *src, float *dst, size_t n)
{
	const unsigned char *p = src;

	for (; n >= QK; n -= QK, p += BYTES, dst += QK) {
		float d = block_f16(p);

		for (int j = 0; j < QK; j++)
			dst[j] = (float)(int8_t)p[2 + j] * d;
	}
}

/* Nearest, halves away from zero; NaN and infinity have no level and become 0. */
static int level(float x)
{
	return fabsf(x) < 128 ? (int)roundf(x) : 0;
}

static void quantize(const float *src, void *dst, size_t n)
{
	unsigned char *p = dst;

	for (; n >= QK; n -= QK, p += BYTES, src += QK) {
		float d = fabsf(block_extreme(src)) / 127, id = d ? 1.0f / d : 0.0f;

		block_put_u16(p, f16_from_f32(d));
		for (int j = 0; j < QK; j++)
			p[2 + j] = (unsigned char)level(src[j] * id);
	}
}

const struct dtype_def dtype_Q8_0 = {
	.name = "Q8_0", .doc = "8 bits, a scale for 32 weights",
	.block = QK, .bytes = BYTES,
	.dequantize = dequantize, .quantize = quantize,
};
