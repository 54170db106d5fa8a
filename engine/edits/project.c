/* project: take the part along a direction out, v times (directional ablation,
 * Arditi et al. 2024): x - v (x.d) d, with d the vector at length 1. */
#include "engine/edit.h"

static void apply_vec(float *x, int n, const float *vec, float v)
{
	double along = 0, length = 0;

	for (int i = 0; i < n; i++) {
		along += (double)x[i] * (double)vec[i];
		length += (double)vec[i] * (double)vec[i];
	}
	if (length <= 0)
		return;
	for (int i = 0; i < n; i++)
		x[i] -= (float)((double)v * along / length * (double)vec[i]);
}

extern const struct edit_def edit_project;
const struct edit_def edit_project = {
	.name = "project", .symbol = "project", .doc = "take out the part along a vector",
	.apply_vec = apply_vec,
};
