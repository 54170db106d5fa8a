/*
 * repeat: make tokens of the recent text less likely.  A positive logit is
 * divided by the penalty, any other multiplied with it, once per token however
 * often it occurred (Keskar et al. 2019, as llama.cpp does it).
 */
#include "engine/sampler.h"

static bool occurs(const struct sampler_context *cx, size_t window, int32_t id)
{
	for (size_t i = cx->n_tokens - window; i < cx->n_tokens; i++)
		if (cx->tokens[i] == id)
			return true;
	return false;
}

static void penalise(struct candidate *c, double penalty)
{
	double x = c->logit;

	c->logit = (float)(x > 0 ? x / penalty : x * penalty);
}

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	size_t window = (size_t)params[1];

	if (params[0] == 1)
		return;
	if (window > cx->n_tokens)
		window = cx->n_tokens;
	/* A full list stands in order of id until somebody sorts it: then each token
	 * of the window is found without a search. */
	bool by_id = c->n_sorted == 0 && c->n > 0 && c->c[c->n - 1].id == (int32_t)c->n - 1 && c->c[0].id == 0;

	if (by_id) {
		for (size_t i = cx->n_tokens - window; i < cx->n_tokens; i++) {
			bool again = false;

			for (size_t j = cx->n_tokens - window; j < i && !again; j++)
				again = cx->tokens[j] == cx->tokens[i];
			if (!again && (size_t)cx->tokens[i] < c->n)
				penalise(&c->c[cx->tokens[i]], params[0]);
		}
	} else {
		for (size_t i = 0; i < c->n; i++)
			if (occurs(cx, window, c->c[i].id))
				penalise(&c->c[i], params[0]);
	}
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
