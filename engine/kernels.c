#include "engine/kernels.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

extern const struct kernels kernels_ref;
#if defined(__x86_64__)
extern const struct kernels kernels_avx2, kernels_avx512;
#if defined(__linux__)
extern const struct kernels kernels_amx;
#endif
#elif defined(__aarch64__)
extern const struct kernels kernels_neon;
#if defined(__linux__)
extern const struct kernels kernels_neondot;
#endif
#endif

/* Best last. */
const struct kernels *const kernel_tables[] = {
    &kernels_ref,
#if defined(__x86_64__)
    &kernels_avx2,
    &kernels_avx512,
#if defined(__linux__)
    &kernels_amx,
#endif
#elif defined(__aarch64__)
    &kernels_neon,
#if defined(__linux__)
    &kernels_neondot,
#endif
#endif
};
const size_t n_kernel_tables = sizeof kernel_tables / sizeof *kernel_tables;

static const struct kernels *choose(void)
{
	const char *wish = getenv("CLAMPMETER_KERNELS");
	const struct kernels *best = &kernels_ref;

	for (size_t i = 0; i < n_kernel_tables; i++) {
		if (!kernel_tables[i]->usable())
			continue;
		if (wish && !strcmp(wish, kernel_tables[i]->name))
			return kernel_tables[i];
		best = kernel_tables[i];
	}
	return best;
}

const struct kernels *kernels(void)
{
	/* Two threads that come first together choose the same. */
	static _Atomic(const struct kernels *) chosen;
	const struct kernels *k = atomic_load_explicit(&chosen, memory_order_acquire);

	if (!k) {
		k = choose();
		atomic_store_explicit(&chosen, k, memory_order_release);
	}
	return k;
}
