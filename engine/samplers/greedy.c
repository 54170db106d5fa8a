/* greedy: always the likeliest token; ties go to the smaller id. */
#include "engine/candidates.h"

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	(void)params, (void)cx;
	candidates_only(c, candidates_best(c));
}

extern const struct sampler_def sampler_greedy;
const struct sampler_def sampler_greedy = {
	.name = "greedy", .doc = "always take the likeliest token", .source = "argmax",
	.apply = apply,
};
