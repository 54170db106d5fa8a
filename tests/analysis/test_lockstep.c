#include "tests/test.h"

#include <stdlib.h>

#include "analysis/lockstep.h"
#include "engine/base/mem.h"
#include "engine/session.h"
#include "tests/tiny_model.h"

enum { N = 90, CTX = 70 };

/* This is a threaded test: passes run on a pool. */

static struct lockstep_options options(const struct model *a, const struct model *b, int32_t *tokens, struct pool *pool)
{
	for (int i = 0; i < N; i++)
		tokens[i] = 3 + i * 37 % 300;
	return (struct lockstep_options){ .base = a, .other = b, .tokens = tokens, .n = N, .n_ctx = CTX, .threshold = 0.05,
	    .pool = pool };
}

static struct tiny open_tiny(enum dtype type, uint64_t seed)
{
	struct tiny_spec s = tiny_spec("llama", type);
	struct tiny t;
	struct err e;

	s.seed = seed;
	if (!tiny_open(&t, &s, &e))
		fail_msg("%s", e.msg);
	return t;
}

static void a_model_with_itself_is_exactly_zero(void **state)
{
	struct tiny a = open_tiny(DTYPE_Q8_0, 1), b = open_tiny(DTYPE_Q8_0, 1);
	struct err e;
	struct pool *pool = pool_new(2, &e);
	int32_t tokens[N];
	struct lockstep_options o = options(a.model, b.model, tokens, pool);
	struct lockstep k;

	(void)state;
	CHECK(lockstep_run(&k, &o, &e));
	CHECK(k.kl == 0 && k.kl_max == 0 && k.jsd == 0 && k.agreement > 1 - 1e-12);
	CHECK(k.perplexity[0] == k.perplexity[1] && k.first_token == -1);
	/* The last position of a context predicts nothing, nor does the last of all. */
	CHECK_INT(k.n_predicted, N - 2);
	for (int l = 0; l < k.n_layers; l++)
		CHECK(k.layers[l].drift == 0 && k.layers[l].worst == 0 && k.layers[l].cosine == 1 && k.layers[l].entropy == 0);
	lockstep_free(&k);
	pool_free(pool);
	tiny_close(&a);
	tiny_close(&b);
}

static void near_all(const float *a, const float *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		CHECK_NEAR(a[i], b[i], 1e-4 * fabs((double)a[i]) + 1e-6);
}

/* The length of a pass moves the last bits of a sum. */
static void same_figures(const struct lockstep *a, const struct lockstep *b)
{
	size_t cells = a->n * (size_t)a->n_layers;

	CHECK_INT(a->n, b->n);
	CHECK_INT(a->n_predicted, b->n_predicted);
	near_all(a->drift, b->drift, cells);
	near_all(a->cosine, b->cosine, cells);
	near_all(a->entropy, b->entropy, cells);
	for (int l = 0; l < a->n_layers; l++)
		CHECK_NEAR(a->layers[l].drift, b->layers[l].drift, 1e-5);
	for (size_t i = 0; i < a->n; i++) {
		CHECK_NEAR(a->tokens[i].kl, b->tokens[i].kl, 1e-5);
		CHECK(isnan(a->tokens[i].nll[1]) == isnan(b->tokens[i].nll[1]));
	}
	CHECK_NEAR(a->perplexity[1], b->perplexity[1], 1e-4 * a->perplexity[1]);
	CHECK_INT(a->first_token, b->first_token);
}

/* A text that grows, in pieces of any size, and a copy that follows it. */
static void pieces_give_what_the_whole_gives(void **state)
{
	static const size_t pieces[] = { 1, 5, 60, 1, 23 };
	struct tiny a = open_tiny(DTYPE_Q8_0, 1), b = open_tiny(DTYPE_Q4_0, 1);
	struct err e;
	struct pool *pool = pool_new(2, &e);
	int32_t tokens[N];
	struct lockstep_options o = options(a.model, b.model, tokens, pool);
	struct lockstep whole, seen = { .n = 0 };
	struct lockstepper *s;
	size_t at = 0;

	(void)state;
	o.exact = true;
	CHECK(lockstep_run(&whole, &o, &e));
	CHECK((s = lockstepper_new(&o, &e)) != NULL);
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		CHECK(lockstepper_read(s, tokens + at, pieces[i], &e));
		at += pieces[i];
		CHECK(lockstep_update(&seen, lockstepper_result(s), N, &e));
	}
	CHECK_INT(at, N);
	same_figures(&whole, lockstepper_result(s));
	same_figures(&whole, &seen);
	CHECK(!lockstepper_read(s, tokens, 1, &e));     /* no room */
	lockstep_free(&seen);
	lockstep_free(&whole);
	lockstepper_free(s);
	pool_free(pool);
	tiny_close(&a);
	tiny_close(&b);
}

/* The same numbers mean other words. */
static void another_vocabulary_is_refused(void **state)
{
	struct tiny_spec s = tiny_spec("gpt2", DTYPE_F32);
	struct tiny a, b = open_tiny(DTYPE_F32, 1);
	struct err e = { 0 };
	struct pool *pool = pool_new(1, &e);
	int32_t tokens[N];
	struct lockstep_options o;
	struct lockstep k;

	(void)state;
	CHECK(tiny_open(&a, &s, &e));
	o = options(a.model, b.model, tokens, pool);
	CHECK(!lockstep_run(&k, &o, &e));
	CHECK_INT(e.code, ERR_UNSUPPORTED);
	if (!strstr(e.msg, "vocabular"))
		fail_msg("%s", e.msg);
	CHECK(!strchr(e.msg, '\n'));
	pool_free(pool);
	tiny_close(&a);
	tiny_close(&b);
}

