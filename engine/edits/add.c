/* add: add a number, or a vector times a number (activation addition, Turner et
 * al. 2023). */
#include "engine/edit.h"

static void apply(float *x, int n, float v)
{
	for (int i = 0; i < n; i++)
		x[i] += v;
}

static void apply_vec(float *x, int n, const float *vec, float v)
{
	for (int i = 0; i < n; i++)
		x[i] += v * vec[i];
}

extern const struct edit_def edit_add;
const struct edit_def edit_add = {
	.name = "add", .symbol = "+", .doc = "add a value, or a vector times a value",
	.apply = apply, .apply_vec = apply_vec,
};
