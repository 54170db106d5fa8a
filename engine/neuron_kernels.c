#include "engine/neuron_kernels.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static int32_t dot(const uint8_t *h, const int8_t *w, size_t n)
{
	int32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += ((int32_t)h[i] - 128) * w[i];
	return sum;
}

static void refine(const uint8_t *h1, const uint8_t *h2, const int8_t *w1, const int8_t *w2, size_t n,
    const int32_t sums[2], int32_t out[2])
{
	(void)sums;
	out[0] = dot(h2, w1, n);
	out[1] = dot(h1, w2, n);
}

static float power(float x, float c, float m)
{
	float y = c * x - m;

	return exp2f(y < -126 ? -126 : y > 100 ? 100 : y);
}

static void scan(const struct nk_tile *t, size_t n, const int8_t *q, size_t stride, const struct nk_neuron *p,
    struct nk_out *out)
{
	for (size_t j = 0; j < NK_NEURONS; j++, p++, out++) {
		out->pass = 0;
		out->sum = 0;
		memset(out->dot, 0, sizeof out->dot);
		for (size_t i = 0; i < n / 4; i++)
			for (size_t v = 0; v < NK_TOKENS; v++)
				out->dot[v] += dot(t->panel + (i * NK_TOKENS + v) * 4, q + j * stride + 4 * i, 4);
		for (size_t v = 0; v < NK_TOKENS; v++) {
			float x = (float)out->dot[v] * t->scale[v] + t->bias[v];
			float most = x + p->a * t->norm[v] + p->b * t->err[v];
			/* Not "at least": what cannot be told passes. */
			out->pass |= (uint64_t)!(most < p->floor) << v;
			out->sum += power(x, p->c, p->m);
		}
	}
}

#define PART static
#include "engine/neuron_kernels_parts.inc"

static bool usable(void)
{
	return true;
}

static const struct neuron_kernels neuron_kernels_ref = {
	.name = "ref", .usable = usable, .scan = scan, .refine = refine, .round = round_layers, .turn = turn,
	.dot_f64 = dot_f64,
};

#if defined(__x86_64__)
extern const struct neuron_kernels neuron_kernels_avx2, neuron_kernels_avx512;
#endif

/* Best last. */
const struct neuron_kernels *const neuron_kernel_tables[] = {
	&neuron_kernels_ref,
#if defined(__x86_64__)
	&neuron_kernels_avx2,
	&neuron_kernels_avx512,
#endif
};
const size_t n_neuron_kernel_tables = sizeof neuron_kernel_tables / sizeof *neuron_kernel_tables;

static const struct neuron_kernels *choose(void)
{
	const char *wish = getenv("CLAMPMETER_KERNELS");
	const struct neuron_kernels *best = &neuron_kernels_ref;

	for (size_t i = 0; i < n_neuron_kernel_tables; i++) {
		if (!neuron_kernel_tables[i]->usable())
			continue;
		if (wish && !strcmp(wish, neuron_kernel_tables[i]->name))
			return neuron_kernel_tables[i];
		best = neuron_kernel_tables[i];
	}
	return best;
}

const struct neuron_kernels *neuron_kernels(void)
{
	/* Two threads that come first together choose the same. */
	static _Atomic(const struct neuron_kernels *) chosen;
	const struct neuron_kernels *k = atomic_load_explicit(&chosen, memory_order_acquire);

	if (!k) {
		k = choose();
		atomic_store_explicit(&chosen, k, memory_order_release);
	}
	return k;
}