static void fewer_bits_drift_further(void **state)
{
	struct tiny a = open_tiny(DTYPE_F32, 1), b = open_tiny(DTYPE_Q8_0, 1), c = open_tiny(DTYPE_Q4_0, 1);
	struct err e;
	struct pool *pool = pool_new(1, &e);
	int32_t tokens[N];
	struct lockstep_options o = options(a.model, b.model, tokens, pool);
	struct lockstep k8, k4;

	(void)state;
	CHECK(lockstep_run(&k8, &o, &e));
	o.other = c.model;
	CHECK(lockstep_run(&k4, &o, &e));
	CHECK(k8.kl > 0 && k4.kl > 4 * k8.kl && k4.kl_max >= k4.kl && k4.jsd < k4.kl);
	CHECK(k4.perplexity[0] == k8.perplexity[0]);
	for (int l = 0; l < k4.n_layers; l++) {
		CHECK(k8.layers[l].drift > 0 && k4.layers[l].drift > 4 * k8.layers[l].drift);
		CHECK(k4.layers[l].worst >= k4.layers[l].drift && k4.layers[l].cosine < 1 && k4.layers[l].entropy > 0);
	}
	CHECK(k4.first_token == 0);
	CHECK((double)k4.drift[k4.first_layer] > o.threshold);
	lockstep_free(&k8);
	lockstep_free(&k4);
	pool_free(pool);
	tiny_close(&a);
	tiny_close(&b);
	tiny_close(&c);
}

/* Logits of every position as `clampmeter logits' writes them, read in the same pieces. */
static float *exported(const struct model *m, int32_t *tokens, int n)
{
	struct err e;
	struct probe_plan *plan = probe_plan_new(NULL, 0, &m->hp);
	struct session *s = session_new(m, &(struct session_options){ .n_threads = 1, .n_ctx = CTX, .piece = READER_PIECE,
	    .exact = true, .plan = plan }, &e);
	float *out = mem_array((size_t)n * (size_t)m->hp.n_vocab, sizeof *out);

	CHECK(s && session_append(s, tokens, (size_t)n, &e) && session_logits(s, out, &e));
	session_free(s);
	probe_plan_free(plan);
	return out;
}

/* Mean of ln(p / q) under p, from two rows of logits, in long double. */
static double divergence(const float *a, const float *b, int n)
{
	long double sa = 0, sb = 0, kl = 0;

	for (int i = 0; i < n; i++) {
		sa += expl((long double)a[i]);
		sb += expl((long double)b[i]);
	}
	for (int i = 0; i < n; i++)
		kl += expl((long double)a[i]) / sa * ((long double)a[i] - (long double)b[i] + logl(sb) - logl(sa));
	return (double)kl;
}

static void divergences_are_those_of_the_exported_logits(void **state)
{
	struct tiny a = open_tiny(DTYPE_F32, 1), b = open_tiny(DTYPE_Q4_0, 1);
	struct err e;
	struct pool *pool = pool_new(2, &e);
	int32_t tokens[N];
	struct lockstep_options o = options(a.model, b.model, tokens, pool);
	struct lockstep k;
	int v = a.model->hp.n_vocab;

	(void)state;
	o.n = CTX;
	o.exact = true;
	CHECK(lockstep_run(&k, &o, &e));
	float *la = exported(a.model, tokens, CTX), *lb = exported(b.model, tokens, CTX);

	for (int i = 0; i < CTX; i++)
		CHECK_NEAR(k.tokens[i].kl, divergence(la + i * v, lb + i * v, v), 1e-9);
	free(la);
	free(lb);
	lockstep_free(&k);
	pool_free(pool);
	tiny_close(&a);
	tiny_close(&b);
}

static void other_shapes_and_a_stop_are_refused(void **state)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_F32);
	struct tiny a = open_tiny(DTYPE_F32, 1), b;
	atomic_bool stop = true;
	struct err e;
	struct pool *pool = pool_new(1, &e);
	int32_t tokens[N];
	struct lockstep k;

	(void)state;
	s.n_layers = 3;
	CHECK(tiny_open(&b, &s, &e));
	struct lockstep_options o = options(a.model, b.model, tokens, pool);

	CHECK(!lockstep_run(&k, &o, &e) && e.code == ERR_UNSUPPORTED && strstr(e.msg, "layers (2 and 3)"));
	o.other = a.model;
	o.stop = &stop;
	CHECK(!lockstep_run(&k, &o, &e) && e.code == ERR_INTERRUPTED);
	pool_free(pool);
	tiny_close(&a);
	tiny_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_model_with_itself_is_exactly_zero), TEST(pieces_give_what_the_whole_gives),
		TEST(another_vocabulary_is_refused), TEST(fewer_bits_drift_further), TEST(divergences_are_those_of_the_exported_logits),
		TEST(other_shapes_and_a_stop_are_refused),
	};

	return RUN(tests);
}
