/*
 * cuda_load -- finding the CUDA backend: a driver, and the shared object that the
 * build makes where nvcc is (clampmeter-cuda.so).
 *
 * The object is looked for where CLAMPMETER_CUDA says, beside the program, in
 * ../lib/clampmeter of the program.  The driver is asked first, so that a machine
 * without one does not load cuBLAS to find that out; an object that was named
 * asks for itself.
 */
#ifndef ENGINE_CUDA_LOAD_H
#define ENGINE_CUDA_LOAD_H

#include "engine/cuda/gpu.h"

/* ERR_UNSUPPORTED, naming what is missing: the driver, a device, the object, a
 * library it needs.  The table stays for the life of the process. */
const struct gpu_api *cuda_load(struct err *e) MUST_CHECK;

#endif
