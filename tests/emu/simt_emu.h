/*
 * simt_emu -- the kernels' language (engine/cuda/simt.h) on one core: every
 * thread of a block is a fiber that runs until it waits for others.
 *
 * Blocks run in turn.  Within a block the fibers run in an order that a test can
 * turn round or shuffle (emu_order()): a kernel that forgets a barrier gives
 * other bits.  Shared memory starts as NaN; device memory comes from malloc, so
 * that AddressSanitizer knows its edges.  A barrier or shuffle that not all
 * threads reach ends the test with the kernel's name.
 */
#ifndef TESTS_EMU_SIMT_EMU_H
#define TESTS_EMU_SIMT_EMU_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/half.h"

struct dev;

struct emu_place {
	int thread, threads, block_x, block_y, grid_x;
	float *shared;
};
extern struct emu_place emu_at;

void emu_launch(struct dev *d, const char *name, void (*run)(const void *), const void *args, size_t args_size,
    int grid_x, int grid_y, int threads, size_t shared);
/* Runs the blocks at once; emu_launch() of a device that records keeps them. */
void emu_run(const char *name, void (*run)(const void *), const void *args, int grid_x, int grid_y, int threads,
    size_t shared);

void emu_sync_threads(void);
uint64_t emu_shuffle_xor(uint64_t v, int mask);

/* Not every kernel file uses every word. */
#define DEVICE             static inline __attribute__((unused))
#define BOTH               DEVICE
#define KERNEL(name, type)                                                                   \
	static void name##_thread(const type a);                                             \
	static void name(const void *args) { name##_thread(*(const type *)args); }           \
	static void name##_thread(const type a)
#define LAUNCH(d, name, gx, gy, threads, shared, args)                                       \
	emu_launch(d, #name, name, &(args), sizeof(args), gx, gy, threads, shared)
#define BLOCK_MEMORY(p)    float *p = emu_at.shared
#define SHARED_ARRAY(type, name, n) static type name[n]
#define UNROLL
#define THREAD             (emu_at.thread)
#define THREADS            (emu_at.threads)
#define BLOCK_X            (emu_at.block_x)
#define BLOCK_Y            (emu_at.block_y)
#define GRID_X             (emu_at.grid_x)

typedef struct { uint32_t x, y, z, w; } __attribute__((aligned(16))) uint4;
typedef struct { float x, y, z, w; } __attribute__((aligned(16))) float4;

DEVICE uint4 load16(const void *p) { return *(const uint4 *)p; }
DEVICE float4 load4(const float *p) { return *(const float4 *)(const void *)p; }
DEVICE void sync_threads(void) { emu_sync_threads(); }
DEVICE float shuffle_xor(float v, int mask) { return f32_from_bits((uint32_t)emu_shuffle_xor(f32_bits(v), mask)); }
DEVICE int shuffle_xor_int(int v, int mask) { return (int)(uint32_t)emu_shuffle_xor((uint32_t)v, mask); }
DEVICE double shuffle_xor_double(double v, int mask)
{
	union { double d; uint64_t u; } x = { .d = v };

	x.u = emu_shuffle_xor(x.u, mask);
	return x.d;
}
DEVICE float f16_value(uint32_t bits) { return f16_to_f32((uint16_t)bits); }
DEVICE uint32_t f16_bits(float v) { return f16_from_f32(v); }
DEVICE float float_of(uint32_t bits) { return f32_from_bits(bits); }
DEVICE uint32_t bits_of(float v) { return f32_bits(v); }
DEVICE float magic_byte(uint32_t v, int i) { return f32_from_bits(0x4b000000u | (v >> 8 * i & 255)); }
DEVICE float mul_rn(float a, float b) { return a * b; }
DEVICE float add_rn(float a, float b) { return a + b; }
DEVICE float sub_rn(float a, float b) { return a - b; }
DEVICE float fma_rn(float a, float b, float c) { return fmaf(a, b, c); }

#endif
