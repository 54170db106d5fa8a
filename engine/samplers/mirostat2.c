/*
 * mirostat2: keep the tokens whose surprise is at most mu bits, and steer mu so that
 * surprise averages tau (Basu et al. 2021, the second version: no Zipf law).
 */
#include <math.h>

#include "engine/candidates.h"
#include "engine/samplers/mirostat.h"

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	double lse = candidates_lse(c, NULL);
	size_t best = candidates_best(c), kept = 0, sorted = 0;

	if (!cx->at)
		return;
	double line = lse - mirostat_mu(params, cx) * log(2);
	for (size_t i = 0; i < c->n; i++)
		if (i == best || (double)c->c[i].logit >= line) {
			sorted += i < c->n_sorted;
			c->c[kept++] = c->c[i];
		}
	c->n = kept;
	c->n_sorted = sorted;
	mirostat_remember(c, lse, cx);
}

extern const struct sampler_def sampler_mirostat2;
const struct sampler_def sampler_mirostat2 = {
	.name = "mirostat2",
	.doc = "keep the tokens of at most mu bits of surprise, with mu steered so that surprise averages tau; the "
	       "surprise is that of the distribution given, or with after 1 that of what is left",
	.source = "Basu et al. 2021, arXiv:2007.14966; llama.cpp",
	.n_params = MIROSTAT_PARAMS, .n_required = 0, .params = { MIROSTAT_PARAM_ROWS },
	.shows = MIROSTAT_SHOWS,
	.apply = apply, .chosen = mirostat_chosen,
};
