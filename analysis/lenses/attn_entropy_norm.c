/*
 * attn_entropy_norm -- how widely each head looks, of what it could.
 *
 * Entropy of the row divided by ln T, T the number of visible positions: early
 * and late tokens become comparable.  At the first position there is one key
 * and nothing to choose from, 0/0: a hole.
 */
#include "analysis/lens.h"

#include <math.h>

#include "analysis/distrib.h"

static void reduce(const struct site_view *at, float *out)
{
	double widest = log(at->cols);

	for (int r = 0; r < at->rows; r++) {
		double h = (double)at->softmax[r].lse - (double)at->softmax[r].mean;

		out[r] = at->cols > 1 ? (float)distrib_within(h / widest, 0, 1) : NAN;
	}
}

extern const struct lens_def lens_attn_entropy_norm;
const struct lens_def lens_attn_entropy_norm = {
	.probe = { .name = "attn_entropy_norm", .axes = PROBE_HEADS,
	           .site = SITE_attn_probs, .kind = PROBE_SOFTMAX, .reduce = reduce },
	.doc = "how widely each head looks, of what it could: 0 one position, 1 all alike",
	.read_it = "0: the head reads one token. 1: it reads every earlier token alike, which "
	           "carries no information about where things are. Dividing by the length "
	           "makes the start and the end of a text comparable.",
	.unit = "of ln T", .source = "Zhai et al. 2023, arXiv 2303.06296; Jha and Reagen 2025, arXiv 2501.03489",
	.lo = 0, .hi = 1,
};
