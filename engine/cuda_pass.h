/*
 * cuda_pass -- one pass between the engine's words (forward.h) and the device's
 * (cuda/gpu.h): edits as rows of numbers, probes and receipts out of its results.
 */
#ifndef ENGINE_CUDA_PASS_H
#define ENGINE_CUDA_PASS_H

#include "engine/cuda/gpu.h"
#include "engine/forward.h"

struct backend_def;
extern const struct backend_def backend_cpu, backend_cuda;

struct cuda {
	const struct gpu_api *api;
	struct gpu *gpu;
	struct gpu_about about;
	const struct hparams *hp;
	const struct probe_plan *plan;
	bool exact;
	bool split;             /* products of many vectors take two or three parts */
	void *rest;             /* a CPU backend for the layers that are not on the device, or NULL */
	float *resid;           /* [max_m][d_model] what it goes on from */
	struct pass rest_pass;
	/* The edits the device has: */
	const struct edit_set *edits;
	int *edit_at;           /* their places in the set */
	int n_edits;
	/* The pass at work: */
	const struct pass *pass;
	const struct gpu_receipt *receipts;
};

/* Sends the set when it is another than the last. */
bool cuda_pass_edits(struct cuda *c, const struct edit_set *s, struct err *e) MUST_CHECK;
bool cuda_pass_run(struct cuda *c, const struct pass *p, struct gpu_result *r, struct err *e) MUST_CHECK;
const float *cuda_pass_logits(struct cuda *c, const struct pass *p, int row0, int n, struct err *e);

#endif
