/*
 * varentropy -- whether the candidates are alike or a few against many.
 *
 * V = sum p (ln p + H)^2, the variance of the surprise -ln p around its mean
 * H, as the entropix sampler uses it.  From one softmax pass: with m2 =
 * sum p (z - lse)^2 it is V = m2 - H^2.
 */
#include "analysis/lens.h"

#include <math.h>

#include "analysis/distrib.h"

static void reduce(const struct site_view *at, float *out)
{
	double h = (double)at->softmax->lse - (double)at->softmax->mean;
	double v = (double)at->softmax->mean_sq - h * h;

	*out = (float)distrib_within(v, 0, INFINITY);
}

extern const struct lens_def lens_varentropy;
const struct lens_def lens_varentropy = {
	.probe = { .name = "varentropy", .axes = PROBE_SCALAR,
	           .site = SITE_logits, .reduce = reduce },
	.doc = "variance of the surprise: alike candidates give 0, a favourite with a long tail much",
	.read_it = "Read it together with entropy. Both low: sure. High entropy and low "
	           "varentropy: many tokens that are about equally good. High varentropy: a "
	           "favourite or two in front of a long tail, so a rare draw from the tail "
	           "would be a real surprise.",
	.unit = "nats^2", .source = "varentropy as in entropix (xjdr 2024)",
	.lo = 0, .hi = NAN,
};
