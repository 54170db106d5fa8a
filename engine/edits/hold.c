/* hold: hold at a value. */
#include "engine/edit.h"

static void apply(float *x, int n, float v)
{
	for (int i = 0; i < n; i++)
		x[i] = v;
}

extern const struct edit_def edit_hold;
const struct edit_def edit_hold = {
	.name = "hold", .symbol = "=", .doc = "hold at a value", .apply = apply,
};
