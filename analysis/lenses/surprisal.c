/*
 * surprisal -- how unexpected the token was that came.
 *
 * -ln of its raw probability.  Entropy is what surprisal is on average, before
 * anything was drawn; a token far above the entropy of its step is one that the
 * sampler, or a hand, chose against the odds.
 */
#include "analysis/lens.h"

#include <math.h>

#include "engine/step.h"

static void derive(const struct step *s, const struct step *prev, float *out)
{
	(void)prev;
	/* A rounding error above certainty is certainty. */
	*out = s->has_logits && s->token >= 0 ? fmaxf(-s->logprob, 0) : NAN;
}

extern const struct lens_def lens_surprisal;
const struct lens_def lens_surprisal = {
	.probe = { .name = "surprisal", .axes = PROBE_SCALAR, .site = SITE_NONE, .derive = derive },
	.doc = "how unexpected the token was that came: minus the logarithm of its probability",
	.read_it = "0: the model was sure of exactly this token. 0.7 is a coin toss won, 2.3 one chance in ten, "
	           "4.6 one in a hundred. High where the text turns in a way the model did not see coming.",
	.unit = "nats", .source = "Shannon 1948",
	.lo = 0, .hi = 8,
};
