/*
 * typical: keep the tokens whose surprisal is nearest to the entropy of the
 * candidates, until they hold more than mass p (locally typical sampling,
 * Meister et al. 2023).
 */
#include <math.h>

#include "engine/sampler.h"

static double entropy(const struct candidates *c, double lse)
{
	double h = 0;

	for (size_t i = 0; i < c->n; i++) {
		double logp = (double)c->c[i].logit - lse;

		if (logp > -1e30)
			h -= exp(logp) * logp;
	}
	return h;
}

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	double lse = candidates_lse(c, NULL), h = entropy(c, lse), mass = 0;

	(void)cx;
	if (params[0] >= 1)
		return;
	/* Sort by nearness: it takes the place of the logit for a moment. */
	for (size_t i = 0; i < c->n; i++) {
		c->c[i].key = c->c[i].logit;
		c->c[i].logit = (float)-fabs(lse - (double)c->c[i].logit - h);
	}
	c->n_sorted = 0;
	for (size_t i = 0; i < c->n; i++) {
		candidates_sort(c, i + 1);
		mass += exp((double)c->c[i].key - lse);
		if (mass > params[0]) {
			c->n = i + 1;
			break;
		}
	}
	for (size_t i = 0; i < c->n; i++)
		c->c[i].logit = c->c[i].key;
	c->n_sorted = 0;
}

extern const struct sampler_def sampler_typical;
const struct sampler_def sampler_typical = {
	.name = "typical", .doc = "keep the tokens whose surprisal is nearest to the entropy, up to mass p",
	.source = "Meister et al. 2023",
	.n_params = 1, .n_required = 1, .params = { { "p", 0, 1, 0.95 } },
	.apply = apply,
};
