/* at_most: one-sided: lower to the value where above it. */
#include "engine/edit.h"

static void apply(float *x, int n, float v)
{
	for (int i = 0; i < n; i++)
		x[i] = x[i] < v ? x[i] : v;
}

extern const struct edit_def edit_at_most;
const struct edit_def edit_at_most = {
	.name = "at_most", .symbol = "min", .doc = "one-sided: lower to the value where above it", .apply = apply,
};
