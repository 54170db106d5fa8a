/*
 * bench_kernels -- bare products against what the machine allows.
 *
 * Prints lines `name value unit`.  Weights of a product are spread over a store
 * larger than the caches, as the layers of a model are, unless BENCH_CACHED=1.
 * BENCH_BEST=1 prints the best of the repetitions instead of the median, and
 * BENCH_CPU=1 counts the time of the thread instead of the wall (one thread only):
 * for machines that others use at the same time.
 *   bench_kernels [threads] [types] [m]      e.g. bench_kernels 2 Q8_0,Q4_0 1,8
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/half.h"
#include "engine/base/mem.h"
#include "engine/kernels.h"
#include "engine/machine.h"
#include "engine/matmul.h"

enum { STORE = 512 << 20, MAX_M = 512, MAX_N = 14336, MAX_ROWS = 14336 };

static clockid_t clock_used = CLOCK_MONOTONIC;

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(clock_used, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

#if defined(__x86_64__)
#include <immintrin.h>
enum { CHAINS = 12, LOOPS = 20 << 20 };

__attribute__((target("avx512f"))) static double fma512(void)
{
	__m512 acc[CHAINS], b = _mm512_set1_ps(0.5f);
	double start = seconds();

#pragma GCC unroll 12
	for (int c = 0; c < CHAINS; c++)
		acc[c] = _mm512_set1_ps((float)c);
	for (int i = 0; i < LOOPS; i++)
#pragma GCC unroll 12
		for (int c = 0; c < CHAINS; c++) {
			acc[c] = _mm512_fmadd_ps(acc[c], b, b);
			__asm__ volatile("" : "+v"(acc[c]));
		}
	return 2.0 * 16 * CHAINS * LOOPS / (seconds() - start) * 1e-9;
}

__attribute__((target("avx512f,avx512vnni"))) static double vnni512(void)
{
	__m512i acc[CHAINS], b = _mm512_set1_epi8(3);
	double start = seconds();

#pragma GCC unroll 12
	for (int c = 0; c < CHAINS; c++)
		acc[c] = _mm512_setzero_si512();
	for (int i = 0; i < LOOPS; i++)
#pragma GCC unroll 12
		for (int c = 0; c < CHAINS; c++) {
			acc[c] = _mm512_dpbusd_epi32(acc[c], b, b);
			__asm__ volatile("" : "+v"(acc[c]));
		}
	return 2.0 * 64 * CHAINS * LOOPS / (seconds() - start) * 1e-9;
}

static void fma_task(void *job, int task, int worker)
{
	(void)worker;
	((double *)job)[task] = fma512();
}

static void vnni_task(void *job, int task, int worker)
{
	(void)worker;
	((double *)job)[task] = vnni512();
}

static void peak(struct pool *p, const char *name, pool_fn *fn)
{
	double rates[64] = {0}, sum = 0;
	int n = pool_size(p) < 64 ? pool_size(p) : 64;

	pool_run(p, fn, rates, n);
	for (int i = 0; i < n; i++)
		sum += rates[i];
	printf("%s.t%d %.0f Gop/s\n", name, n, sum);
}

static void peaks(struct pool *p)
{
	if (__builtin_cpu_supports("avx512vnni")) {
		peak(p, "limit.fma", fma_task);
		peak(p, "limit.vnni", vnni_task);
	}
}
#else
static void peaks(struct pool *p)
{
	(void)p;
}
#endif

/* Random bits are as good as any weights, but scales must stay finite. */
static void randomize(unsigned char *p, size_t bytes)
{
	uint64_t seed = 1;

	for (size_t i = 0; i + 8 <= bytes; i += 8) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		uint64_t v = (seed ^ seed >> 29) & 0x3b3b3b3b3b3b3b3bu;
		memcpy(p + i, &v, sizeof v);
	}
}

