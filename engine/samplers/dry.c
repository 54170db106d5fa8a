/*
 * dry: do not repeat yourself.  Where the end of the text is a repetition of n
 * earlier tokens, n >= allowed, the token that would make it one longer loses
 *
 *      multiplier * base^(n - allowed)
 *
 * from its logit; of several repetitions the longest counts.  A repetition does not
 * reach over a breaker, a token with a newline : " or * among its letters, and
 * breakers themselves are never penalised (Weidmann 2024, as llama.cpp does it).
 *
 * With the window written backwards, z[i] = length of what its start and its part
 * from i on have in common, which the Z algorithm finds in one pass.
 */
#include <math.h>
#include <string.h>

#include "engine/samplers/tally.h"
#include "engine/step.h"
#include "engine/vocab.h"

static bool is_breaker(const struct sampler_context *cx, int32_t id)
{
	size_t n = 0;
	const char *s = cx->vocab && id < vocab_size(cx->vocab) ? vocab_bytes(cx->vocab, id, &n) : "";

	for (size_t i = 0; i < n; i++)
		if (s[i] && strchr("\n:\"*", s[i]))
			return true;
	return false;
}

/* Tokens at the end of the window up to the last breaker. */
static int32_t since_breaker(const struct tally *t, const struct sampler_context *cx)
{
	size_t n = 0;

	while (n < t->n_window && !is_breaker(cx, t->window[t->n_window - 1 - n]))
		n++;
	return (int32_t)n;
}

static int32_t backwards(const struct tally *t, size_t i)
{
	return t->window[t->n_window - 1 - i];
}

/* [left, right) is the part found furthest right that equals the start. */
static void find_repetitions(const struct tally *t, int32_t *z)
{
	size_t left = 0, right = 0;

	for (size_t i = 1; i < t->n_window; i++) {
		size_t n = 0;

		if (i < right)
			n = (size_t)z[i - left] < right - i ? (size_t)z[i - left] : right - i;
		while (i + n < t->n_window && backwards(t, n) == backwards(t, i + n))
			n++;
		z[i] = (int32_t)n;
		if (i + n > right) {
			left = i;
			right = i + n;
		}
	}
}

/* By token, the longest repetition it would continue; 0 where it is below `allowed`. */
static void find_lengths(struct tally *t, int32_t limit, int32_t allowed)
{
	find_repetitions(t, t->more);
	for (size_t i = 1; i < t->n_window; i++) {
		int32_t n = t->more[i] < limit ? t->more[i] : limit, *of = &t->of[backwards(t, i - 1)];

		if (n >= allowed && n > *of)
			*of = n;
	}
}

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	double base = params[1], allowed = params[2], most = base > 1 ? 88.7228391 / log(base) : INFINITY;
	int32_t longest = 0;
	struct tally t;

	if (params[0] == 0)
		return;
	tally_open(&t, cx, (size_t)params[3]);
	int32_t limit = since_breaker(&t, cx);
	if ((double)limit >= allowed)
		find_lengths(&t, limit, (int32_t)allowed);
	for (size_t i = 0; i < c->n; i++) {
		int32_t n = tally_of(&t, c->c[i].id);

		if (!n || is_breaker(cx, c->c[i].id))
			continue;
		/* The power stops where a float would end. */
		c->c[i].logit -= (float)(params[0] * pow(base, fmin((double)n - allowed, most)));
		c->n_sorted = 0;
		longest = n > longest ? n : longest;
	}
	tally_close(&t);
	if (cx->at)
		cx->at->out->shown[0] = (float)longest;
}

extern const struct sampler_def sampler_dry;
const struct sampler_def sampler_dry = {
	.name = "dry",
	.doc = "subtract multiplier * base^(n - allowed) from the logit of a token that would continue a repetition "
	       "of n tokens; newline : \" and * break a repetition; range 0 looks at the whole text",
	.source = "Weidmann 2024; llama.cpp",
	.n_params = 4, .n_required = 1,
	.params = { { "multiplier", 0, 100, 0.8 }, { "base", 1, 100, 1.75 }, { "allowed", 1, 1 << 20, 2 },
		    { "range", 0, 1 << 24, 64 } },
	.shows = { "longest repetition" },
	.apply = apply,
};
