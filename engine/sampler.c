#include "engine/sampler.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/candidates.h"
#include "engine/chain.h"

_Static_assert((int)SAMPLER_SHOWS == (int)STAGE_SHOWN, "as many names as figures");

/* Memory that grows once. */
struct room {
	void *p;
	size_t bytes;
	void *object;
	void (*drop)(void *);
};

struct sampler {
	int n_vocab;
	struct candidate *c;    /* [n_vocab] */
	uint8_t *slot;          /* [n_vocab]: 1 + place among the step's top, 0 elsewhere */
	const struct chain *chain;      /* whose rooms they are */
	struct room room[STEP_STAGES];
	struct room common;
};

/* Draw numbers (see rng.h): one stream of 2^32 for the draw, one for each stage. */
enum { DRAW_TOKEN = 0 };

double stage_uniform(const struct sampler_context *cx, uint64_t n)
{
	return rng_uniform(cx->seed, (uint64_t)cx->pos, (uint64_t)(cx->at->index + 1) << 32 | n);
}

static void *grown(struct room *r, size_t bytes)
{
	if (bytes > r->bytes) {
		r->p = mem_resize(r->p, bytes, 1);
		memset(r->p, 0, bytes);
		r->bytes = bytes;
	}
	return r->p;
}

void *stage_room(const struct sampler_context *cx, size_t bytes)
{
	return grown(&cx->at->sampler->room[cx->at->index], bytes);
}

void *stage_object(const struct sampler_context *cx, void *(*make)(void), void (*drop)(void *))
{
	struct room *r = &cx->at->sampler->room[cx->at->index];

	if (!r->object) {
		r->object = make();
		r->drop = drop;
	}
	return r->object;
}

void *stage_common_room(const struct sampler_context *cx, size_t bytes)
{
	return grown(&cx->at->sampler->common, bytes);
}

static void forget_rooms(struct sampler *s)
{
	for (int i = 0; i < STEP_STAGES; i++) {
		if (s->room[i].object)
			s->room[i].drop(s->room[i].object);
		free(s->room[i].p);
		s->room[i] = (struct room){ .p = NULL };
	}
	chain_unref(s->chain);
	s->chain = NULL;
}

struct sampler *sampler_new(int n_vocab, struct err *e)
{
	struct sampler *s = mem_zalloc(sizeof *s);

	s->n_vocab = n_vocab;
	s->c = mem_big((size_t)n_vocab, sizeof *s->c, "sampler", e);
	s->slot = s->c ? mem_big((size_t)n_vocab, 1, "sampler", e) : NULL;
	if (s->slot)
		return s;
	sampler_free(s);
	return NULL;
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	forget_rooms(s);
	free(s->common.p);
	mem_big_free(s->slot);
	mem_big_free(s->c);
	free(s);
}

/* A logit that is not a number counts as impossible. */
static float clean(float x)
{
	return isnan(x) ? -INFINITY : x;
}

/* The k largest logits into c, sorted; ids settle ties.  Returns how many. */
static int best_of(const float *logits, int n, int k, struct candidate *c)
{
	enum { BLOCK = 64 };
	struct candidates all = { .c = c };

	if (k > n)
		k = n;
	for (int i = 0; i < k; i++)
		c[i] = (struct candidate){ .id = INT32_MAX, .logit = -INFINITY };
	for (int i = 0; i < n; i += BLOCK) {
		int end = i + BLOCK < n ? i + BLOCK : n;
		float most = -INFINITY;

		/* Most blocks hold nothing of interest; one pass of max says so. */
		for (int j = i; j < end; j++)
			most = logits[j] > most ? logits[j] : most;
		if (most <= c[0].logit && c[0].id != INT32_MAX)
			continue;
		for (int j = i; j < end; j++)
			if (clean(logits[j]) > c[0].logit || c[0].id == INT32_MAX)
				candidates_sift(c, (size_t)k, (struct candidate){ .id = j, .logit = clean(logits[j]) });
	}
	all.n = (size_t)k;
	candidates_sort(&all, (size_t)k);
	return k;
}

static void describe_top(struct step *step, const struct candidate *best, int n)
{
	step->n_top = n;
	for (int i = 0; i < n; i++)
		step->top[i] = (struct step_candidate){ .id = best[i].id,
		    .p_raw = expf(best[i].logit - step->logits.lse) };
}

/* The first stage may make all but the best few irrelevant; then the other
 * hundred thousand need not be copied.  Returns how many it can keep at most. */
static int needed(const struct chain *c, int n_vocab)
{
	const struct stage *first = &c->stage[0];

	if (!strcmp(first->def->name, "greedy"))
		return 1;
	if (!strcmp(first->def->name, "top-k") && first->params[0] >= 1 && first->params[0] <= STEP_TOP)
		return (int)first->params[0];
	return n_vocab;
}

static float raw_mass(const struct candidates *cs, const struct sampler_context *cx, const struct step *step,
    int n_vocab)
{
	double x[CANDIDATES_BLOCK], p[CANDIDATES_BLOCK], mass = 0;

	if (cs->n == (size_t)n_vocab)
		return 1;
	for (size_t i = 0, n; i < cs->n; i += n) {
		n = cs->n - i < CANDIDATES_BLOCK ? cs->n - i : CANDIDATES_BLOCK;
		for (size_t j = 0; j < n; j++)
			x[j] = (double)(clean(cx->logits[cs->c[i + j].id]) - step->logits.lse);
		exp_block(x, n, p);
		for (size_t j = 0; j < n; j++)
			mass += p[j];
	}
	return (float)(mass < 1 ? mass : 1);
}

