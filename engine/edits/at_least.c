/* at_least: one-sided: raise to the value where below it. */
#include "engine/edit.h"

static void apply(float *x, int n, float v)
{
	for (int i = 0; i < n; i++)
		x[i] = x[i] > v ? x[i] : v;
}

extern const struct edit_def edit_at_least;
const struct edit_def edit_at_least = {
	.name = "at_least", .symbol = "max", .doc = "one-sided: raise to the value where below it", .apply = apply,
};
