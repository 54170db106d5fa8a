/* F32 -- IEEE single precision, as computed with. */
#include <string.h>

#include "engine/dtype.h"

static void copy(const void *src, float *dst, size_t n)
{
	memcpy(dst, src, n * sizeof *dst);
}

static void store(const float *src, void *dst, size_t n)
{
	memcpy(dst, src, n * sizeof *src);
}

const struct dtype_def dtype_F32 = {
	.name = "F32", .doc = "32-bit float",
	.block = 1, .bytes = 4, .is_float = true,
	.dequantize = copy, .quantize = store,
};
