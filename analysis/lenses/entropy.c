/*
 * entropy -- how open the next token is, over the whole vocabulary.
 *
 * H = -sum p ln p of the raw next-token distribution.  With lse = ln sum exp(z)
 * every ln p is z - lse, so H = lse - sum p z: both fall out of the pass that
 * normalises the logits.  Shannon 1948.
 */
#include "analysis/lens.h"

#include <math.h>

#include "analysis/distrib.h"

static void reduce(const struct site_view *at, float *out)
{
	double h = (double)at->softmax->lse - (double)at->softmax->mean;

	*out = (float)distrib_within(h, 0, INFINITY);
}

extern const struct lens_def lens_entropy;
const struct lens_def lens_entropy = {
	.probe = { .name = "entropy", .axes = PROBE_SCALAR, .site = SITE_logits, .reduce = reduce },
	.doc = "how open the next token is, over the whole vocabulary",
	.read_it = "0: the model is sure of the next token. 0.7 is a coin toss between two "
	           "tokens, 2.3 a choice among ten; e to this number is how many tokens are "
	           "effectively in the race. Peaks mark the places where the text could have "
	           "gone another way.",
	.unit = "nats", .source = "Shannon 1948",
	.lo = 0, .hi = NAN,
};
