/*
 * bench_neuronmap -- neurons per second of the map, against the machine's int8 peak
 * and against the plain way, measured in turn in one run.
 *
 *      bench_neuronmap [threads] [MODEL...]
 *
 * The plain way is an f32 product of a block of neurons with a block of the head
 * (OpenBLAS where the machine has it, one call per worker), then a scan of the
 * scores; its head is widened before the clock starts.  Both ways take the same
 * neurons, the first of the model, and their labels are compared.  A whole map
 * is extrapolated from them.  Without MODEL: random weights in the shape of
 * smollm2-135m.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analysis/neuronscan.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/neuron_kernels.h"

enum { ROUNDS = 3, PLAIN_NEURONS = 256, PLAIN_TOKENS = 1024, TOP = NEURON_LABELS };

typedef void sgemm_fn(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
    const float *b, int ldb, float beta, float *c, int ldc);

static sgemm_fn *sgemm;

static double seconds(void)
{
	return (double)clock_ns() * 1e-9;
}

/* One thread per call: the pool brings the others. */
static void find_blas(void)
{
	void *lib;
	union { void *p; sgemm_fn *f; } fn;
	union { void *p; void (*f)(int); } set;

#if defined(__x86_64__)
	/* It may not know the processor, and is five times slower when it guesses low. */
	if (__builtin_cpu_supports("avx512f"))
		setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
#endif
	if (!(lib = dlopen("libopenblas.so.0", RTLD_NOW)))
		return;
	fn.p = dlsym(lib, "cblas_sgemm");
	set.p = dlsym(lib, "openblas_set_num_threads");
	if (set.p)
		set.f(1);
	sgemm = fn.f;
}

#if defined(__x86_64__)
#include <immintrin.h>
enum { CHAINS = 12, LOOPS = 8 << 20 };
static volatile int sink[64];

__attribute__((target("avx512f,avx512vnni"))) static void peak_task(void *job, int task, int worker)
{
	__m512i acc[CHAINS], b = _mm512_set1_epi8(3);
	double start = seconds();

	(void)worker;
#pragma GCC unroll 12
	for (int c = 0; c < CHAINS; c++)
		acc[c] = _mm512_set1_epi32(c);
	for (int i = 0; i < LOOPS; i++)
#pragma GCC unroll 12
		for (int c = 0; c < CHAINS; c++)
			acc[c] = _mm512_dpbusd_epi32(acc[c], b, b);
#pragma GCC unroll 12
	for (int c = 1; c < CHAINS; c++)
		acc[0] = _mm512_add_epi32(acc[0], acc[c]);
	sink[task] = _mm512_reduce_add_epi32(acc[0]);
	((double *)job)[task] = 2.0 * 64 * CHAINS * LOOPS / (seconds() - start) * 1e-9;
}

static double peak(struct pool *p)
{
	double rate[64] = {0}, sum = 0;
	int n = pool_size(p) < 64 ? pool_size(p) : 64;

	if (!__builtin_cpu_supports("avx512vnni"))
		return 0;
	pool_run(p, peak_task, rate, n);
	for (int i = 0; i < n; i++)
		sum += rate[i];
	return sum;
}
#else
static double peak(struct pool *p)
{
	(void)p;
	return 0;
}
#endif

struct plain {
	const float *head, *w;
	float *scores;                  /* [workers][PLAIN_NEURONS][PLAIN_TOKENS] */
	size_t n, n_vocab, d;
	struct best { float score[TOP]; int32_t id[TOP]; } *best;       /* [n] */
};

static void keep(struct best *b, float s, int32_t id)
{
	int i = TOP - 1;

	for (; i > 0 && b->score[i - 1] < s; i--) {
		b->score[i] = b->score[i - 1];
		b->id[i] = b->id[i - 1];
	}
	b->score[i] = s;
	b->id[i] = id;
}

static void plain_task(void *job, int task, int worker)
{
	struct plain *p = job;
	size_t from = (size_t)task * PLAIN_NEURONS, n = p->n - from < PLAIN_NEURONS ? p->n - from : PLAIN_NEURONS;
	float *scores = p->scores + (size_t)worker * PLAIN_NEURONS * PLAIN_TOKENS;

	for (size_t j = 0; j < n; j++)
		for (int i = 0; i < TOP; i++)
			p->best[from + j] = (struct best){{-1e30f, -1e30f, -1e30f, -1e30f, -1e30f, -1e30f, -1e30f, -1e30f,
			    -1e30f, -1e30f}, {0}};
	for (size_t v = 0; v < p->n_vocab; v += PLAIN_TOKENS) {
		size_t m = p->n_vocab - v < PLAIN_TOKENS ? p->n_vocab - v : PLAIN_TOKENS;
		sgemm(101, 111, 112, (int)n, (int)m, (int)p->d, 1, p->w + from * p->d, (int)p->d, p->head + v * p->d,
		    (int)p->d, 0, scores, PLAIN_TOKENS);
		for (size_t j = 0; j < n; j++) {
			struct best *b = &p->best[from + j];
			const float *s = scores + j * PLAIN_TOKENS;
			for (size_t i = 0; i < m; i++)
				if (s[i] > b->score[TOP - 1])
					keep(b, s[i], (int32_t)(v + i));
		}
	}
}

