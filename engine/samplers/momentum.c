/*
 * momentum: of the k likeliest tokens take the one with the largest
 *
 *      p(v) - alpha * R(l)
 *
 * where l is the length of the longest sequence, up to the token itself, that the
 * text already has and v would complete: 0 when v is new to the text.  R(l) = l up
 * to 5 and no way beyond (Lan et al. 2022, with their resistance for GPT-2).
 */
#include <math.h>

#include "engine/candidates.h"
#include "engine/step.h"

enum { LONGEST = 5 };

/* l of a token, at most LONGEST + 1. */
static int completed(const struct sampler_context *cx, int32_t id)
{
	int longest = 0;

	for (size_t j = 0; j < cx->n_tokens && longest <= LONGEST; j++) {
		int n = 1;

		if (cx->tokens[j] != id)
			continue;
		while (n <= LONGEST && (size_t)n <= j && cx->tokens[j - (size_t)n] == cx->tokens[cx->n_tokens - (size_t)n])
			n++;
		longest = n > longest ? n : longest;
	}
	return longest;
}

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	size_t k = (size_t)params[0] < c->n ? (size_t)params[0] : c->n, best = 0;
	double lse = candidates_lse(c, NULL), most = -INFINITY, p;
	int l = 0, l_first = 0;

	candidates_sort(c, k);
	for (size_t i = 0; i < k; i++) {
		int n = completed(cx, c->c[i].id);

		if (i == 0)
			l = l_first = n;
		if (n > LONGEST)
			continue;
		candidates_p(c, i, 1, lse, &p);
		if (p - params[1] * n > most) {
			most = p - params[1] * n;
			best = i;
			l = n;
		}
	}
	candidates_only(c, best);
	if (cx->at) {
		cx->at->out->shown[0] = (float)l;
		cx->at->out->shown[1] = (float)l_first;
		cx->at->out->shown[2] = (float)best;
	}
}

extern const struct sampler_def sampler_momentum;
const struct sampler_def sampler_momentum = {
	.name = "momentum",
	.doc = "of the k likeliest take the largest p - alpha l, where l is the length of the earlier sequence that the "
	       "token would complete; above 5 it is out",
	.source = "Lan et al. 2022, arXiv:2212.02175",
	.n_params = 2, .n_required = 0, .params = { { "k", 1, 1 << 10, 5 }, { "alpha", 0, 100, 0.2 } },
	.shows = { "l", "l of the likeliest", "rank taken" },
	.apply = apply,
};
