/*
 * block -- what the block formats share: halves at any address, and the packing
 * of 6-bit scales that Q4_K and Q5_K have in common.
 *
 * Layouts and the order of the float operations are those of ggml's reference
 * (ggml-common.h, ggml-quants.c), so that dequantized weights are equal bit for
 * bit.
 */
#ifndef ENGINE_DTYPES_BLOCK_H
#define ENGINE_DTYPES_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/half.h"

enum { QK = 32, QK_K = 256 };   /* weights in a block, and in a super-block */

static inline uint16_t block_u16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline float block_f16(const unsigned char *p)
{
	return f16_to_f32(block_u16(p));
}

static inline void block_put_u16(unsigned char *p, uint16_t v)
{
	p[0] = (unsigned char)v;
	p[1] = (unsigned char)(v >> 8);
}

/* The fifth bits of Q5_0 and Q5_1: weight i of a block has bit i. */
static inline uint32_t block_u32(const unsigned char *p)
{
	return block_u16(p) | (uint32_t)block_u16(p + 2) << 16;
}

static inline void block_put_u32(unsigned char *p, uint32_t v)
{
	block_put_u16(p, (uint16_t)v);
	block_put_u16(p + 2, (uint16_t)(v >> 16));
}

/* Truncates to an int in [0, hi].  The infinities and NaNs of a block whose
 * scale has no inverse become 0, as they do in ggml on x86. */
static inline int block_level(float x, int hi)
{
	int level = x >= 0 && x < 128 ? (int)x : 0;

	return level < hi ? level : hi;
}

/* The element of largest magnitude, with its sign; the first among equals. */
static inline float block_extreme(const float *x)
{
	float amax = 0, at = 0;

	for (int i = 0; i < QK; i++) {
		float a = x[i] < 0 ? -x[i] : x[i];

		if (amax < a) {
			amax = a;
			at = x[i];
		}
	}
	return at;
}

static inline void block_range(const float *x, float *min, float *max)
{
	*min = *max = x[0];
	for (int i = 1; i < QK; i++) {
		if (x[i] < *min)
			*min = x[i];
		if (x[i] > *max)
			*max = x[i];
	}
}

/* Sub-block j of 8: the 12 bytes hold eight 6-bit scales and eight 6-bit
 * minima; the upper two bits of the later four hide above the earlier four. */
static inline void block_scale_min(const unsigned char *s, int j, int *scale, int *min)
{
	if (j < 4) {
		*scale = s[j] & 63;
		*min = s[j + 4] & 63;
	} else {
		*scale = (s[j + 4] & 15) | s[j - 4] >> 6 << 4;
		*min = s[j + 4] >> 4 | s[j] >> 6 << 4;
	}
}

#endif