struct bench {
	const struct model *m;
	struct pool *pool;
	size_t n;
	struct neuron_labels *labels;
	struct plain plain;
	struct neuronscan_counts counts;        /* of the last round, which took `wall` */
	double wall;
};

/* Of all threads: on a machine that others use, the honest half of the story. */
static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

struct took {
	double wall, cpu;
};

static struct took run_scan(struct bench *b, struct err *e)
{
	struct neuronscan s = {.m = b->m, .pool = b->pool, .n = b->n};
	double start = seconds(), cpu = cpu_seconds();
	bool ok;

	memset(&b->counts, 0, sizeof b->counts);
	ok = neuronscan_run(&s, b->labels, &b->counts, e);
	return (struct took){ok ? seconds() - start : -1, cpu_seconds() - cpu};
}

static struct took run_plain(struct bench *b)
{
	double start = seconds(), cpu = cpu_seconds();

	pool_run(b->pool, plain_task, &b->plain, (int)((b->plain.n + PLAIN_NEURONS - 1) / PLAIN_NEURONS));
	return (struct took){seconds() - start, cpu_seconds() - cpu};
}

static bool plain_open(struct bench *b, struct err *e)
{
	const struct tensor *h = b->m->w.lm_head ? b->m->w.lm_head : b->m->w.tok_embd;
	struct plain *p = &b->plain;
	float *head, *w;

	p->n = b->n < 1024 ? b->n : 1024;
	p->n_vocab = h->rows;
	p->d = h->cols;
	if (!(head = mem_big(h->rows, h->cols * sizeof *head, "the head in float", e)) ||
	    !(w = mem_big(p->n, h->cols * sizeof *w, "neurons", e)) ||
	    !(p->scores = mem_big((size_t)pool_size(b->pool) * PLAIN_NEURONS, PLAIN_TOKENS * sizeof(float), "scores", e)))
		return false;
	p->best = mem_array(p->n, sizeof *p->best);
	for (size_t v = 0; v < h->rows; v++)
		tensor_row_f32(h, v, head + v * h->cols);
	for (size_t i = 0; i < p->n; i++)
		neuron_vectors(b->m, NEURON_UP, NEURON_RAW, (int)(i / (size_t)b->m->hp.d_ff), (int)(i % (size_t)b->m->hp.d_ff),
		    1, w + i * h->cols);
	p->head = head;
	p->w = w;
	return true;
}

static void plain_close(struct bench *b)
{
	free(b->plain.best);
	mem_big_free(b->plain.scores);
	mem_big_free((void *)(size_t)b->plain.w);
	mem_big_free((void *)(size_t)b->plain.head);
}

struct round {
	struct took scan, plain;
	double peak;
};

/* A block of neurons shares the rounding of the head; fewer were run, so their other
 * parts are multiplied. */
static double whole_map(const struct bench *b, double t, double all)
{
	double block = (double)neuronscan_block(b->m), head = b->counts.round_s * t / b->wall;

	block = block < all ? block : all;
	return all / block * (head + (t - head) * block / (double)b->n);
}

static void report(const struct bench *b, const char *name, const struct round *r)
{
	const struct hparams *hp = &b->m->hp;
	double all = (double)hp->n_layers * (double)hp->d_ff, gop = 2e-9 * (double)hp->n_vocab * (double)hp->d_model;
	double n = (double)b->n, n_plain = (double)b->plain.n;
	struct round best = r[0];
	int t = pool_size(b->pool);
	size_t same = 0;

	for (int i = 1; i < ROUNDS; i++) {
		best.scan.wall = r[i].scan.wall < best.scan.wall ? r[i].scan.wall : best.scan.wall;
		best.scan.cpu = r[i].scan.cpu < best.scan.cpu ? r[i].scan.cpu : best.scan.cpu;
		best.plain.wall = r[i].plain.wall < best.plain.wall ? r[i].plain.wall : best.plain.wall;
		best.plain.cpu = r[i].plain.cpu < best.plain.cpu ? r[i].plain.cpu : best.plain.cpu;
		best.peak = r[i].peak > best.peak ? r[i].peak : best.peak;
	}
	printf("%s.map.t%d %.0f neurons/s %.0f Gop/s, %zu of %.0f neurons; the whole map %.0f s, extrapolated\n", name, t,
	    n / best.scan.wall, gop * n / best.scan.wall, b->n, all, whole_map(b, best.scan.wall, all));
	printf("%s.cpu %.0f neurons in a second of one core, %.0f Gop; the whole map %.0f s of one core\n", name,
	    n / best.scan.cpu, gop * n / best.scan.cpu, whole_map(b, best.scan.cpu, all));
	if (best.peak > 0)
		printf("%s.share %.0f %% of the int8 peak of %.0f Gop/s\n", name,
		    100 * gop * n / best.scan.wall / best.peak, best.peak);
	printf("%s.parts rounding %.0f %%, products %.0f %%, ranking %.0f %%; looked twice %.1f, exact %.1f per neuron\n",
	    name, 100 * b->counts.round_s / b->wall, 100 * b->counts.scan_s / b->wall, 100 * b->counts.rank_s / b->wall,
	    (double)b->counts.looked_twice / n, (double)b->counts.exact / n);
	if (!sgemm)
		return;
	for (size_t i = 0; i < b->plain.n; i++)
		for (int j = 0; j < TOP; j++)
			same += b->plain.best[i].id[j] == b->labels[i].id[j];
	printf("%s.plain.t%d %.0f neurons/s %.0f Gop/s, %.0f Gop in a second of one core; ours is %.2f times as fast, by "
	    "core %.2f; %zu of %zu labels the same in f32\n", name, t, n_plain / best.plain.wall,
	    gop * n_plain / best.plain.wall, gop * n_plain / best.plain.cpu,
	    n / best.scan.wall / (n_plain / best.plain.wall), n / best.scan.cpu / (n_plain / best.plain.cpu), same,
	    b->plain.n * TOP);
}

