/*
 * resid_norm -- length of the residual stream leaving each layer.
 *
 * The L2 norm at resid_post.  The stream adds up what the layers write, so the
 * norm grows with depth; a jump of two orders of magnitude at the first token is
 * the massive activation that goes with attention sinks (Sun et al. 2024).
 */
#include "analysis/lens.h"

#include <math.h>

static void reduce(const struct site_view *at, float *out)
{
	*out = (float)sqrt(kernels()->sum_sq(at->data, (size_t)at->cols));
}

extern const struct lens_def lens_resid_norm;
const struct lens_def lens_resid_norm = {
	.probe = { .name = "resid_norm", .axes = PROBE_LAYERS,
	           .site = SITE_resid_post, .kind = PROBE_LENGTH, .reduce = reduce },
	.doc = "length of the residual stream leaving each layer",
	.read_it = "Grows from layer to layer as each one adds its part. A layer that changes "
	           "it much writes much; a sudden giant, usually at the first token, is the "
	           "resting place that attention sinks use.",
	.unit = "L2", .source = "Sun et al. 2024, arXiv 2402.17762 (massive activations)",
	.lo = 0, .hi = NAN,
};
