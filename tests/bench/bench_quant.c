/*
 * bench_quant -- how fast matrices are quantized and measured, CPU time a weight.
 *
 * Prints lines `name value unit`, CPU time of one thread: a model of P weights takes
 * P times that over the cores.  Methods that know the inputs get those of a made-up
 * Gram matrix and a smaller matrix.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "analysis/quanterr.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"

enum { ROWS = 256, COLS = 2048, SMALL = 512 };

static double ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void bench(const char *method, const struct tensor *t, struct quant_inputs in)
{
	struct quanterr_options opt = { .in = in };
	struct quant_spec spec;
	struct quanterr q;
	struct err e;
	double start = ns();

	if (!quant_parse(&spec, method, &e) || !quanterr_measure(&q, t, &spec, &opt, &e)) {
		printf("quant.%s skipped: %s\n", method, e.msg);
		return;
	}
	printf("quant.%s%s %.2f ns/weight\n", method, in.gram ? " (inputs known)" : "", (ns() - start) / ((double)t->rows * (double)t->cols));
	quanterr_free(&q);
}

static void bench_calibrated(const float *w)
{
	static const char *const methods[] = { "wanda24", "gptq", "quantease", "slim", "q4_0" };
	struct tensor t = { .name = "w", .type = DTYPE_F32, .n_dims = 2, .ne = { SMALL, SMALL, 1, 1 }, .rows = SMALL,
	    .cols = SMALL, .row_bytes = SMALL * sizeof *w, .data = (const unsigned char *)w };
	double *gram = mem_array((size_t)SMALL * SMALL, sizeof *gram);
	float *moments = mem_array(SMALL, sizeof *moments);

	for (int i = 0; i < SMALL; i++) {
		moments[i] = 1;
		for (int k = 0; k < SMALL; k++)
			gram[(size_t)i * SMALL + (size_t)k] = 1 / (1. + abs(i - k));
	}
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		bench(methods[i], &t, (struct quant_inputs){ moments, gram, 1 });
	free(moments);
	free(gram);
}

int main(void)
{
	static const char *const methods[] = { "f16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k",
		"rtn bits=4 group=128 asym", "rtn_ic bits=4", "adadim", "power bits=4 exponent=0.7", "rf8", "dfloat11",
		"magnitude24", "pvq", "hadamard q4_0", "svd rank=16", "bitstack" };
	float *w = mem_array((size_t)ROWS * COLS, sizeof *w);
	struct tensor t = { .name = "w", .type = DTYPE_F32, .n_dims = 2, .ne = { COLS, ROWS, 1, 1 }, .rows = ROWS,
	    .cols = COLS, .row_bytes = COLS * sizeof *w, .data = (const unsigned char *)w };

	for (uint64_t i = 0; i < (uint64_t)ROWS * COLS; i++)
		w[i] = (float)(rng_uniform(1, i, 0) + rng_uniform(1, i, 1) + rng_uniform(1, i, 2) - 1.5) * 0.02f;
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		bench(methods[i], &t, (struct quant_inputs){ .moments = NULL });
	bench_calibrated(w);
	free(w);
	return 0;
}
