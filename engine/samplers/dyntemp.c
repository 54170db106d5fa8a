/*
 * dyntemp: a temperature that follows the entropy H of the n candidates,
 *
 *      T = min + (max - min) * (H / ln n)^exponent
 *
 * so that a sure model stays sure and an undecided one may wander (dynamic
 * temperature, as llama.cpp does it).
 */
#include <math.h>

#include "engine/candidates.h"
#include "engine/step.h"

/* Below it a logit over T no longer fits a float, and the favourite has it all. */
static const double least = 1e-30;

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	double lse, h = candidates_entropy(c, &lse, NULL);
	double t = params[0];

	if (c->n < 2)
		return;
	t += (params[1] - params[0]) * pow(fmin(h / log((double)c->n), 1), params[2]);
	if (cx->at) {
		cx->at->out->shown[0] = (float)t;
		cx->at->out->shown[1] = (float)h;
	}
	if (t < least) {
		candidates_only(c, candidates_best(c));
		return;
	}
	for (size_t i = 0; i < c->n; i++)
		c->c[i].logit = (float)((double)c->c[i].logit / t);
	c->n_sorted = 0;
}

extern const struct sampler_def sampler_dyntemp;
const struct sampler_def sampler_dyntemp = {
	.name = "dyntemp",
	.doc = "a temperature between min and max that rises with the entropy of the candidates: "
	       "min + (max - min) (H / ln n)^exponent",
	.source = "llama.cpp",
	.n_params = 3, .n_required = 2,
	.params = { { "min", 0, 100, 0.5 }, { "max", 0, 100, 1.5 }, { "exponent", 0, 100, 1 } },
	.shows = { "temperature", "entropy" },
	.apply = apply,
};
