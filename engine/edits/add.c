/* add: add a value. */
#include "engine/edit.h"

static void apply(float *x, int n, float v)
{
	for (int i = 0; i < n; i++)
		x[i] += v;
}

extern const struct edit_def edit_add;
const struct edit_def edit_add = {
	.name = "add", .symbol = "+", .doc = "add a value", .apply = apply,
};
