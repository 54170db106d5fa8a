/*
 * attn_entropy -- how widely each head looks.
 *
 * Entropy of a head's row of attention over the positions it may see.  As for
 * the logits, H = lse - sum p s with s the scaled scores: nothing is summed
 * twice.  Zhai et al. 2023 (entropy collapse), Jha and Reagen 2025.
 */
#include "analysis/lens.h"

#include <math.h>

#include "analysis/distrib.h"

static void reduce(const struct site_view *at, float *out)
{
	double widest = log(at->cols);

	for (int r = 0; r < at->rows; r++) {
		double h = (double)at->softmax[r].lse - (double)at->softmax[r].mean;

		out[r] = (float)distrib_within(h, 0, widest);
	}
}

extern const struct lens_def lens_attn_entropy;
const struct lens_def lens_attn_entropy = {
	.probe = { .name = "attn_entropy", .axes = PROBE_HEADS,
	           .site = SITE_attn_probs, .kind = PROBE_SOFTMAX, .reduce = reduce },
	.doc = "how widely each head looks",
	.read_it = "0: the head reads a single earlier token. e to this number is how many "
	           "tokens it effectively reads: 2.3 is ten. Sharp heads copy or point; wide "
	           "heads average.",
	.unit = "nats", .source = "Zhai et al. 2023, arXiv 2303.06296",
	.lo = 0, .hi = NAN,
};
