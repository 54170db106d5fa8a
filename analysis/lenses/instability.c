/*
 * instability -- uncertainty and change of mind in one number.
 *
 * I_t = D_t + lambda H_t with lambda = 1: lens jsd plus lens entropy_topk.  Chen
 * et al. 2026 (arXiv 2602.02863) score a whole trace by max I; that the side of
 * lambda does not matter at 1 is why 1 is used (analysis/instability.h takes
 * any).  A hole wherever jsd is one.
 */
#include "analysis/lens.h"

#include <math.h>

#include "analysis/topk.h"

static void derive(const struct step *s, const struct step *prev, float *out)
{
	struct topk now, before;
	double d = 0;

	*out = NAN;
	if (!topk_of_step(s, STEP_TOP, &now))
		return;
	if (prev) {
		if (!topk_of_step(prev, STEP_TOP, &before))
			return;
		d = topk_jsd(&now, &before);
	}
	*out = (float)(d + topk_entropy(&now));
}

extern const struct lens_def lens_instability;
const struct lens_def lens_instability = {
	.probe = { .name = "instability", .axes = PROBE_SCALAR,
	           .site = SITE_NONE, .derive = derive },
	.doc = "uncertainty plus change: jsd + entropy_topk",
	.read_it = "The highest value of a whole answer is the signal: the higher the peak, "
	           "and the later it comes, the more often the answer is wrong. At most 4.61. "
	           "Compare it with its controls (entropy of the first token, mean and largest"
	           " entropy, length): much of it is entropy.",
	.unit = "nats", .source = "Chen et al. 2026, arXiv 2602.02863 (lambda 1)",
	.lo = 0, .hi = 4.6051701859880913680f,
};
