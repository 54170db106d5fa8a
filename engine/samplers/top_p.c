/* top-p: the shortest prefix, by falling probability, that holds mass p or more;
 * the token that crosses the line is in (nucleus sampling, Holtzman et al. 2020). */
#include "engine/candidates.h"

enum { FEW = 256 };

static void keep_prefix(struct candidates *c, double wanted)
{
	double lse = candidates_lse(c, NULL), mass = 0, p;

	for (size_t i = 0; i < c->n; i++) {
		candidates_sort(c, i + 1);
		candidates_p(c, i, 1, lse, &p);
		mass += p;
		if (mass >= wanted)
			c->n = i + 1;
	}
	if (c->n_sorted > c->n)
		c->n_sorted = c->n;
}

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	if (params[0] >= 1)
		return;
	if (c->n <= FEW || c->n_sorted == c->n || !cx->at) {
		keep_prefix(c, params[0]);
		return;
	}
	for (size_t i = 0; i < c->n; i++)
		c->c[i].key = c->c[i].logit;
	candidates_nucleus(c, params[0], false, NULL, stage_room(cx, NUCLEUS_ROOM(c->n)));
}

extern const struct sampler_def sampler_top_p;
const struct sampler_def sampler_top_p = {
	.name = "top-p", .doc = "keep the likeliest tokens that together hold probability p",
	.source = "Holtzman et al. 2020",
	.n_params = 1, .n_required = 1, .params = { { "p", 0, 1, 0.95 } },
	.apply = apply,
};
