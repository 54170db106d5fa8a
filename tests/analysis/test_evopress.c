#include "tests/test.h"

#include "analysis/evopress.h"
#include "analysis/klprobe.h"
#include "analysis/lockstep.h"
#include "analysis/variants.h"
#include "engine/base/rng.h"
#include "tests/tiny_model.h"

/* This is a threaded test: candidates are compared on a pool. */

enum { N = 8, K = 3 };

/* Losses that do not add up: neighbours that are both coarse hurt each other. */
static double loss_of(const int *picks)
{
	double loss = 0;

	for (int i = 0; i < N; i++) {
		loss += (double)(i + 1) * exp2(-2 * picks[i]);
		if (i && picks[i] == 0 && picks[i - 1] == 0)
			loss += 9;
	}
	return loss;
}

struct counted {
	int asked, most;
};

static bool synthetic(void *to, const int *picks, double share, double *kl, struct err *e)
{
	struct counted *c = to;
	double bits = 0;

	for (int i = 0; i < N; i++)
		bits += 2 + picks[i];
	CHECK(bits <= 3 * N);
	CHECK(share > 0 && share <= 1);
	if (c->asked++ == c->most)
		return err_set(e, ERR_INTERRUPTED, "%s", "");
	*kl = loss_of(picks);
	return true;
}

static struct evopress problem(struct budget_choice *choices, struct counted *c, uint64_t seed)
{
	for (int i = 0; i < N * K; i++)
		choices[i] = (struct budget_choice){ 2 + i % K, 1 };
	return (struct evopress){ .choices = choices, .n = N, .n_choices = K, .total_bits = 3 * N, .seed = seed,
	    .generations = 25, .kl = synthetic, .to = c };
}

static double best_of_all(void)
{
	double best = INFINITY;
	int picks[N];

	for (int all = 0; all < 6561; all++) {
		int bits = 0;

		for (int i = 0, x = all; i < N; i++, x /= K)
			bits += 2 + (picks[i] = x % K);
		if (bits <= 3 * N)
			best = fmin(best, loss_of(picks));
	}
	return best;
}

static void the_search_finds_the_best_within_the_total(void **state)
{
	struct budget_choice choices[N * K];
	double uniform = loss_of((int[N]){ 1, 1, 1, 1, 1, 1, 1, 1 }), best = best_of_all();

	(void)state;
	for (uint64_t seed = 0; seed < 5; seed++) {
		struct counted c = { .most = -1 };
		struct evopress s = problem(choices, &c, seed);
		int picks[N] = { 1, 1, 1, 1, 1, 1, 1, 1 }, again[N] = { 1, 1, 1, 1, 1, 1, 1, 1 };
		double kl, kl_again;
		struct err e;

		CHECK(evopress_run(&s, picks, &kl, &e));
		CHECK(kl <= uniform);
		CHECK_NEAR(kl, best, 1e-12);
		CHECK_NEAR(kl, loss_of(picks), 0);
		CHECK(evopress_run(&s, again, &kl_again, &e));
		CHECK(!memcmp(picks, again, sizeof picks) && kl == kl_again);
	}
}

static void a_search_that_is_stopped_keeps_the_best_so_far(void **state)
{
	struct budget_choice choices[N * K];
	double uniform = loss_of((int[N]){ 1, 1, 1, 1, 1, 1, 1, 1 });

	(void)state;
	for (int most = 1; most < 60; most += 7) {
		struct counted c = { .most = most };
		struct evopress s = problem(choices, &c, 3);
		int picks[N] = { 1, 1, 1, 1, 1, 1, 1, 1 };
		double kl;
		struct err e;

		CHECK(!evopress_run(&s, picks, &kl, &e) && e.code == ERR_INTERRUPTED);
		CHECK_NEAR(kl, loss_of(picks), 0);
		CHECK(kl <= uniform);
	}
}

/* What is shared by the tests on a model. */
struct rig {
	struct tiny t;
	struct pool *pool;
	struct quant_spec specs[3];
	const struct tensor *items[64];
	size_t n;
	int32_t tokens[60];
};

