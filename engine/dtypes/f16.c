/* F16 -- IEEE half precision: 5 bits of exponent, 10 of mantissa. */
#include "engine/dtype.h"
#include "engine/dtypes/block.h"

static void dequantize(const void *src, float *dst, size_t n)
{
	const unsigned char *p = src;

	for (size_t i = 0; i < n; i++)
		dst[i] = block_f16(p + 2 * i);
}

static void quantize(const float *src, void *dst, size_t n)
{
	unsigned char *p = dst;

	for (size_t i = 0; i < n; i++)
		block_put_u16(p + 2 * i, f16_from_f32(src[i]));
}

const struct dtype_def dtype_F16 = {
	.name = "F16", .doc = "16-bit float, 10 bits of mantissa",
	.block = 1, .bytes = 2, .is_float = true,
	.dequantize = dequantize, .quantize = quantize,
};
