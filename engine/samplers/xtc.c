/*
 * xtc: exclude top choices.  With the given probability, of the tokens that have at
 * least probability `threshold` all are dropped but the least likely: the text
 * leaves the beaten track where there is another one (Weidmann 2024).  Whether it
 * acts is drawn apart from the token, from numbers of its own.
 */
#include <math.h>
#include <string.h>

#include "engine/candidates.h"
#include "engine/step.h"

/* Falling logit, ties by id: is a behind b? */
static bool behind(const struct candidate *a, const struct candidate *b)
{
	return a->logit < b->logit || (a->logit == b->logit && a->id > b->id);
}

/* Takes out all that stand before `least`.  They are few: what is between them moves
 * as a whole, in its order. */
static void drop_before(struct candidates *c, const struct candidate *least)
{
	size_t kept = 0, from = 0;

	for (size_t i = 0; i <= c->n; i++) {
		if (i < c->n && (c->c[i].logit < least->logit || !behind(least, &c->c[i])))
			continue;
		memmove(c->c + kept, c->c + from, (i - from) * sizeof *c->c);
		kept += i - from;
		from = i + 1;
	}
	c->n = kept;
	c->n_sorted = 0;
}

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	size_t n_above = 0;
	struct candidate least = { 0 };

	if (c->n < 2 || !cx->at)
		return;
	cx->at->out->shown[0] = 0;
	if (stage_uniform(cx, 0) >= params[0])
		return;
	double line = candidates_lse(c, NULL) + log(params[1]);
	for (size_t i = 0; i < c->n; i++)
		if ((double)c->c[i].logit >= line && (!n_above++ || behind(&c->c[i], &least)))
			least = c->c[i];
	if (n_above < 2)
		return;
	drop_before(c, &least);
	cx->at->out->shown[0] = (float)(n_above - 1);
}

extern const struct sampler_def sampler_xtc;
const struct sampler_def sampler_xtc = {
	.name = "xtc",
	.doc = "with the given probability, drop all tokens of at least the threshold but the least likely of them",
	.source = "Weidmann 2024",
	.n_params = 2, .n_required = 1,
	.params = { { "probability", 0, 1, 0.5 }, { "threshold", 0, 1, 0.1 } },
	.shows = { "dropped" },
	.apply = apply,
};
