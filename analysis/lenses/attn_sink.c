/*
 * attn_sink -- how much of its attention each head parks on the first token.
 *
 * The probability of key 0.  A softmax has to put its mass somewhere; heads that
 * have nothing to say put it on the beginning.  Xiao et al. 2023.
 */
#include "analysis/lens.h"

#include <math.h>

static void reduce(const struct site_view *at, float *out)
{
	for (int r = 0; r < at->rows; r++)
		out[r] = at->data[(size_t)r * at->stride];
}

extern const struct lens_def lens_attn_sink;
const struct lens_def lens_attn_sink = {
	.probe = { .name = "attn_sink", .axes = PROBE_HEADS, .site = SITE_attn_probs, .kind = PROBE_SOFTMAX, .reduce = reduce },
	.doc = "how much of its attention each head parks on the first token",
	.read_it = "Near 1 the head is idle at this token: it looks at the start of the text "
	           "because it must look somewhere. A head that leaves the sink has found "
	           "something to do.",
	.unit = "share", .source = "Xiao et al. 2023, arXiv 2309.17453",
	.lo = 0, .hi = 1,
};
