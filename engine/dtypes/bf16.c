/* BF16 -- the upper half of a single: its exponent, and 7 bits of mantissa. */
#include "engine/dtype.h"
#include "engine/dtypes/block.h"

static void dequantize(const void *src, float *dst, size_t n)
{
	const unsigned char *p = src;

	for (size_t i = 0; i < n; i++)
		dst[i] = bf16_to_f32(block_u16(p + 2 * i));
}

/* To nearest, ties to even; a NaN stays one even when its low half held the payload. */
static uint16_t round_to_bf16(float f)
{
	uint32_t u = f32_bits(f);

	if ((u & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(u >> 16 | 64);
	return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static void quantize(const float *src, void *dst, size_t n)
{
	unsigned char *p = dst;

	for (size_t i = 0; i < n; i++)
		block_put_u16(p + 2 * i, round_to_bf16(src[i]));
}

const struct dtype_def dtype_BF16 = {
	.name = "BF16", .doc = "16-bit float, the range of F32 with 7 bits of mantissa",
	.block = 1, .bytes = 2, .is_float = true,
	.dequantize = dequantize, .quantize = quantize,
};
