/*
 * repeat: make tokens of the recent text less likely.  A positive logit is
 * divided by the penalty, any other multiplied with it, once per token however
 * often it occurred (Keskar et al. 2019, as llama.cpp does it).
 */
#include "engine/samplers/tally.h"

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	struct tally seen;

	if (params[0] == 1 || params[1] == 0)
		return;
	tally_open(&seen, cx, (size_t)params[1]);
	for (size_t i = 0; i < seen.n_window; i++)
		seen.of[seen.window[i]] = 1;
	for (size_t i = 0; i < c->n; i++)
		if (tally_of(&seen, c->c[i].id)) {
			double x = (double)c->c[i].logit;

			c->c[i].logit = (float)(x > 0 ? x / params[0] : x * params[0]);
		}
	tally_close(&seen);
	c->n_sorted = 0;
}

extern const struct sampler_def sampler_repeat;
const struct sampler_def sampler_repeat = {
	.name = "repeat", .doc = "divide the logits of recent tokens by a penalty",
	.source = "Keskar et al. 2019; llama.cpp",
	.n_params = 2, .n_required = 1,
	.params = { { "penalty", 0.01, 100, 1.1 }, { "window", 0, 1 << 24, 64 } },
	.apply = apply,
};
