#include "tests/emu/dev_emu.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/cuda/dev.h"
#include "tests/emu/simt_emu.h"

enum { ARGS = 1024, HEAD = 64 };

/* A call that a recorded pass repeats. */
struct call {
	const char *name;
	void (*run)(const void *);      /* a kernel; NULL: a copy, or a fill when `from` is NULL */
	unsigned char args[ARGS] __attribute__((aligned(16)));
	int grid_x, grid_y, threads;
	size_t shared;
	void *to;
	const void *from;
	size_t bytes;
};

struct dev_graph {
	struct call *calls;
	size_t n;
};

struct dev {
	struct emu_device is;
	size_t used;
	bool failed;
	struct err why;
	struct dev_graph *recording;
	struct timespec clock;
};

struct emu_device emu_device = { .major = 9, .minor = 0, .units = 4, .memory = (size_t)2 << 30, .shared = 48 << 10 };
unsigned long emu_launches, emu_replays;
size_t emu_in_use;
static const char *fail_call;
static int fail_in;

void emu_fail(const char *call, int n)
{
	fail_call = call;
	fail_in = n;
}

bool dev_fail(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	return false;
}

/* True when the call is to be done. */
static bool allowed(struct dev *d, const char *call)
{
	if (d->failed)
		return false;
	if (fail_call && strstr(call, fail_call) && --fail_in == 0) {
		d->failed = true;
		fail_call = NULL;
		return dev_fail(&d->why, ERR_RUN, "CUDA: %s: emulated failure", call);
	}
	return true;
}

struct dev *dev_open(struct err *e)
{
	struct dev *d;

	if (emu_device.units == 0) {
		dev_fail(e, ERR_UNSUPPORTED, "the driver finds no CUDA device");
		return NULL;
	}
	d = calloc(1, sizeof *d);
	d->is = emu_device;
	return d;
}

void dev_close(struct dev *d)
{
	free(d);
}

bool dev_about(struct dev *d, struct dev_about *out, struct err *e)
{
	(void)e;
	*out = (struct dev_about){ .name = "emulated", .major = d->is.major, .minor = d->is.minor, .units = d->is.units,
		.memory = d->is.memory, .free = d->is.memory - d->used, .shared = d->is.shared };
	return true;
}

static void *take(struct dev *d, size_t bytes, const char *kind, const char *what, bool device)
{
	char call[96];
	unsigned char *p;

	snprintf(call, sizeof call, "%s (%s, %zu bytes)", kind, what, bytes);
	if (!allowed(d, call))
		return NULL;
	if (device && d->used + bytes > d->is.memory) {
		d->failed = true;
		dev_fail(&d->why, ERR_RUN, "CUDA: %s: out of memory", call);
		return NULL;
	}
	/* The size stands in front; the rest is for whoever asked, to the byte. */
	p = malloc(HEAD + bytes);
	memcpy(p, &bytes, sizeof bytes);
	memset(p + HEAD, 0xff, bytes);
	d->used += device ? bytes : 0;
	emu_in_use += bytes;
	return p + HEAD;
}

static void give(struct dev *d, void *p, bool device)
{
	size_t bytes;

	if (!p)
		return;
	memcpy(&bytes, (unsigned char *)p - HEAD, sizeof bytes);
	d->used -= device ? bytes : 0;
	emu_in_use -= bytes;
	free((unsigned char *)p - HEAD);
}

void *dev_alloc(struct dev *d, size_t bytes, const char *what)
{
	return take(d, bytes, "cudaMalloc", what, true);
}

void dev_free(struct dev *d, void *p)
{
	give(d, p, true);
}

void *dev_host_alloc(struct dev *d, size_t bytes, const char *what)
{
	return take(d, bytes, "cudaMallocHost", what, false);
}

void dev_host_free(struct dev *d, void *p)
{
	give(d, p, false);
}

static void do_call(const struct call *c)
{
	if (c->run) {
		emu_launches++;
		emu_run(c->name, c->run, c->args, c->grid_x, c->grid_y, c->threads, c->shared);
	} else if (c->from) {
		memmove(c->to, c->from, c->bytes);
	} else {
		memset(c->to, 0, c->bytes);
	}
}