static void rig_open(struct rig *r)
{
	static const char *const methods[3] = { "q4_0", "rtn bits=3 group=32", "q8_0" };
	struct tiny_spec s = tiny_spec("llama", DTYPE_F32);
	struct err e;

	r->n = 0;
	CHECK(tiny_open(&r->t, &s, &e) && (r->pool = pool_new(2, &e)));
	for (int i = 0; i < 3; i++)
		CHECK(quant_parse(&r->specs[i], methods[i], &e));
	for (size_t i = 0; i < r->t.model->dir->n; i++)
		if (r->t.model->dir->t[i].rows > 1)
			r->items[r->n++] = &r->t.model->dir->t[i];
	for (int i = 0; i < 60; i++)
		r->tokens[i] = 3 + i * 37 % 300;
}

static void rig_close(struct rig *r)
{
	pool_free(r->pool);
	tiny_close(&r->t);
}

static struct variants *versions(struct rig *r, size_t bytes)
{
	return variants_new(&(struct variants_options){ .model = r->t.model, .items = r->items, .n = r->n, .specs = r->specs,
	    .n_specs = 3, .bytes = bytes, .pool = r->pool });
}

static double kl_by_lockstep(struct rig *r, const struct model *other)
{
	struct lockstep k;
	struct err e;
	double kl;

	CHECK(lockstep_run(&k, &(struct lockstep_options){ .base = r->t.model, .other = other, .tokens = r->tokens, .n = 60,
	    .n_ctx = 40, .exact = true, .threshold = 0.1, .pool = r->pool }, &e));
	kl = k.kl;
	lockstep_free(&k);
	return kl;
}

static void the_probe_and_lockstep_measure_the_same(void **state)
{
	struct rig r;
	struct err e;
	int picks[64];
	double kl, half;

	(void)state;
	rig_open(&r);
	struct klprobe *k = klprobe_new(&(struct klprobe_options){ .base = r.t.model, .tokens = r.tokens, .n = 60, .n_ctx = 40,
	    .pool = r.pool }, &e);
	struct variants *v = versions(&r, (size_t)1 << 30);

	CHECK(k && klprobe_positions(k) == 60);
	for (int s = -1; s < 3; s++) {
		for (size_t i = 0; i < r.n; i++)
			picks[i] = s;
		CHECK(variants_use(v, picks, &e) && klprobe_ask(k, variants_model(v), 1, &kl, &e));
		CHECK_NEAR(kl, kl_by_lockstep(&r, variants_model(v)), 1e-6);
		CHECK(s < 0 ? kl < 1e-6 : kl > 1e-6);
		CHECK(klprobe_ask(k, variants_model(v), 0.5, &half, &e));
		CHECK(s < 0 || half != kl);
	}
	variants_free(v);
	klprobe_free(k);
	rig_close(&r);
}

static void versions_that_had_to_go_come_back_the_same(void **state)
{
	struct rig r;
	struct err e;
	int picks[64];
	size_t whole = 0;

	(void)state;
	rig_open(&r);
	for (size_t i = 0; i < r.n; i++)
		whole += r.items[i]->rows * r.items[i]->cols * sizeof(float);
	struct variants *all = versions(&r, (size_t)1 << 30), *few = versions(&r, whole / 2);

	for (uint64_t round = 0; round < 6; round++) {
		for (size_t i = 0; i < r.n; i++)
			picks[i] = (int)(rng_bits(5, round, i) % 4) - 1;
		CHECK(variants_use(all, picks, &e) && variants_use(few, picks, &e));
		CHECK(variants_bytes(few) <= whole);
		CHECK(kl_by_lockstep(&r, variants_model(all)) == kl_by_lockstep(&r, variants_model(few)));
	}
	CHECK(variants_bytes(all) > variants_bytes(few));
	variants_free(few);
	variants_free(all);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_search_finds_the_best_within_the_total), TEST(a_search_that_is_stopped_keeps_the_best_so_far),
		TEST(the_probe_and_lockstep_measure_the_same), TEST(versions_that_had_to_go_come_back_the_same),
	};

	return RUN(tests);
}
