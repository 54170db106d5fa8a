/*
 * presence: subtract the penalty from the logit of every token that occurred among
 * the last `window`, once (OpenAI's presence_penalty, as llama.cpp does it).
 */
#include "engine/samplers/tally.h"

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	struct tally seen;

	if (params[0] == 0 || params[1] == 0)
		return;
	tally_count(&seen, cx, (size_t)params[1]);
	for (size_t i = 0; i < c->n; i++)
		c->c[i].logit -= tally_of(&seen, c->c[i].id) ? (float)params[0] : 0;
	tally_close(&seen);
	c->n_sorted = 0;
}

extern const struct sampler_def sampler_presence;
const struct sampler_def sampler_presence = {
	.name = "presence", .doc = "subtract the penalty once from the logit of every token that occurred recently",
	.source = "OpenAI API; llama.cpp",
	.n_params = 2, .n_required = 1,
	.params = { { "penalty", -10, 10, 0.5 }, { "window", 0, 1 << 24, 64 } },
	.apply = apply,
};
