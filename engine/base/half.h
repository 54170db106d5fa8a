/* half -- f16 and bf16 to and from f32, bit by bit (the definition; kernels have faster ones). */
#ifndef ENGINE_BASE_HALF_H
#define ENGINE_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float f32_from_bits(uint32_t u)
{
	float f;

	memcpy(&f, &u, sizeof f);
	return f;
}

static inline uint32_t f32_bits(float f)
{
	uint32_t u;

	memcpy(&u, &f, sizeof u);
	return u;
}

static inline float bf16_to_f32(uint16_t h)
{
	return f32_from_bits((uint32_t)h << 16);
}

static inline float f16_to_f32(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, exp = h >> 10 & 31, man = h & 0x3ff;

	if (exp == 31)
		return f32_from_bits(sign | 0x7f800000 | man << 13);
	if (exp)
		return f32_from_bits(sign | (exp + 112) << 23 | man << 13);
	/* Subnormal: man * 2^-24, exact in f32. */
	float f = (float)man * 0x1p-24f;
	return sign ? -f : f;
}

/* Rounds to nearest, ties to even; overflow becomes infinity. */
static inline uint16_t f16_from_f32(float f)
{
	uint32_t u = f32_bits(f), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;

	if (a > 0x7f800000)
		return (uint16_t)(sign | 0x7e00);
	if (a >= 0x477ff000)            /* 65520 and up */
		return (uint16_t)(sign | 0x7c00);
	if (a < 0x38800000) {           /* below 2^-14: let the adder round */
		float s = f32_from_bits(a) + 0.5f;
		return (uint16_t)(sign | (f32_bits(s) - 0x3f000000));
	}
	return (uint16_t)(sign | (((a + 0xfff + (a >> 13 & 1)) >> 13) - (112u << 10)));
}

#endif
