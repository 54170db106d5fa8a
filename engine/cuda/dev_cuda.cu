#include <cublas_v2.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cuda/dev_launch.h"

enum { WORKSPACE = 32 << 20 };

struct dev {
	cudaStream_t stream;
	cublasHandle_t blas;
	void *workspace;
	cudaEvent_t from, to;
	bool failed;
	struct err why;
};

struct dev_graph {
	cudaGraphExec_t exec;
};

bool dev_fail(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	return false;
}

cudaStream_t dev_stream(struct dev *d)
{
	return d->stream;
}

bool dev_good(const struct dev *d)
{
	return !d->failed;
}

void dev_check(struct dev *d, cudaError_t status, const char *call)
{
	if (status == cudaSuccess || d->failed)
		return;
	d->failed = true;
	dev_fail(&d->why, ERR_RUN, "CUDA: %s: %s", call, cudaGetErrorString(status));
}

static void check_blas(struct dev *d, cublasStatus_t status, const char *call)
{
	if (status == CUBLAS_STATUS_SUCCESS || d->failed)
		return;
	d->failed = true;
	dev_fail(&d->why, ERR_RUN, "cuBLAS: %s: %s", call, cublasGetStatusString(status));
}

/* What kept a device from being opened, as a user can act on it. */
static bool no_device(struct err *e, cudaError_t status)
{
	if (status == cudaErrorNoDevice)
		return dev_fail(e, ERR_UNSUPPORTED, "the driver finds no CUDA device");
	if (status == cudaErrorInsufficientDriver)
		return dev_fail(e, ERR_UNSUPPORTED, "the NVIDIA driver is missing or older than CUDA %d.%d", CUDART_VERSION / 1000,
		    CUDART_VERSION % 1000 / 10);
	return dev_fail(e, ERR_UNSUPPORTED, "CUDA: cudaGetDeviceCount: %s", cudaGetErrorString(status));
}

struct dev *dev_open(struct err *e)
{
	int n = 0;
	cudaError_t status = cudaGetDeviceCount(&n);
	struct dev *d;

	if (status != cudaSuccess || n == 0) {
		no_device(e, status != cudaSuccess ? status : cudaErrorNoDevice);
		return NULL;
	}
	if (!(d = (struct dev *)calloc(1, sizeof *d))) {
		dev_fail(e, ERR_RUN, "no memory");
		return NULL;
	}
	dev_check(d, cudaSetDevice(0), "cudaSetDevice");
	if (!d->failed)
		dev_check(d, cudaStreamCreateWithFlags(&d->stream, cudaStreamNonBlocking), "cudaStreamCreate");
	if (!d->failed)
		dev_check(d, cudaEventCreate(&d->from), "cudaEventCreate");
	if (!d->failed)
		dev_check(d, cudaEventCreate(&d->to), "cudaEventCreate");
	if (!d->failed)
		check_blas(d, cublasCreate(&d->blas), "cublasCreate");
	if (!d->failed)
		check_blas(d, cublasSetStream(d->blas, d->stream), "cublasSetStream");
	/* A workspace of its own and whole sums in f32: the same bits in every run. */
	d->workspace = dev_alloc(d, WORKSPACE, "cuBLAS");
	if (!d->failed)
		check_blas(d, cublasSetWorkspace(d->blas, d->workspace, WORKSPACE), "cublasSetWorkspace");
	if (!d->failed)
		check_blas(d, cublasSetMathMode(d->blas, (cublasMath_t)(CUBLAS_DEFAULT_MATH |
		    CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION)), "cublasSetMathMode");
	if (d->failed) {
		*e = d->why;
		dev_close(d);
		return NULL;
	}
	return d;
}

void dev_close(struct dev *d)
{
	if (!d)
		return;
	if (d->stream)
		cudaStreamSynchronize(d->stream);
	if (d->blas)
		cublasDestroy(d->blas);
	cudaFree(d->workspace);
	if (d->from)
		cudaEventDestroy(d->from);
	if (d->to)
		cudaEventDestroy(d->to);
	if (d->stream)
		cudaStreamDestroy(d->stream);
	free(d);
}

bool dev_about(struct dev *d, struct dev_about *out, struct err *e)
{
	struct cudaDeviceProp p;
	size_t free_now = 0, total = 0;

	memset(out, 0, sizeof *out);
	dev_check(d, cudaGetDeviceProperties(&p, 0), "cudaGetDeviceProperties");
	dev_check(d, cudaMemGetInfo(&free_now, &total), "cudaMemGetInfo");
	if (d->failed) {
		*e = d->why;
		return false;
	}
	snprintf(out->name, sizeof out->name, "%.80s", p.name);
	out->major = p.major;
	out->minor = p.minor;
	out->units = p.multiProcessorCount;
	out->shared = p.sharedMemPerBlockOptin - p.reservedSharedMemPerBlock - 2048;
	out->memory = total;
	out->free = free_now;
	return true;
}

