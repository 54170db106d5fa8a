/*
 * mlp_norm -- length of what the MLP adds to the residual stream.
 *
 * The L2 norm at mlp_out, after the down-projection and its bias.  Beside
 * resid_norm it says how much of the stream this layer rewrote (Elhage et al.
 * 2021: every block reads from and writes to one stream).
 */
#include "analysis/lens.h"

#include <math.h>

static void reduce(const struct site_view *at, float *out)
{
	*out = (float)sqrt(kernels()->sum_sq(at->data, (size_t)at->cols));
}

extern const struct lens_def lens_mlp_norm;
const struct lens_def lens_mlp_norm = {
	.probe = { .name = "mlp_norm", .axes = PROBE_LAYERS, .site = SITE_mlp_out, .kind = PROBE_LENGTH, .reduce = reduce },
	.doc = "length of what the MLP adds to the residual stream",
	.read_it = "Set it against resid_norm and attn_norm. Where it leads, the layer adds "
	           "what it remembers rather than what it read elsewhere in the text.",
	.unit = "L2", .source = "Elhage et al. 2021 (residual stream as a sum)",
	.lo = 0, .hi = NAN,
};
