/*
 * top-h: tokens join in order of probability as long as the entropy of the set, its
 * probabilities scaled up to one, stays at or below alpha times the entropy H of
 * all candidates (Baghaei Potraghloo et al. 2025).  Looks at no more than top_n.
 *
 * With s the mass of the set and e = -sum p ln p over it, the entropy of the set is
 * e / s + ln s.  (The program the authors released compares the sums before the
 * scaling, which is another rule; this is the one of the paper.)
 */
#include <math.h>

#include "engine/candidates.h"
#include "engine/step.h"

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	double lse, all = candidates_entropy(c, &lse, NULL), most = params[0] * all, s = 0, e = 0, h = 0, p;
	size_t n = (size_t)params[1] < c->n ? (size_t)params[1] : c->n, kept = 0;

	candidates_sort(c, n);
	for (; kept < n; kept++) {
		candidates_p(c, kept, 1, lse, &p);
		s += p;
		e -= p > 0 ? p * ((double)c->c[kept].logit - lse) : 0;
		/* The first is always in: its entropy is 0 but for rounding. */
		if (kept > 0 && e / s + log(s) > most)
			break;
		h = kept ? e / s + log(s) : 0;
	}
	c->n = c->n_sorted = kept;
	if (cx->at) {
		cx->at->out->shown[0] = (float)all;
		cx->at->out->shown[1] = (float)h;
	}
}

extern const struct sampler_def sampler_top_h;
const struct sampler_def sampler_top_h = {
	.name = "top-h", .doc = "keep the likeliest tokens while their entropy stays within alpha times that of all",
	.source = "Baghaei Potraghloo et al. 2025, arXiv:2509.02510",
	.n_params = 2, .n_required = 0,
	.params = { { "alpha", 0, 1, 0.4 }, { "top_n", 1, 1 << 16, 100 } },
	.shows = { "entropy", "entropy kept" },
	.apply = apply,
};
