/*
 * simt -- the language the kernels are written in: what CUDA and plain C have in
 * common, so that the same source runs on a device and, thread by thread, in the
 * tests.
 *
 *      KERNEL(name, struct name_args)  { ... a.x ... }         one argument, `a`
 *      LAUNCH(d, name, grid_x, grid_y, threads, shared bytes, args)
 *
 * A block has a multiple of 32 threads; all of them reach every sync_threads()
 * and every reduction, so a kernel returns early only as a whole block.  Shared
 * memory is one array of 16-byte aligned floats, BLOCK_MEMORY(p).
 */
#ifndef ENGINE_CUDA_SIMT_H
#define ENGINE_CUDA_SIMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WARP = 32 };

#ifdef __CUDACC__
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "engine/cuda/dev_launch.h"

#define DEVICE            static __device__ __forceinline__
#define BOTH              static __host__ __device__ __forceinline__
#define KERNEL(name, type) static __global__ void __launch_bounds__(512) name(const __grid_constant__ type a)
#define BLOCK_MEMORY(p)   extern __shared__ float4 simt_shared_[]; float *p = (float *)simt_shared_
#define SHARED_ARRAY(type, name, n) __shared__ type name[n]
#define UNROLL            _Pragma("unroll")
#define THREAD            ((int)threadIdx.x)
#define THREADS           ((int)blockDim.x)
#define BLOCK_X           ((int)blockIdx.x)
#define BLOCK_Y           ((int)blockIdx.y)
#define GRID_X            ((int)gridDim.x)

/* 16 bytes of weights: read once, so they need not stay in the caches. */
DEVICE uint4 load16(const void *p) { return __ldcs((const uint4 *)p); }
DEVICE float4 load4(const float *p) { return *(const float4 *)p; }
DEVICE void sync_threads(void) { __syncthreads(); }
DEVICE float shuffle_xor(float v, int mask) { return __shfl_xor_sync(0xffffffffu, v, mask); }
DEVICE double shuffle_xor_double(double v, int mask) { return __shfl_xor_sync(0xffffffffu, v, mask); }
DEVICE int shuffle_xor_int(int v, int mask) { return __shfl_xor_sync(0xffffffffu, v, mask); }
DEVICE float f16_value(uint32_t bits) { return __half2float(__ushort_as_half((unsigned short)bits)); }
DEVICE uint32_t f16_bits(float v) { return __half_as_ushort(__float2half_rn(v)); }
DEVICE float float_of(uint32_t bits) { return __uint_as_float(bits); }
DEVICE uint32_t bits_of(float v) { return __float_as_uint(v); }
/* Byte `i` of v below the upper half of 2^23: the float 2^23 + byte. */
DEVICE float magic_byte(uint32_t v, int i) { return __uint_as_float(__byte_perm(v, 0x4b000000u, 0x7540u + (unsigned)i)); }
/* One rounding each, whatever the compiler would like to contract. */
DEVICE float mul_rn(float a, float b) { return __fmul_rn(a, b); }
DEVICE float add_rn(float a, float b) { return __fadd_rn(a, b); }
DEVICE float sub_rn(float a, float b) { return __fsub_rn(a, b); }
DEVICE float fma_rn(float a, float b, float c) { return __fmaf_rn(a, b, c); }
#else
#include "tests/emu/simt_emu.h"
#endif

DEVICE float warp_sum(float v)
{
	for (int mask = WARP / 2; mask; mask /= 2)
		v += shuffle_xor(v, mask);
	return v;
}

DEVICE float warp_max(float v)
{
	for (int mask = WARP / 2; mask; mask /= 2) {
		float o = shuffle_xor(v, mask);

		v = o > v ? o : v;
	}
	return v;
}

/* The sum over the block, the same in every thread; always in the same order. */
DEVICE double block_sum(double v)
{
	SHARED_ARRAY(double, part, 32);
	double sum = 0;

	for (int mask = WARP / 2; mask; mask /= 2)
		v += shuffle_xor_double(v, mask);
	sync_threads();
	if (THREAD % WARP == 0)
		part[THREAD / WARP] = v;
	sync_threads();
	for (int i = 0; i < THREADS / WARP; i++)
		sum += part[i];
	return sum;
}

DEVICE float block_max(float v)
{
	SHARED_ARRAY(float, part, 32);

	v = warp_max(v);
	sync_threads();
	if (THREAD % WARP == 0)
		part[THREAD / WARP] = v;
	sync_threads();
	v = part[0];
	for (int i = 1; i < THREADS / WARP; i++)
		v = part[i] > v ? part[i] : v;
	return v;
}

#endif
