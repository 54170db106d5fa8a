/* top-k: keep the k likeliest (Fan, Lewis and Dauphin 2018). */
#include "engine/sampler.h"

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	size_t k = (size_t)params[0];

	(void)cx;
	if (k == 0 || k >= c->n)
		return;
	candidates_sort(c, k);
	c->n = k;
	if (c->n_sorted > k)
		c->n_sorted = k;
}

extern const struct sampler_def sampler_top_k;
const struct sampler_def sampler_top_k = {
	.name = "top-k", .doc = "keep the k likeliest tokens; 0 keeps all", .source = "Fan et al. 2018",
	.n_params = 1, .n_required = 1, .params = { { "k", 0, 1 << 24, 40 } },
	.apply = apply,
};
