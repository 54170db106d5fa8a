/*
 * sampler_rig -- a chain over logits that a test makes up, one step after another.
 *
 * Each rig_step() is the next position: the step before is what the stages look
 * back to, and the token that came joins the text.
 */
#ifndef TESTS_ENGINE_SAMPLER_RIG_H
#define TESTS_ENGINE_SAMPLER_RIG_H

#include <stdlib.h>

#include "engine/sampler.h"
#include "engine/step.h"
#include "tests/test.h"

enum { RIG_TEXT = 8192 };

struct rig {
	struct sampler *s;
	const struct chain *chain;
	struct sampler_context cx;
	struct step step[2];
	int now;                /* the step last made: step[now] */
	int n_vocab;
	int32_t tokens[RIG_TEXT];
};

/* Logits for all steps to come; the array must stay. */
static inline void rig_logits(struct rig *r, const float *logits)
{
	double sum = 0, max = -INFINITY;

	for (int i = 0; i < r->n_vocab; i++)
		max = fmax(max, (double)logits[i]);
	for (int i = 0; i < r->n_vocab; i++)
		sum += exp((double)logits[i] - max);
	r->cx.logits = logits;
	for (int i = 0; i < 2; i++)
		r->step[i].logits.lse = (float)(max + log(sum));
}

static inline struct rig *rig_new(const char *chain, const struct model *m, const float *logits, int n)
{
	struct rig *r = calloc(1, sizeof *r);
	struct err e = { 0 };

	r->n_vocab = n;
	r->s = sampler_new(n, &e);
	r->chain = chain_parse_for(chain, 5, m, &e);
	if (!r->s || !r->chain)
		fail_msg("%s", e.msg);
	r->cx = (struct sampler_context){ .tokens = r->tokens, .seed = 1 };
	rig_logits(r, logits);
	return r;
}

static inline void rig_free(struct rig *r)
{
	chain_unref(r->chain);
	sampler_free(r->s);
	free(r);
}

static inline void rig_text(struct rig *r, const int32_t *tokens, size_t n)
{
	memcpy(r->tokens, tokens, n * sizeof *tokens);
	r->cx.n_tokens = n;
}

/* Makes a step at the end of the text and leaves the text alone. */
static inline const struct step *rig_look(struct rig *r, int forced)
{
	struct step *st = &r->step[1 - r->now];

	r->cx.pos = (int)r->cx.n_tokens;
	sampler_run(r->s, r->chain, &r->cx, forced, st);
	return st;
}

static inline const struct step *rig_step(struct rig *r, int forced)
{
	const struct step *st = rig_look(r, forced);

	r->now = 1 - r->now;
	r->cx.prev = st;
	assert_true(r->cx.n_tokens < RIG_TEXT);
	r->tokens[r->cx.n_tokens++] = st->token;
	return st;
}

static inline const struct step_stage *rig_stage(const struct rig *r, int i)
{
	return &r->step[r->now].stages[i];
}

/* Probability of a token after the chain; 0 when it is cut or not among the best fifty. */
static inline double rig_final(const struct step *st, int32_t id)
{
	for (int i = 0; i < st->n_top; i++)
		if (st->top[i].id == id)
			return (double)st->top[i].p_final;
	return 0;
}

#endif