void *dev_alloc(struct dev *d, size_t bytes, const char *what)
{
	char call[96];
	void *p = NULL;

	if (d->failed)
		return NULL;
	snprintf(call, sizeof call, "cudaMalloc (%s, %zu bytes)", what, bytes);
	dev_check(d, cudaMalloc(&p, bytes), call);
	return d->failed ? NULL : p;
}

void dev_free(struct dev *d, void *p)
{
	/* A failed device has its first failure told already. */
	(void)d;
	cudaFree(p);
}

void *dev_host_alloc(struct dev *d, size_t bytes, const char *what)
{
	char call[96];
	void *p = NULL;

	if (d->failed)
		return NULL;
	snprintf(call, sizeof call, "cudaMallocHost (%s, %zu bytes)", what, bytes);
	dev_check(d, cudaMallocHost(&p, bytes), call);
	return d->failed ? NULL : p;
}

void dev_host_free(struct dev *d, void *p)
{
	(void)d;
	cudaFreeHost(p);
}

void dev_upload(struct dev *d, void *to, const void *from, size_t bytes)
{
	if (!d->failed && bytes)
		dev_check(d, cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, d->stream), "cudaMemcpyAsync (up)");
}

void dev_download(struct dev *d, void *to, const void *from, size_t bytes)
{
	if (!d->failed && bytes)
		dev_check(d, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, d->stream), "cudaMemcpyAsync (down)");
}

void dev_zero(struct dev *d, void *at, size_t bytes)
{
	if (!d->failed)
		dev_check(d, cudaMemsetAsync(at, 0, bytes, d->stream), "cudaMemsetAsync");
}

void dev_copy_rows(struct dev *d, void *to, size_t to_step, const void *from, size_t from_step, size_t bytes,
    size_t rows)
{
	if (d->failed)
		return;
	if (rows == 1)
		dev_check(d, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, d->stream), "cudaMemcpyAsync");
	else
		dev_check(d, cudaMemcpy2DAsync(to, to_step, from, from_step, bytes, rows, cudaMemcpyDefault, d->stream),
		    "cudaMemcpy2DAsync");
}

bool dev_wait(struct dev *d, struct err *e)
{
	if (!d->failed)
		dev_check(d, cudaStreamSynchronize(d->stream), "cudaStreamSynchronize");
	if (d->failed)
		*e = d->why;
	return !d->failed;
}

void dev_record(struct dev *d)
{
	if (!d->failed)
		dev_check(d, cudaStreamBeginCapture(d->stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
}

struct dev_graph *dev_record_end(struct dev *d)
{
	struct dev_graph *g = (struct dev_graph *)calloc(1, sizeof *g);
	cudaGraph_t graph = NULL;
	/* The capture ends whatever happened in it. */
	cudaError_t status = cudaStreamEndCapture(d->stream, &graph);

	dev_check(d, status, "cudaStreamEndCapture");
	if (!d->failed && g)
		dev_check(d, cudaGraphInstantiate(&g->exec, graph, 0), "cudaGraphInstantiate");
	if (graph)
		cudaGraphDestroy(graph);
	if (!g)
		dev_check(d, cudaErrorMemoryAllocation, "keeping a graph");
	return g;
}

void dev_replay(struct dev *d, struct dev_graph *g)
{
	if (!d->failed)
		dev_check(d, cudaGraphLaunch(g->exec, d->stream), "cudaGraphLaunch");
}

void dev_graph_free(struct dev *d, struct dev_graph *g)
{
	(void)d;
	if (g && g->exec)
		cudaGraphExecDestroy(g->exec);
	free(g);
}

/* cuBLAS counts columns first: y as [ldy][m] is W (transposed) times x. */
void dev_gemm(struct dev *d, const struct dev_product *p)
{
	const float beta = p->add ? 1.0f : 0.0f;

	if (!d->failed)
		check_blas(d, cublasGemmEx(d->blas, CUBLAS_OP_T, CUBLAS_OP_N, (int)p->rows, (int)p->m, (int)p->n, &p->alpha, p->w,
		    CUDA_R_16F, (int)p->ldw, p->x, CUDA_R_16F, (int)p->ldx, &beta, p->y, CUDA_R_32F, (int)p->ldy,
		    CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT), "cublasGemmEx");
}

void dev_clock_start(struct dev *d)
{
	if (!d->failed)
		dev_check(d, cudaEventRecord(d->from, d->stream), "cudaEventRecord");
}

float dev_clock_stop(struct dev *d)
{
	float ms = 0;

	if (!d->failed)
		dev_check(d, cudaEventRecord(d->to, d->stream), "cudaEventRecord");
	if (!d->failed)
		dev_check(d, cudaEventSynchronize(d->to), "cudaEventSynchronize");
	if (!d->failed)
		dev_check(d, cudaEventElapsedTime(&ms, d->from, d->to), "cudaEventElapsedTime");
	return ms;
}
