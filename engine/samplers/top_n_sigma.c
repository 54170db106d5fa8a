/*
 * top-n-sigma: keep the tokens whose logit is within n standard deviations of the
 * largest.  Most of a vocabulary is noise around one mean; its spread is the
 * yardstick (Tang et al. 2024).  The deviation is that of all candidates that are
 * possible, dividing by their number.
 */
#include <math.h>

#include "engine/candidates.h"
#include "engine/step.h"

/* Sums are taken from the largest logit, so that large logits lose nothing. */
static double deviation(const struct candidates *c, double top)
{
	double sum = 0, sum_sq = 0, n = 0;

	for (size_t i = 0; i < c->n; i++) {
		double d = (double)c->c[i].logit - top;

		if (d < -1e30)
			continue;
		sum += d;
		sum_sq += d * d;
		n++;
	}
	double var = sum_sq / n - (sum / n) * (sum / n);
	return var > 0 ? sqrt(var) : 0;
}

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	size_t best = candidates_best(c), kept = 0, sorted = 0;
	double top = (double)c->c[best].logit, sigma = deviation(c, top);
	double line = top - params[0] * sigma;

	for (size_t i = 0; i < c->n; i++)
		if (i == best || (double)c->c[i].logit >= line) {
			sorted += i < c->n_sorted;
			c->c[kept++] = c->c[i];
		}
	c->n = kept;
	c->n_sorted = sorted;
	if (cx->at)
		cx->at->out->shown[0] = (float)sigma;
}

extern const struct sampler_def sampler_top_n_sigma;
const struct sampler_def sampler_top_n_sigma = {
	.name = "top-n-sigma", .doc = "keep the tokens whose logit is within n standard deviations of the largest",
	.source = "Tang et al. 2024",
	.n_params = 1, .n_required = 1, .params = { { "n", 0, 100, 1 } },
	.shows = { "sigma" },
	.apply = apply,
};
