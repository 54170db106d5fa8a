/*
 * typical: keep the tokens whose surprisal is nearest to the entropy of the
 * candidates, until they hold more than mass p (locally typical sampling,
 * Meister et al. 2023).
 */
#include <math.h>
#include <stdlib.h>

#include "engine/base/mem.h"
#include "engine/candidates.h"
#include "engine/step.h"

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	double lse, h, *e;
	size_t bytes = c->n * sizeof *e + NUCLEUS_ROOM(c->n);

	if (params[0] >= 1)
		return;
	e = cx->at ? stage_room(cx, bytes) : mem_zalloc(bytes);
	h = candidates_entropy(c, &lse, e);
	for (size_t i = 0; i < c->n; i++)
		c->c[i].key = (float)-fabs(lse - (double)c->c[i].logit - h);
	candidates_nucleus(c, params[0], true, e, e + c->n);
	if (cx->at)
		cx->at->out->shown[0] = (float)h;
	else
		free(e);
}

extern const struct sampler_def sampler_typical;
const struct sampler_def sampler_typical = {
	.name = "typical", .doc = "keep the tokens whose surprisal is nearest to the entropy, up to mass p",
	.source = "Meister et al. 2023",
	.n_params = 1, .n_required = 1, .params = { { "p", 0, 1, 0.95 } },
	.shows = { "entropy" },
	.apply = apply,
};
