/*
 * mlp_sparsity -- how many neurons of a layer are all but silent.
 *
 * Share of the neurons (site mlp, what the down-projection reads) with |h_i| at
 * most one hundredth of the largest |h| of the layer at this token.  ReLU models
 * have exact zeros to count (ProSparse, Song et al. 2024); with SiLU or GELU a
 * cut is needed, and one relative to the largest does not depend on the scale
 * of the weights (CATS, Lee et al. 2024, cuts by magnitude in the same spirit).
 */
#include "analysis/lens.h"

#include <math.h>

#include "engine/base/half.h"

/* Bits of |x|.  They order as the values do, and integers are compared many at a
 * time where floats, because of NaN, are not. */
static int32_t magnitude(float x)
{
	return (int32_t)(f32_bits(x) & 0x7fffffff);
}

static void reduce(const struct site_view *at, float *out)
{
	int32_t largest = 0, cut;
	int n = 0;

	for (int i = 0; i < at->cols; i++) {
		int32_t m = magnitude(at->data[i]);

		largest = m > largest ? m : largest;
	}
	float most = f32_from_bits((uint32_t)largest);
	cut = magnitude(PROBE_SILENT * most);
	for (int i = 0; i < at->cols; i++)
		n += magnitude(at->data[i]) <= cut;
	*out = isfinite(most) ? (float)n / (float)at->cols : NAN;
}

extern const struct lens_def lens_mlp_sparsity;
const struct lens_def lens_mlp_sparsity = {
	.probe = { .name = "mlp_sparsity", .axes = PROBE_LAYERS,
	           .site = SITE_mlp, .kind = PROBE_SILENT_SHARE, .reduce = reduce },
	.doc = "share of the neurons below a hundredth of the strongest one",
	.read_it = "0.9: nine neurons in ten do next to nothing at this token, the layer "
	           "speaks through the rest. A jump upward often means that one neuron fires "
	           "far above all others.",
	.unit = "share", .source = "after ProSparse, arXiv 2402.13516, and CATS, arXiv 2404.08763",
	.lo = 0, .hi = 1,
};