static void call_or_keep(struct dev *d, const struct call *c)
{
	struct dev_graph *g = d->recording;

	if (!allowed(d, c->name))
		return;
	if (!g) {
		do_call(c);
		return;
	}
	g->calls = realloc(g->calls, (g->n + 1) * sizeof *g->calls);
	g->calls[g->n++] = *c;
}

void emu_launch(struct dev *d, const char *name, void (*run)(const void *), const void *args, size_t args_size,
    int grid_x, int grid_y, int threads, size_t shared)
{
	struct call c = { .name = name, .run = run, .grid_x = grid_x, .grid_y = grid_y, .threads = threads, .shared = shared };

	if (args_size > sizeof c.args || shared > d->is.shared) {
		fprintf(stderr, "emulated kernel %s: %zu bytes of arguments, %zu of shared memory\n", name, args_size, shared);
		abort();
	}
	memcpy(c.args, args, args_size);
	call_or_keep(d, &c);
}

static void copy(struct dev *d, const char *name, void *to, const void *from, size_t bytes)
{
	if (bytes)
		call_or_keep(d, &(struct call){ .name = name, .to = to, .from = from, .bytes = bytes });
}

void dev_upload(struct dev *d, void *to, const void *from, size_t bytes)
{
	copy(d, "cudaMemcpyAsync (up)", to, from, bytes);
}

void dev_download(struct dev *d, void *to, const void *from, size_t bytes)
{
	copy(d, "cudaMemcpyAsync (down)", to, from, bytes);
}

void dev_zero(struct dev *d, void *at, size_t bytes)
{
	copy(d, "cudaMemsetAsync", at, NULL, bytes);
}

void dev_copy_rows(struct dev *d, void *to, size_t to_step, const void *from, size_t from_step, size_t bytes, size_t rows)
{
	for (size_t r = 0; r < rows; r++)
		copy(d, "cudaMemcpy2DAsync", (unsigned char *)to + r * to_step, (const unsigned char *)from + r * from_step, bytes);
}

bool dev_good(const struct dev *d)
{
	return !d->failed;
}

bool dev_wait(struct dev *d, struct err *e)
{
	allowed(d, "cudaStreamSynchronize");
	if (d->failed)
		*e = d->why;
	return !d->failed;
}

void dev_record(struct dev *d)
{
	if (allowed(d, "cudaStreamBeginCapture"))
		d->recording = calloc(1, sizeof *d->recording);
}

struct dev_graph *dev_record_end(struct dev *d)
{
	struct dev_graph *g = d->recording;

	d->recording = NULL;
	allowed(d, "cudaGraphInstantiate");
	return g;
}

void dev_replay(struct dev *d, struct dev_graph *g)
{
	if (!allowed(d, "cudaGraphLaunch"))
		return;
	emu_replays++;
	for (size_t i = 0; i < g->n; i++)
		do_call(&g->calls[i]);
}

void dev_graph_free(struct dev *d, struct dev_graph *g)
{
	(void)d;
	if (g)
		free(g->calls);
	free(g);
}

void dev_gemm(struct dev *d, const struct dev_product *p)
{
	if (!allowed(d, "cublasGemmEx"))
		return;
	if (d->recording) {
		fprintf(stderr, "a matrix product cannot be recorded here\n");
		abort();
	}
	for (size_t j = 0; j < p->m; j++)
		for (size_t r = 0; r < p->rows; r++) {
			float *y = &p->y[j * p->ldy + r], sum = 0;

			for (size_t k = 0; k < p->n; k++)
				sum += f16_to_f32(p->x[j * p->ldx + k]) * f16_to_f32(p->w[r * p->ldw + k]);
			*y = p->add ? *y + p->alpha * sum : p->alpha * sum;
		}
}

void dev_clock_start(struct dev *d)
{
	clock_gettime(CLOCK_MONOTONIC, &d->clock);
}

float dev_clock_stop(struct dev *d)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (float)(now.tv_sec - d->clock.tv_sec) * 1e3f + (float)(now.tv_nsec - d->clock.tv_nsec) * 1e-6f;
}
