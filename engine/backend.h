/*
 * backend -- who computes the forward passes of a session, and where its keys and
 * values lie.
 *
 * One row of functions per backend (backends.def).  All of them keep what
 * forward.h promises: at every site first the edits, then the probes; steps
 * filled in, receipts written; logits within 1e-3 of each other (the L2 norm of
 * the difference over that of the logits), the same bits from the same backend
 * on the same machine.  A pass that fails leaves the positions before it as they
 * were: the session says so and stops there.
 *
 * auto     takes a device only for models of BACKEND_AUTO_BYTES and more, and
 *          only when it agrees with the CPU on a few tokens at opening
 * Owns     cache, scratch and a copy of the weights where it needs one, from
 *          backend_open() to backend_close(); model and pool are borrowed
 * Threads  the engine thread
 */
#ifndef ENGINE_BACKEND_H
#define ENGINE_BACKEND_H

#include "engine/base/pool.h"
#include "engine/forward.h"

enum backend_id {
	BACKEND_UNSAID,         /* cpu, or what CLAMPMETER_BACKEND in the environment says */
#define BACKEND(name) BACKEND_##name,
#include "engine/backends.def"
#undef BACKEND
	N_BACKENDS,
	BACKEND_AUTO = -1,
};

/* Smaller models are read to the end before a device has started. */
enum { BACKEND_AUTO_BYTES = 64 << 20, BACKEND_TEXT = 160 };

struct backend_options {
	const struct model *model;
	struct pool *pool;
	int n_ctx;
	int max_m;              /* positions of a pass */
	int device_m;           /* the same on a device, where more pay; 0: max_m */
	bool exact;
	const struct probe_plan *plan;  /* NULL: no probes */
	int gpu_layers;         /* layers on a device; 0: as many as fit */
	/* Told how far a slow opening is, 0 to 1.  May be NULL. */
	void (*progress)(void *of, double done);
	void *of;
};

struct backend_def {
	const char *name, *doc;
	/* ERR_UNSUPPORTED and what is missing; NULL: always there. */
	bool (*available)(struct err *e);
	/* NULL with ERR_UNSUPPORTED and what is missing, where it cannot be had. */
	void *(*open)(const struct backend_options *o, struct err *e);
	void (*close)(void *b);
	bool (*run)(void *b, const struct pass *p, struct err *e);
	/* As forward_logits() and forward_lens(); NULL when it failed. */
	const float *(*logits)(void *b, const struct pass *p, int row0, int n, struct err *e);
	const float *(*lens)(void *b, const float *resid, int n, struct err *e);
	/* Keys and values of n positions, [n_layers][2][n][n_kv_heads * d_head]: out of the
	 * cache, or back into it. */
	bool (*rows)(void *b, int pos, int n, float *rows, bool back, struct err *e);
	size_t (*bytes)(const void *b);
	/* What runs, for -V, headers and the status line: "avx512"; "cuda, NVIDIA H200, ...". */
	void (*describe)(const void *b, char out[BACKEND_TEXT]);
};

extern const struct backend_def *const backends[N_BACKENDS];    /* [BACKEND_UNSAID] is NULL */

struct backend {
	const struct backend_def *def;
	void *state;
	int max_m;              /* positions it takes at a time */
	char kernels[BACKEND_TEXT];
	/* Why `auto' did not take a device that is there; empty otherwise. */
	char note[2 * BACKEND_TEXT];
};

/* False, with what is missing, where a session could not be had: no device, no driver. */
bool backend_available(int id, struct err *e) MUST_CHECK;
bool backend_open(struct backend *b, int id, const struct backend_options *o, struct err *e) MUST_CHECK;
void backend_close(struct backend *b);

/* Measured in passing for `bench`; false when the backend has no such figures. */
struct backend_speed {
	double copy_gbs, gemm_tflops;
};
bool backend_cuda_speed(struct backend *b, struct backend_speed *out, struct err *e);

/* Tests put another device behind the CUDA backend, or NULL for the real one. */
struct gpu_api;
void backend_cuda_use(const struct gpu_api *api);

#endif
