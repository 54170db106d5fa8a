/* top-p: the shortest prefix, by falling probability, that holds mass p or more;
 * the token that crosses the line is in (nucleus sampling, Holtzman et al. 2020). */
#include <math.h>

#include "engine/sampler.h"

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	double lse = candidates_lse(c, NULL), mass = 0;

	(void)cx;
	if (params[0] >= 1)
		return;
	for (size_t i = 0; i < c->n; i++) {
		candidates_sort(c, i + 1);
		mass += exp((double)c->c[i].logit - lse);
		if (mass >= params[0]) {
			c->n = i + 1;
			break;
		}
	}
	if (c->n_sorted > c->n)
		c->n_sorted = c->n;
}

extern const struct sampler_def sampler_top_p;
const struct sampler_def sampler_top_p = {
	.name = "top-p", .doc = "keep the likeliest tokens that together hold probability p",
	.source = "Holtzman et al. 2020",
	.n_params = 1, .n_required = 1, .params = { { "p", 0, 1, 0.95 } },
	.apply = apply,
};
