#include "engine/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/chain.h"

struct sampler {
	int n_vocab;
	struct candidate *c;    /* [n_vocab] */
	uint8_t *slot;          /* [n_vocab]: 1 + place among the step's top, 0 elsewhere */
};

enum { DRAW_TOKEN = 0 };        /* the sampler's draw number; see rng.h */

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
	mem_big_free(s->slot);
	mem_big_free(s->c);
	free(s);
}

/* A logit that is not a number counts as impossible. */
static float clean(float x)
{
	return isnan(x) ? -INFINITY : x;
}

/* Sifts x down a heap whose root is the least of the best so far. */
static void sift(struct candidate *heap, int n, struct candidate x)
{
	int i = 0;

	for (int child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && (heap[child + 1].logit < heap[child].logit ||
		    (heap[child + 1].logit == heap[child].logit && heap[child + 1].id > heap[child].id)))
			child++;
		if (x.logit < heap[child].logit || (x.logit == heap[child].logit && x.id > heap[child].id))
			break;
		heap[i] = heap[child];
	}
	heap[i] = x;
}

/* The k largest logits into c, sorted; ids settle ties.  Returns how many. */
static int best_of(const float *logits, int n, int k, struct candidate *c)
{
	enum { BLOCK = 64 };
	struct candidates all = { .c = c };

	if (k > n)
		k = n;
	for (int i = 0; i < k; i++)
		c[i] = (struct candidate){ .id = i, .logit = clean(logits[i]) };
	all.n = (size_t)k;
	candidates_sort(&all, (size_t)k);
	/* Worst first is a heap. */
	for (int i = 0; i < k / 2; i++) {
		struct candidate t = c[i];

		c[i] = c[k - 1 - i];
		c[k - 1 - i] = t;
	}
	for (int i = k; i < n; i += BLOCK) {
		int end = i + BLOCK < n ? i + BLOCK : n;
		float most = -INFINITY;

		/* Most blocks hold nothing of interest; one pass of max says so. */
		for (int j = i; j < end; j++)
			most = logits[j] > most ? logits[j] : most;
		if (most <= c[0].logit)
			continue;
		for (int j = i; j < end; j++)
			if (logits[j] > c[0].logit)
				sift(c, k, (struct candidate){ .id = j, .logit = logits[j] });
	}
	all.n_sorted = 0;
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
	double mass = 0;

	if (cs->n == (size_t)n_vocab)
		return 1;
	for (size_t i = 0; i < cs->n; i++)
		mass += (double)expf(cx->logits[cs->c[i].id] - step->logits.lse);
	return (float)(mass < 1 ? mass : 1);
}

static int draw(const struct candidates *cs, const struct sampler_context *cx, double lse)
{
	double u = rng_uniform(cx->seed, (uint64_t)cx->pos, DRAW_TOKEN), sum = 0;

	for (size_t i = 0; i < cs->n; i++) {
		sum += exp((double)cs->c[i].logit - lse);
		if (u < sum)
			return (int)i;
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

void sampler_run(struct sampler *s, const struct chain *c, const struct sampler_context *cx, int forced,
    struct step *step)
{
	struct candidates cs = { .c = s->c };
	struct candidate best[STEP_TOP];
	uint64_t start = clock_ns();
	int n_best = best_of(cx->logits, s->n_vocab, STEP_TOP, best);
	int n = needed(c, s->n_vocab);

	describe_top(step, best, n_best);
	if (n <= n_best) {
		memcpy(s->c, best, (size_t)n * sizeof *best);
		cs.n = cs.n_sorted = (size_t)n;
	} else {
		for (int i = 0; i < s->n_vocab; i++)
			s->c[i] = (struct candidate){ .id = i, .logit = clean(cx->logits[i]) };
		cs.n = (size_t)s->n_vocab;
	}
	for (int i = 0; i < c->n; i++) {
		c->stage[i].def->apply(&cs, c->stage[i].params, cx);
		step->stages[i] = (struct step_stage){ .kept = (int32_t)cs.n,
		    .mass = raw_mass(&cs, cx, step, s->n_vocab) };
	}
	step->n_stages = c->n;
	step->sampler = c->revision;

	double lse = candidates_lse(&cs, NULL);
	step->token = forced >= 0 ? forced : cs.c[draw(&cs, cx, lse)].id;
	step->why = forced >= 0 ? WHY_FORCED : WHY_SAMPLED;
	step->logprob = cx->logits[step->token] - step->logits.lse;
	step->p_final = 0;
	describe_final(s, &cs, lse, step);
	step->ms_sample = (float)(clock_ns() - start) * 1e-6f;
}
