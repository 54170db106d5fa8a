/* dev_launch -- how simt.h launches a kernel on the device. */
#ifndef ENGINE_CUDA_DEV_LAUNCH_H
#define ENGINE_CUDA_DEV_LAUNCH_H

#include <cuda_runtime.h>

#include "engine/cuda/dev.h"

cudaStream_t dev_stream(struct dev *d);
/* Remembers the first failure and where. */
void dev_check(struct dev *d, cudaError_t status, const char *call);

/* More than 48 KB of shared memory has to be asked for, once a kernel. */
#define LAUNCH(d, name, gx, gy, threads, shared, args)                                       \
	do {                                                                                 \
		if (!dev_good(d))                                                            \
			break;                                                               \
		if ((shared) > (48u << 10))                                                  \
			dev_check(d, cudaFuncSetAttribute(name, cudaFuncAttributeMaxDynamicSharedMemorySize, \
			    (int)(shared)), "cudaFuncSetAttribute (" #name ")");             \
		name<<<dim3((unsigned)(gx), (unsigned)(gy)), (unsigned)(threads), (shared), dev_stream(d)>>>(args); \
		dev_check(d, cudaGetLastError(), "launch of " #name);                        \
	} while (0)

#endif
