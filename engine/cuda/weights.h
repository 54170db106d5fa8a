/*
 * weights -- matrices on the device, and how a thread reads them.
 *
 * Quantized rows are kept bit for bit, but in planes: of every block the bytes of
 * one kind stand together (all quants, all scales, ...), so that the threads of a
 * warp read neighbouring 16-byte pieces whatever the size of a block.  Float rows
 * are padded to 16 bytes.
 *
 *      weight = scale * (q - zero) - min       q a byte, scale and min of its run
 *
 * A thread works on units: the weights whose quants share 16 bytes, as two or
 * four runs of 16 neighbouring columns.  UNIT_TYPES lists the types with the runs
 * of a unit and the zero.
 */
#ifndef ENGINE_CUDA_WEIGHTS_H
#define ENGINE_CUDA_WEIGHTS_H

#include "engine/cuda/simt.h"
#include "engine/dtype.h"

enum { N_PLANES = 4, RUN = 16, MOST_RUNS = 4 };

/* Part of a block that makes a plane: `n` bytes from byte `at` on. */
struct plane_def {
	int at, n;
};

struct weights {
	enum dtype type;
	size_t rows, cols;
	size_t stride;                          /* of a float row, in weights */
	const unsigned char *plane[N_PLANES];   /* float types have one */
};

struct run {
	uint32_t q[4];          /* 16 bytes */
	float scale, min;
	int col;                /* of the first weight, from the block's first */
};

#define UNIT_TYPES(X)                                                                         \
	X(Q4_0, 2, 8) X(Q4_1, 2, 0) X(Q5_0, 2, 16) X(Q5_1, 2, 0) X(Q8_0, 2, 128)              \
	X(Q2_K, 4, 0) X(Q3_K, 4, 4) X(Q4_K, 2, 0) X(Q5_K, 2, 0) X(Q6_K, 2, 32)

DEVICE uint32_t load_u16(const unsigned char *p)
{
	return *(const uint16_t *)(const void *)p;
}

DEVICE uint32_t load_u32(const unsigned char *p)
{
	return *(const uint32_t *)(const void *)p;
}

DEVICE uint32_t word_of(uint4 v, int i)
{
	return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w;
}

/* Byte i of 16. */
DEVICE uint32_t byte_of(uint4 v, int i)
{
	return word_of(v, i / 4) >> i % 4 * 8 & 255;
}

/* Bits `shift` and up of every byte, as many as the mask keeps. */
DEVICE void take_bits(uint4 v, int shift, uint32_t mask, uint32_t q[4])
{
	q[0] = v.x >> shift & mask;
	q[1] = v.y >> shift & mask;
	q[2] = v.z >> shift & mask;
	q[3] = v.w >> shift & mask;
}

DEVICE void add_bits(uint4 v, int from, int to, uint32_t mask, uint32_t q[4])
{
	q[0] |= (v.x >> from & mask) << to;
	q[1] |= (v.y >> from & mask) << to;
	q[2] |= (v.z >> from & mask) << to;
	q[3] |= (v.w >> from & mask) << to;
}

/* Bit i of 16 becomes bit 4 of byte i. */
DEVICE void add_fifth(uint32_t bits, uint32_t q[4])
{
	for (int i = 0; i < 4; i++)
		q[i] |= ((bits >> 4 * i & 15) * 0x00204081u & 0x01010101u) << 4;
}

DEVICE void unit_Q4_0(const struct weights *w, size_t u, struct run r[2])
{
	uint4 q = load16(w->plane[0] + 16 * u);
	float d = f16_value(load_u16(w->plane[1] + 2 * u));

	take_bits(q, 0, 0x0f0f0f0fu, r[0].q);
	take_bits(q, 4, 0x0f0f0f0fu, r[1].q);
	r[0].scale = r[1].scale = d;
	r[0].min = r[1].min = 0;
	r[0].col = 0;
	r[1].col = 16;
}

DEVICE void unit_Q4_1(const struct weights *w, size_t u, struct run r[2])
{
	uint4 q = load16(w->plane[0] + 16 * u);
	uint32_t dm = load_u32(w->plane[1] + 4 * u);

	take_bits(q, 0, 0x0f0f0f0fu, r[0].q);
	take_bits(q, 4, 0x0f0f0f0fu, r[1].q);
	r[0].scale = r[1].scale = f16_value(dm & 0xffff);
	r[0].min = r[1].min = -f16_value(dm >> 16);
	r[0].col = 0;
	r[1].col = 16;
}