static int draw(const struct candidates *cs, const struct sampler_context *cx, double lse)
{
	double u = rng_uniform(cx->seed, (uint64_t)cx->pos, DRAW_TOKEN), sum = 0, p[CANDIDATES_BLOCK];

	for (size_t i = 0, n; i < cs->n; i += n) {
		n = cs->n - i < CANDIDATES_BLOCK ? cs->n - i : CANDIDATES_BLOCK;
		candidates_p(cs, i, n, lse, p);
		for (size_t j = 0; j < n; j++) {
			sum += p[j];
			if (u < sum)
				return (int)(i + j);
		}
	}
	/* Rounding left u above the sum: the last one that is possible. */
	for (size_t i = cs->n; i-- > 1;)
		if (cs->c[i].logit > -INFINITY)
			return (int)i;
	return 0;
}

static void describe_final(struct sampler *s, const struct candidates *cs, double lse, struct step *step)
{
	for (int i = 0; i < step->n_top; i++)
		s->slot[step->top[i].id] = (uint8_t)(i + 1);
	for (size_t i = 0; i < cs->n; i++) {
		int slot = s->slot[cs->c[i].id];
		float p = slot || cs->c[i].id == step->token ? (float)exp((double)cs->c[i].logit - lse) : 0;

		if (slot)
			step->top[slot - 1].p_final = p;
		if (cs->c[i].id == step->token)
			step->p_final = p;
	}
	for (int i = 0; i < step->n_top; i++)
		s->slot[step->top[i].id] = 0;
}

void sampler_describe(struct sampler *s, const float *logits, int32_t token, struct step *step)
{
	struct candidate best[STEP_TOP];

	describe_top(step, best, best_of(logits, s->n_vocab, STEP_TOP, best));
	for (int i = 0; i < step->n_top; i++)
		step->top[i].p_final = NAN;
	step->token = token;
	step->logprob = token >= 0 ? logits[token] - step->logits.lse : NAN;
}

/* What each stage left in the step before, when it was this chain that ran there. */
static const struct step_stage *stages_before(const struct chain *c, const struct step *prev)
{
	return prev && prev->sampler == c->revision && prev->n_stages == c->n ? prev->stages : NULL;
}

static struct stage_at at_stage(struct sampler *s, const struct chain *c, int i, const struct sampler_context *cx,
    struct step *step)
{
	const struct step_stage *was = stages_before(c, cx->prev);

	return (struct stage_at){ .index = i, .data = c->stage[i].data, .before = was ? was[i].state : NULL,
		.out = &step->stages[i], .sampler = s };
}

static void run_stage(struct sampler *s, const struct chain *c, int i, const struct sampler_context *cx,
    struct candidates *cs, struct step *step)
{
	struct stage_at at = at_stage(s, c, i, cx, step);
	struct sampler_context mine = *cx;
	struct step_stage *out = &step->stages[i];
	size_t n = cs->n;

	mine.at = &at;
	*out = (struct step_stage){ .kept = 0 };
	for (int j = 0; j < STAGE_SHOWN; j++)
		out->shown[j] = NAN;
	c->stage[i].def->apply(cs, c->stage[i].params, &mine);
	out->kept = (int32_t)cs->n;
	out->best = cs->c[candidates_best(cs)].id;
	/* Stages only take away: as many are the same ones. */
	out->mass = i > 0 && cs->n == n ? step->stages[i - 1].mass : raw_mass(cs, cx, step, s->n_vocab);
}

/* The stages with a memory learn what came. */
static void tell_stages(struct sampler *s, const struct chain *c, const struct sampler_context *cx,
    struct step *step)
{
	struct sampler_context mine = *cx;

	for (int i = 0; i < c->n; i++) {
		struct stage_at at = at_stage(s, c, i, cx, step);

		mine.at = &at;
		if (c->stage[i].def->chosen)
			c->stage[i].def->chosen(step->token, c->stage[i].params, &mine);
	}
}

void sampler_run(struct sampler *s, const struct chain *c, const struct sampler_context *cx, int forced,
    struct step *step)
{
	struct candidates cs = { .c = s->c };
	struct candidate best[STEP_TOP];
	uint64_t start = clock_ns();
	int n_best = best_of(cx->logits, s->n_vocab, STEP_TOP, best);
	int n = needed(c, s->n_vocab);

	assert(!c->only_shown);
	if (s->chain != c) {
		forget_rooms(s);
		s->chain = chain_ref(c);
	}
	describe_top(step, best, n_best);
	if (n <= n_best) {
		memcpy(s->c, best, (size_t)n * sizeof *best);
		cs.n = cs.n_sorted = (size_t)n;
	} else {
		for (int i = 0; i < s->n_vocab; i++)
			s->c[i] = (struct candidate){ .id = i, .logit = clean(cx->logits[i]) };
		cs.n = (size_t)s->n_vocab;
	}
	for (int i = 0; i < c->n; i++)
		run_stage(s, c, i, cx, &cs, step);
	step->n_stages = c->n;
	step->sampler = c->revision;

	double lse = candidates_lse(&cs, NULL);
	step->token = forced >= 0 ? forced : cs.c[draw(&cs, cx, lse)].id;
	step->why = forced >= 0 ? WHY_FORCED : WHY_SAMPLED;
	step->logprob = cx->logits[step->token] - step->logits.lse;
	step->p_final = 0;
	describe_final(s, &cs, lse, step);
	tell_stages(s, c, cx, step);
	step->ms_sample = (float)(clock_ns() - start) * 1e-6f;
}
