/* temp: divide the logits by T; 0 is greedy.  What stands before it in the chain
 * sees the distribution at T = 1. */
#include "engine/candidates.h"

/* Below it a logit over T no longer fits a float, and the favourite has it all. */
static const double least = 1e-30;

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	(void)cx;
	if (params[0] < least) {
		candidates_only(c, candidates_best(c));
		return;
	}
	for (size_t i = 0; i < c->n; i++)
		c->c[i].logit = (float)((double)c->c[i].logit / params[0]);
	/* Rounding may have made neighbours equal; ties are ordered by id. */
	c->n_sorted = 0;
}

extern const struct sampler_def sampler_temp;
const struct sampler_def sampler_temp = {
	.name = "temp", .doc = "divide the logits by a temperature: below 1 sharper, above 1 flatter, 0 greedy",
	.source = "softmax temperature",
	.n_params = 1, .n_required = 1, .params = { { "temperature", 0, 100, 0.8 } },
	.apply = apply,
};
