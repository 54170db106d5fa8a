/*
 * frequency: subtract from a logit the penalty times the number of occurrences
 * among the last `window` tokens (OpenAI's frequency_penalty, as llama.cpp does it).
 * After `repeat` and before `presence` the three are llama.cpp's penalties.
 */
#include "engine/samplers/tally.h"

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	struct tally seen;

	if (params[0] == 0 || params[1] == 0)
		return;
	tally_count(&seen, cx, (size_t)params[1]);
	for (size_t i = 0; i < c->n; i++)
		c->c[i].logit -= (float)((double)tally_of(&seen, c->c[i].id) * params[0]);
	tally_close(&seen);
	c->n_sorted = 0;
}

extern const struct sampler_def sampler_frequency;
const struct sampler_def sampler_frequency = {
	.name = "frequency", .doc = "subtract the penalty from a logit for every time its token occurred recently",
	.source = "OpenAI API; llama.cpp",
	.n_params = 2, .n_required = 1,
	.params = { { "penalty", -10, 10, 0.5 }, { "window", 0, 1 << 24, 64 } },
	.apply = apply,
};
