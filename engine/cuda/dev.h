/*
 * dev -- a device: memory, copies, launches, graphs and matrix products.
 *
 * Two implementations: dev_cuda.cu on the CUDA runtime and cuBLAS, and the tests'
 * emulation.  Work is ordered as it is called and done when dev_wait() returns.
 * The first call that fails is remembered with its name; all later ones do
 * nothing, so that only dev_wait() has to be checked, and what was computed since
 * is not used.
 *
 * Threads  one at a time
 */
#ifndef ENGINE_CUDA_DEV_H
#define ENGINE_CUDA_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

struct dev;
struct dev_graph;

struct dev_about {
	char name[96];
	int major, minor;       /* compute capability */
	int units;              /* multiprocessors */
	size_t memory, free;    /* bytes */
	size_t shared;          /* bytes a block may have */
};

#ifdef __cplusplus
extern "C" {
#endif

/* Written by hand: err.c is not part of the shared object. */
bool dev_fail(struct err *e, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

struct dev *dev_open(struct err *e) MUST_CHECK;
void dev_close(struct dev *d);
bool dev_about(struct dev *d, struct dev_about *out, struct err *e) MUST_CHECK;

/* NULL and a failed device when there is no room; `what` names it. */
void *dev_alloc(struct dev *d, size_t bytes, const char *what);
void dev_free(struct dev *d, void *p);
/* Memory of this side that copies run from and to by themselves. */
void *dev_host_alloc(struct dev *d, size_t bytes, const char *what);
void dev_host_free(struct dev *d, void *p);

/* dev_upload() of ordinary memory returns when it is copied out of it. */
void dev_upload(struct dev *d, void *to, const void *from, size_t bytes);
void dev_zero(struct dev *d, void *at, size_t bytes);
void dev_download(struct dev *d, void *to, const void *from, size_t bytes);
/* What is downloaded lies there after dev_wait().
 * `rows` pieces of `bytes`, to_step and from_step apart; either side may be the device. */
void dev_copy_rows(struct dev *d, void *to, size_t to_step, const void *from, size_t from_step, size_t bytes,
    size_t rows);

/* True while every call so far went well. */
bool dev_good(const struct dev *d);
/* Waits for everything; false with the first failure: "cudaGraphLaunch: ...". */
bool dev_wait(struct dev *d, struct err *e) MUST_CHECK;

/* What is called between the two is kept and runs with every dev_replay(). */
void dev_record(struct dev *d);
struct dev_graph *dev_record_end(struct dev *d);
void dev_replay(struct dev *d, struct dev_graph *g);
void dev_graph_free(struct dev *d, struct dev_graph *g);

struct dev_product {
	const uint16_t *w, *x;  /* f16, [rows][n] and [m][n], rows ldw and ldx apart */
	size_t ldw, ldx;
	float *y;               /* [m][rows], ldy apart */
	size_t ldy, m, rows, n;
	float alpha;
	bool add;
};
/* y[j][r] = alpha * sum over k of x[j][k] w[r][k], summed in f32, added to what is there
 * or not. */
void dev_gemm(struct dev *d, const struct dev_product *p);

/* Milliseconds the device took for what was called between the two. */
void dev_clock_start(struct dev *d);
float dev_clock_stop(struct dev *d);

#ifdef __cplusplus
}
#endif

#endif
