#include "engine/base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic uint64_t fake;

uint64_t clock_ns(void)
{
	uint64_t f = atomic_load_explicit(&fake, memory_order_relaxed);
	struct timespec t;

	if (f)
		return f;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void clock_fake(uint64_t ns)
{
	atomic_store(&fake, ns);
}