static bool run_model(struct bench *b, const char *name, size_t most, struct err *e)
{
	struct round r[ROUNDS] = {{.peak = 0}};
	size_t all = (size_t)b->m->hp.n_layers * (size_t)b->m->hp.d_ff;
	bool ok = true;

	b->n = neuronscan_block(b->m) < all ? neuronscan_block(b->m) : all;
	b->n = most && most < b->n ? most : b->n;
	b->labels = mem_array(b->n, sizeof *b->labels);
	if (sgemm)
		ok = plain_open(b, e);
	for (int i = 0; ok && i < ROUNDS; i++) {
		r[i].peak = peak(b->pool);
		r[i].scan = run_scan(b, e);
		ok = (b->wall = r[i].scan.wall) >= 0;
		if (sgemm)
			r[i].plain = run_plain(b);
	}
	if (ok)
		report(b, name, r);
	plain_close(b);
	free(b->labels);
	return ok;
}

static bool from_file(struct pool *pool, const char *path, size_t most, struct err *e)
{
	struct bench b = {.pool = pool};
	struct model *m = model_open(path, NULL, e);
	const char *name = strrchr(path, '/');
	bool ok;

	if (!m)
		return false;
	b.m = m;
	ok = run_model(&b, name ? name + 1 : path, most, e);
	model_close(m);
	return ok;
}

static bool from_nothing(struct pool *pool, struct err *e)
{
	enum { D = 576, FF = 1536, VOCAB = 49152, LAYERS = 30 };
	static struct layer_weights layers[LAYERS];
	size_t n = (size_t)(VOCAB + FF) * D;
	float *x = mem_big(n, sizeof *x, "random weights", e);
	struct tensor head = {.type = DTYPE_F32, .rows = VOCAB, .cols = D, .row_bytes = D * sizeof *x}, up = head;
	struct model m = {.hp = {.n_layers = LAYERS, .d_model = D, .d_ff = FF, .n_vocab = VOCAB}};
	struct bench b = {.pool = pool, .m = &m};
	uint64_t seed = 1;
	bool ok;

	if (!x)
		return false;
	for (size_t i = 0; i < n; i++) {
		double sum = 0;
		for (int j = 0; j < 4; j++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			sum += (double)(seed >> 40) * 0x1p-24 - 0.5;
		}
		x[i] = (float)(0.06 * sum);
	}
	head.data = (const unsigned char *)x;
	up.data = (const unsigned char *)(x + (size_t)VOCAB * D);
	up.rows = FF;
	for (int l = 0; l < LAYERS; l++)
		layers[l].up = &up;
	m.w.tok_embd = &head;
	m.w.layers = layers;
	ok = run_model(&b, "smollm2-135m-shape", 1536, e);
	mem_big_free(x);
	return ok;
}

int main(int argc, char **argv)
{
	struct err e = {0};
	int threads = argc > 1 ? atoi(argv[1]) : 0;
	const char *most = getenv("BENCH_NEURONS");
	struct pool *pool = pool_new(threads > 0 ? threads : pool_cores(), &e);
	bool ok = pool != NULL;

	find_blas();
	printf("neuron kernels %s, plain way %s\n", neuron_kernels()->name, sgemm ? "OpenBLAS" : "not here");
	if (ok && argc < 3)
		ok = from_nothing(pool, &e);
	for (int i = 2; ok && i < argc; i++)
		ok = from_file(pool, argv[i], most ? strtoul(most, NULL, 10) : 0, &e);
	if (!ok)
		fprintf(stderr, "bench_neuronmap: %s\n", e.msg);
	pool_free(pool);
	return !ok;
}