DEVICE void unit_Q5_0(const struct weights *w, size_t u, struct run r[2])
{
	uint4 q = load16(w->plane[0] + 16 * u);
	uint32_t fifth = load_u32(w->plane[1] + 4 * u);

	take_bits(q, 0, 0x0f0f0f0fu, r[0].q);
	take_bits(q, 4, 0x0f0f0f0fu, r[1].q);
	add_fifth(fifth & 0xffff, r[0].q);
	add_fifth(fifth >> 16, r[1].q);
	r[0].scale = r[1].scale = f16_value(load_u16(w->plane[2] + 2 * u));
	r[0].min = r[1].min = 0;
	r[0].col = 0;
	r[1].col = 16;
}

DEVICE void unit_Q5_1(const struct weights *w, size_t u, struct run r[2])
{
	uint4 q = load16(w->plane[0] + 16 * u);
	uint32_t fifth = load_u32(w->plane[1] + 4 * u), dm = load_u32(w->plane[2] + 4 * u);

	take_bits(q, 0, 0x0f0f0f0fu, r[0].q);
	take_bits(q, 4, 0x0f0f0f0fu, r[1].q);
	add_fifth(fifth & 0xffff, r[0].q);
	add_fifth(fifth >> 16, r[1].q);
	r[0].scale = r[1].scale = f16_value(dm & 0xffff);
	r[0].min = r[1].min = -f16_value(dm >> 16);
	r[0].col = 0;
	r[1].col = 16;
}

/* Signed bytes: the zero of 128 makes them unsigned. */
DEVICE void unit_Q8_0(const struct weights *w, size_t u, struct run r[2])
{
	float d = f16_value(load_u16(w->plane[2] + 2 * u));

	for (int i = 0; i < 2; i++) {
		uint4 q = load16(w->plane[i] + 16 * u);

		r[i].q[0] = q.x ^ 0x80808080u;
		r[i].q[1] = q.y ^ 0x80808080u;
		r[i].q[2] = q.z ^ 0x80808080u;
		r[i].q[3] = q.w ^ 0x80808080u;
		r[i].scale = d;
		r[i].min = 0;
		r[i].col = 16 * i;
	}
}

/* Four units of a super-block: half u / 2 of its columns, sixteen bytes u % 2. */
DEVICE void unit_Q2_K(const struct weights *w, size_t u, struct run r[4])
{
	size_t block = u / 4;
	int half = (int)(u % 4) / 2, piece = (int)(u % 2);
	uint4 q = load16(w->plane[0] + 16 * u), sm = load16(w->plane[1] + 16 * block);
	uint32_t dm = load_u32(w->plane[2] + 4 * block);
	float d = f16_value(dm & 0xffff), dmin = f16_value(dm >> 16);

	UNROLL
	for (int i = 0; i < 4; i++) {
		uint32_t s = byte_of(sm, half * 8 + i * 2 + piece);

		take_bits(q, 2 * i, 0x03030303u, r[i].q);
		r[i].scale = mul_rn(d, (float)(s & 15));
		r[i].min = mul_rn(dmin, (float)(s >> 4));
		r[i].col = half * 128 + i * 32 + piece * 16;
	}
}

DEVICE void unit_Q3_K(const struct weights *w, size_t u, struct run r[4])
{
	size_t block = u / 4;
	int half = (int)(u % 4) / 2, piece = (int)(u % 2);
	uint4 q = load16(w->plane[0] + 16 * u), third = load16(w->plane[1] + 32 * block + 16 * piece);
	const unsigned char *s = w->plane[2] + 12 * block;
	float d = f16_value(load_u16(w->plane[3] + 2 * block));

	UNROLL
	for (int i = 0; i < 4; i++) {
		int g = half * 8 + i * 2 + piece;
		int low = s[g % 8] >> g / 8 * 4 & 15, high = s[8 + g % 4] >> g / 4 * 2 & 3;

		take_bits(q, 2 * i, 0x03030303u, r[i].q);
		add_bits(third, half * 4 + i, 2, 0x01010101u, r[i].q);
		r[i].scale = mul_rn(d, (float)((low | high << 4) - 32));
		r[i].min = 0;
		r[i].col = half * 128 + i * 32 + piece * 16;
	}
}

