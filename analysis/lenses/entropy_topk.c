/*
 * entropy_topk -- how open the next token is among the 50 best.
 *
 * H_t of the instability signal: the entropy of the STEP_TOP most probable
 * tokens renormalised to sum to 1, at most ln 50 = 3.91.  Chen, Cheng, Han,
 * Keselj 2026 (arXiv 2602.02863); k = 50 is inferred from their charts.
 */
#include "analysis/lens.h"

#include <math.h>

#include "analysis/topk.h"

static void derive(const struct step *s, const struct step *prev, float *out)
{
	struct topk t;

	(void)prev;
	*out = topk_of_step(s, STEP_TOP, &t) ? (float)topk_entropy(&t) : NAN;
}

extern const struct lens_def lens_entropy_topk;
const struct lens_def lens_entropy_topk = {
	.probe = { .name = "entropy_topk", .axes = PROBE_SCALAR,
	           .site = SITE_NONE, .derive = derive },
	.doc = "how open the next token is among the 50 best, renormalised",
	.read_it = "Like entropy, but the long tail of unlikely tokens is left out, so it "
	           "never exceeds 3.91. This is the uncertainty that instability is made of.",
	.unit = "nats", .source = "Chen et al. 2026, arXiv 2602.02863 (k 50 inferred)",
	.lo = 0, .hi = 3.9120230054281460586f,
};