struct bench {
	struct pool *pool;
	struct matmul *mm;
	struct acts acts;
	unsigned char *store;
	float *x, *y;
	size_t store_bytes;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* One product at a time, each on other weights, until a while has passed; median. */
static void product(struct bench *b, enum dtype t, size_t rows, size_t cols, int m)
{
	size_t row_bytes = dtype_row_bytes(t, cols), bytes = rows * row_bytes, n_copies = b->store_bytes / bytes;
	double times[400], began = seconds();
	int n = 0;

	for (size_t i = 0; n < 400 && (n < 5 || seconds() - began < 0.25); i++) {
		struct tensor w = {.type = t, .rows = rows, .cols = cols, .row_bytes = row_bytes,
		    .data = b->store + (n_copies ? i % n_copies * bytes : 0)};
		struct product p = {.w = &w, .y = b->y, .stride_y = rows};
		acts_set(&b->acts, b->x, cols, m, (int)cols);
		double start = seconds();
		matmul_run(b->mm, &b->acts, &p, 1);
		times[n++] = seconds() - start;
	}
	qsort(times, (size_t)n, sizeof *times, by_value);
	double median = getenv("BENCH_BEST") ? times[0] : times[n / 2];
	printf("%s.%zux%zu.m%d.t%d %.2f GB/s %.1f Gop/s\n", dtypes[t]->name, cols, rows, m, pool_size(b->pool),
	    (double)bytes / median * 1e-9, 2.0 * (double)m * (double)rows * (double)cols / median * 1e-9);
	fflush(stdout);
}

static bool listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p && (p = strstr(p, name)); p++)
		if ((p == list || p[-1] == ',') && (p[n] == ',' || !p[n]))
			return true;
	return !list || !*list;
}

static bool bench_open(struct bench *b, int threads, struct err *e)
{
	if (getenv("BENCH_CPU"))
		clock_used = CLOCK_THREAD_CPUTIME_ID;
	b->store_bytes = getenv("BENCH_CACHED") ? 4 << 20 : STORE;
	if (!(b->pool = pool_new(threads, e)) || !(b->mm = matmul_new(b->pool, getenv("BENCH_EXACT") != NULL, e)) ||
	    !acts_new(&b->acts, MAX_M, MAX_N, e) ||
	    !(b->store = mem_big(1, (size_t)STORE, "weights", e)) ||
	    !(b->x = mem_big((size_t)MAX_M * MAX_N, sizeof *b->x, "inputs", e)) ||
	    !(b->y = mem_big((size_t)MAX_M * MAX_ROWS, sizeof *b->y, "outputs", e)))
		return false;
	randomize(b->store, STORE);
	for (size_t i = 0; i < (size_t)MAX_M * MAX_N; i++)
		b->x[i] = sinf((float)i);
	return true;
}

static void bench_close(struct bench *b)
{
	mem_big_free(b->y);
	mem_big_free(b->x);
	mem_big_free(b->store);
	acts_free(&b->acts);
	matmul_free(b->mm);
	pool_free(b->pool);
}

int main(int argc, char **argv)
{
	static const size_t shapes[][2] = {{576, 1536}, {2048, 5632}, {4096, 14336}};
	static const int ms[] = {1, 8, 64, 512};
	const char *types = argc > 2 ? argv[2] : NULL, *only_m = argc > 3 ? argv[3] : NULL;
	struct err e = {0};
	struct bench b = {0};

	if (!bench_open(&b, argc > 1 ? atoi(argv[1]) : pool_cores(), &e)) {
		fprintf(stderr, "bench_kernels: %s\n", e.msg);
		return 1;
	}
	printf("kernels %s\nblas %s\n", matmul_kernels(), matmul_blas());
	printf("limit.read.dram.t%d %.1f GB/s\n", pool_size(b.pool), machine_read_gbs(b.pool, 512 << 20, 5, &e));
	printf("limit.read.cache.t%d %.1f GB/s\n", pool_size(b.pool), machine_read_gbs(b.pool, 12 << 20, 60, &e));
	peaks(b.pool);
	for (int t = 0; t < N_DTYPES; t++)
		for (size_t s = 0; listed(types, dtypes[t]->name) && s < sizeof shapes / sizeof *shapes; s++)
			for (size_t i = 0; i < sizeof ms / sizeof *ms; i++) {
				char m[12];
				snprintf(m, sizeof m, "%d", ms[i]);
				if (listed(only_m, m) && shapes[s][0] % (size_t)dtypes[t]->block == 0)
					product(&b, (enum dtype)t, shapes[s][1], shapes[s][0], ms[i]);
			}
	bench_close(&b);
	return 0;
}