/* Scale and minimum of group g of eight, from the block's first 16 bytes. */
DEVICE void scale_min_k(uint4 head, int g, float *scale, float *min)
{
	float d = f16_value(head.x & 0xffff), dmin = f16_value(head.x >> 16);
	uint32_t s, m;

	if (g < 4) {
		s = byte_of(head, 4 + g) & 63;
		m = byte_of(head, 8 + g) & 63;
	} else {
		s = (byte_of(head, 8 + g) & 15) | byte_of(head, g) >> 6 << 4;
		m = byte_of(head, 8 + g) >> 4 | byte_of(head, 4 + g) >> 6 << 4;
	}
	*scale = mul_rn(d, (float)s);
	*min = mul_rn(dmin, (float)m);
}

DEVICE void unit_Q4_K(const struct weights *w, size_t u, struct run r[2])
{
	size_t block = u / 8;
	int pair = (int)(u % 8) / 2, piece = (int)(u % 2);
	uint4 q = load16(w->plane[0] + 16 * u), head = load16(w->plane[1] + 16 * block);

	UNROLL
	for (int i = 0; i < 2; i++) {
		take_bits(q, 4 * i, 0x0f0f0f0fu, r[i].q);
		scale_min_k(head, 2 * pair + i, &r[i].scale, &r[i].min);
		r[i].col = pair * 64 + i * 32 + piece * 16;
	}
}

DEVICE void unit_Q5_K(const struct weights *w, size_t u, struct run r[2])
{
	size_t block = u / 8;
	int pair = (int)(u % 8) / 2, piece = (int)(u % 2);
	uint4 q = load16(w->plane[0] + 16 * u), head = load16(w->plane[1] + 16 * block);
	uint4 fifth = load16(w->plane[2] + 32 * block + 16 * piece);

	UNROLL
	for (int i = 0; i < 2; i++) {
		take_bits(q, 4 * i, 0x0f0f0f0fu, r[i].q);
		add_bits(fifth, 2 * pair + i, 4, 0x01010101u, r[i].q);
		scale_min_k(head, 2 * pair + i, &r[i].scale, &r[i].min);
		r[i].col = pair * 64 + i * 32 + piece * 16;
	}
}

DEVICE void unit_Q6_K(const struct weights *w, size_t u, struct run r[2])
{
	size_t block = u / 8;
	int half = (int)(u % 8) / 4, row = (int)(u % 4) / 2, piece = (int)(u % 2);
	uint4 q = load16(w->plane[0] + 16 * u), high = load16(w->plane[1] + 64 * block + 32 * half + 16 * piece);
	uint4 scales = load16(w->plane[2] + 16 * block);
	float d = f16_value(load_u16(w->plane[3] + 2 * block));

	UNROLL
	for (int i = 0; i < 2; i++) {
		int run = row + 2 * i;

		take_bits(q, 4 * i, 0x0f0f0f0fu, r[i].q);
		add_bits(high, 2 * run, 4, 0x03030303u, r[i].q);
		r[i].scale = mul_rn(d, (float)(int8_t)byte_of(scales, half * 8 + run * 2 + piece));
		r[i].min = 0;
		r[i].col = half * 128 + run * 32 + piece * 16;
	}
}

/* Four weights of a run without scale and minimum: q - zero, exact. */
DEVICE void levels(uint32_t q, float zero, float out[4])
{
	UNROLL
	for (int i = 0; i < 4; i++)
		out[i] = magic_byte(q, i) - (8388608.0f + zero);
}

/* Weight i of the 16 bytes at p of a float row. */
DEVICE float float_weight(enum dtype type, uint4 v, int i)
{
	if (type == DTYPE_F32)
		return float_of(word_of(v, i));
	uint32_t half = word_of(v, i / 2) >> i % 2 * 16 & 0xffff;

	return type == DTYPE_F16 ? f16_value(half) : float_of(half << 16);
}

#endif
