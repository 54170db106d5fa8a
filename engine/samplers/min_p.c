/* min-p: drop tokens less likely than p times the likeliest, which is a line at
 * max + ln p among the logits (Nguyen et al. 2024). */
#include <math.h>

#include "engine/candidates.h"

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	size_t kept = 0, sorted = 0;

	(void)cx;
	if (params[0] <= 0)
		return;
	size_t best = candidates_best(c);
	double line = (double)c->c[best].logit + log(params[0]);
	for (size_t i = 0; i < c->n; i++)
		if (i == best || (double)c->c[i].logit >= line) {
			sorted += i < c->n_sorted;
			c->c[kept++] = c->c[i];
		}
	c->n = kept;
	c->n_sorted = sorted;
}

extern const struct sampler_def sampler_min_p;
const struct sampler_def sampler_min_p = {
	.name = "min-p", .doc = "drop tokens less likely than p times the likeliest",
	.source = "Nguyen et al. 2024",
	.n_params = 1, .n_required = 1, .params = { { "p", 0, 1, 0.05 } },
	.apply = apply,
};
