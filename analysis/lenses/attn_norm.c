/*
 * attn_norm -- length of what attention adds to the residual stream.
 *
 * The L2 norm at attn_out, after the output projection and its bias.  Beside
 * resid_norm it says how much of the stream this layer rewrote (Elhage et al.
 * 2021: every block reads from and writes to one stream).
 */
#include "analysis/lens.h"

#include <math.h>

static void reduce(const struct site_view *at, float *out)
{
	*out = (float)sqrt(kernels()->sum_sq(at->data, (size_t)at->cols));
}

extern const struct lens_def lens_attn_norm;
const struct lens_def lens_attn_norm = {
	.probe = { .name = "attn_norm", .axes = PROBE_LAYERS, .site = SITE_attn_out, .kind = PROBE_LENGTH, .reduce = reduce },
	.doc = "length of what attention adds to the residual stream",
	.read_it = "Set it against resid_norm: a block that adds a tenth of the length of the "
	           "stream nudges it, one that adds as much again turns it. Peaks show the "
	           "layers in which information moves between tokens.",
	.unit = "L2", .source = "Elhage et al. 2021 (residual stream as a sum)",
	.lo = 0, .hi = NAN,
};
