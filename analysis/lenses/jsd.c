/*
 * jsd -- how much the prediction changed since the step before.
 *
 * D_t of the instability signal: Jensen-Shannon divergence between the top-50
 * renormalised distributions of this step and the previous one, on the union of
 * their tokens.  Chen et al. 2026 (arXiv 2602.02863); the union rule is ours.
 * The first step of a text has D = 0 by definition.  When this step or the one
 * before has no distribution (a prompt token that was only read) it is a hole.
 */
#include "analysis/lens.h"

#include <math.h>

#include "analysis/topk.h"

static void derive(const struct step *s, const struct step *prev, float *out)
{
	struct topk now, before;

	if (!topk_of_step(s, STEP_TOP, &now))
		*out = NAN;
	else if (!prev)
		*out = 0;
	else
		*out = topk_of_step(prev, STEP_TOP, &before) ? (float)topk_jsd(&now, &before) : NAN;
}

extern const struct lens_def lens_jsd;
const struct lens_def lens_jsd = {
	.probe = { .name = "jsd", .axes = PROBE_SCALAR, .site = SITE_NONE, .derive = derive },
	.doc = "how much the prediction changed since the step before",
	.read_it = "0: the same prediction as before. 0.69 (ln 2): nothing in common. In "
	           "running text it sits close to the ceiling, because neighbouring positions "
	           "want different words; a dip means that the same few tokens stay in play. So the "
	           "scale is logarithmic in the distance below ln 2: full at ln 2 - .0001, one "
	           "quarter lower for about every tenfold distance; where the figure is written "
	           "as ln2-.0033 the last number is that distance.",
	.unit = "nats", .source = "Chen et al. 2026, arXiv 2602.02863; Lin 1991",
	.lo = 0, .hi = 0.69314718055994530942f, .near = 1e-4f, .ceiling = "ln2",
};
