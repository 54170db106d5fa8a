/*
 * attn_entropy_nosink -- how widely each head looks once the first token is
 * set aside.
 *
 * Many heads park what they do not need on position 0, and that alone pulls
 * their entropy down.  With p0 that share and H the entropy of the whole row,
 * the rest, renormalised, has
 *
 *      H' = (H + p0 ln p0) / (1 - p0) + ln(1 - p0)
 *
 * which costs nothing per position.  H is a difference of floats and good to
 * some 1e-6, so below 1 - p0 = 0.001 the division leaves nothing to trust: a
 * hole, as is the first position, where there is no rest.
 */
#include "analysis/lens.h"

#include <math.h>

#include "analysis/distrib.h"

static const double least_rest = 1e-3;

static double without_first(double h, double p0, int n_rest)
{
	double rest = 1 - p0, h_rest;

	if (!(rest >= least_rest))
		return NAN;
	h_rest = (h + (p0 > 0 ? p0 * log(p0) : 0)) / rest + log(rest);
	return distrib_within(h_rest, 0, log(n_rest));
}

static void reduce(const struct site_view *at, float *out)
{
	for (int r = 0; r < at->rows; r++) {
		double h = (double)at->softmax[r].lse - (double)at->softmax[r].mean;
		double p0 = (double)at->data[(size_t)r * at->stride];

		out[r] = at->cols > 1 ? (float)without_first(h, p0, at->cols - 1) : NAN;
	}
}

extern const struct lens_def lens_attn_entropy_nosink;
const struct lens_def lens_attn_entropy_nosink = {
	.probe = { .name = "attn_entropy_nosink", .axes = PROBE_HEADS,
	           .site = SITE_attn_probs, .kind = PROBE_SOFTMAX, .reduce = reduce },
	.doc = "how widely each head looks when its first-token share is set aside",
	.read_it = "Compare with attn_entropy: where this one is much larger the head was "
	           "resting on the first token and what is left of its attention is spread "
	           "wide. Empty where less than a thousandth is left.",
	.unit = "nats", .source = "own; the sink is Xiao et al. 2023, arXiv 2309.17453",
	.lo = 0, .hi = NAN,
};
