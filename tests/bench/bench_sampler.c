/*
 * bench_sampler -- what a chain costs over a vocabulary of 151,936.
 *
 * Prints lines `sampler.CHAIN value ms`, the least of some runs of everything that
 * sampler_run() does.  Logits: a likely few in front of a wide tail, or all nearly
 * alike, where a nucleus is most of the vocabulary.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/sampler.h"
#include "engine/step.h"

enum { N = 151936, TEXT = 2000, RUNS = 15 };

static double gauss(uint64_t i)
{
	return sqrt(-2 * log(1 - rng_uniform(1, i, 1))) * cos(2 * 3.141592653589793 * rng_uniform(1, i, 2));
}

static void bench(const char *text, const char *shape, const float *z, float lse)
{
	static int32_t tokens[TEXT];
	struct err e = { 0 };
	struct sampler *s = sampler_new(N, &e);
	const struct chain *c = chain_parse(text, 1, &e);
	struct step step[2] = { { .logits.lse = lse }, { .logits.lse = lse } };
	struct sampler_context cx = { .tokens = tokens, .n_tokens = TEXT, .logits = z };
	double least = INFINITY;

	if (!s || !c) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	for (int i = 0; i < TEXT; i++)
		tokens[i] = (int32_t)(rng_bits(2, (uint64_t)i, 0) % N);
	for (int i = 0; i < RUNS; i++) {
		uint64_t start = clock_ns();

		cx.pos = i;
		sampler_run(s, c, &cx, -1, &step[i % 2]);
		cx.prev = &step[i % 2];
		least = fmin(least, (double)(clock_ns() - start) * 1e-6);
	}
	printf("sampler.%s.\"%s\" %.3f ms (kept %d)\n", shape, text, least, step[0].stages[step[0].n_stages - 1].kept);
	chain_unref(c);
	sampler_free(s);
}

int main(void)
{
	static const char *const chains[] = { SAMPLER_DEFAULT, "temp 0.8", "top-p 0.95", "typical 0.95",
		"temp 0.8 | top-p 0.95 | min-p 0.05", "repeat 1.1 | frequency 0.1 | presence 0.1", "dry 0.8 1.75 2 0",
		"top-n-sigma 1", "top-h", "top-w", "xtc 1 0.01", "dyntemp 0.5 1.5", "mirostat", "mirostat2", "momentum" };
	static const char *const shapes[] = { "text", "flat" };
	float *z = calloc(N, sizeof *z);

	for (int k = 0; k < 2; k++) {
		double sum = 0;

		for (int i = 0; i < N; i++) {
			z[i] = (float)(k ? .02 * gauss((uint64_t)i) : 2 * gauss((uint64_t)i) + (i % 10000 == 7 ? 12 : 0));
			sum += exp((double)z[i]);
		}
		for (size_t i = 0; i < sizeof chains / sizeof *chains; i++)
			bench(chains[i], shapes[k], z, (float)log(sum));
	}
	free(z);
	return 0;
}
