/*
 * mirostat: keep as many tokens as a Zipf law fitted to the likeliest hundred needs
 * for a surprise of mu bits, and steer mu so that surprise averages tau (Basu et
 * al. 2021, the first version).  The authors steer with eta = 1, which makes the
 * number kept swing between one and hundreds; 0.1 is smooth.
 */
#include "engine/candidates.h"
#include "engine/samplers/mirostat.h"

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	double lse = candidates_lse(c, NULL);

	if (!cx->at)
		return;
	double mu = mirostat_mu(params, cx);
	candidates_sort(c, 101);
	candidates_keep(c, mirostat_k(mirostat_zipf(c), mu, c->n));
	mirostat_remember(c, lse, cx);
}

extern const struct sampler_def sampler_mirostat;
const struct sampler_def sampler_mirostat = {
	.name = "mirostat",
	.doc = "keep as many tokens as a fitted Zipf law needs to make surprise average tau bits; the surprise is that "
	       "of the distribution given, or with after 1 that of what is left",
	.source = "Basu et al. 2021, arXiv:2007.14966",
	.n_params = MIROSTAT_PARAMS, .n_required = 0, .params = { MIROSTAT_PARAM_ROWS },
	.shows = MIROSTAT_SHOWS,
	.apply = apply, .chosen = mirostat_chosen,
};
