/*
 * margin -- how far the favourite leads.
 *
 * p1 - p2, the raw probabilities of the two most probable tokens.  A greedy run
 * takes another path only where this is small.
 */
#include "analysis/lens.h"

#include <math.h>

#include "engine/step.h"

static void derive(const struct step *s, const struct step *prev, float *out)
{
	(void)prev;
	if (!s->has_logits || s->n_top < 1)
		*out = NAN;
	else
		*out = s->top[0].p_raw - (s->n_top > 1 ? s->top[1].p_raw : 0);
}

extern const struct lens_def lens_margin;
const struct lens_def lens_margin = {
	.probe = { .name = "margin", .axes = PROBE_SCALAR, .site = SITE_NONE, .derive = derive },
	.doc = "probability of the favourite minus that of the runner-up",
	.read_it = "Near 1 there is no contest. Near 0 two tokens are level, and a small "
	           "change of the model, of an edit or of rounding decides which one is "
	           "written.",
	.unit = "probability", .source = "Scheffer et al. 2001 (margin sampling)",
	.lo = 0, .hi = 1,
};
