/*
 * upload -- matrices from the model's mapping to the device: float rows padded,
 * quantized blocks taken apart into planes by the device itself.
 */
#ifndef ENGINE_CUDA_UPLOAD_H
#define ENGINE_CUDA_UPLOAD_H

#include "engine/cuda/dev.h"
#include "engine/cuda/gpu.h"
#include "engine/cuda/weights.h"

/* How a type's blocks are cut: plane i is n bytes from byte `at` of each. */
struct upload_def {
	int block, bytes;       /* weights and bytes of a block, as in the file */
	struct plane_def plane[N_PLANES];
};
const struct upload_def *upload_def(enum dtype t);

/* Bytes the matrix takes on the device. */
size_t upload_bytes(const struct gpu_matrix *m);
/* `stage` has room for `room` bytes, a block at least.  Adds what it moved to *moved;
 * asks `go` now and then.  False when that said no; failures are the device's. */
struct upload {
	struct dev *d;
	unsigned char *stage;
	size_t room;
	size_t moved, total;
	bool (*go)(void *of, double done);
	void *of;
};
bool upload_matrix(struct upload *up, const struct gpu_matrix *m, struct weights *out);
void upload_free(struct dev *d, struct weights *w);

#endif
