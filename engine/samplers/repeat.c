/*
 * repeat: make tokens of the recent text less likely.  A positive logit is
 * divided by the penalty, any other multiplied with it, once per token however
 * often it occurred (Keskar et al. 2019, as llama.cpp does it).
 */
#include "engine/sampler.h"

static bool occurs(const int32_t *tokens, size_t n, int32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (tokens[i] == id)
			return true;
	return false;
}

/* A full list stands in order of id until somebody sorts it, so most searches end
 * where they begin.  NULL for a token that an earlier stage dropped. */
static struct candidate *find(struct candidates *c, int32_t id)
{
	if ((size_t)id < c->n && c->c[id].id == id)
		return &c->c[id];
	for (size_t i = 0; i < c->n; i++)
		if (c->c[i].id == id)
			return &c->c[i];
	return NULL;
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
	const int32_t *recent = cx->tokens + (cx->n_tokens - window);
	for (size_t i = 0; i < window; i++) {
		struct candidate *again = occurs(recent, i, recent[i]) ? NULL : find(c, recent[i]);

		if (again)
			penalise(again, params[0]);
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
