/* scale: multiply by a factor; 0 ablates. */
#include "engine/edit.h"

static void apply(float *x, int n, float v)
{
	for (int i = 0; i < n; i++)
		x[i] *= v;
}

extern const struct edit_def edit_scale;
const struct edit_def edit_scale = {
	.name = "scale", .symbol = "*", .doc = "multiply by a factor; 0 ablates", .apply = apply,
};
