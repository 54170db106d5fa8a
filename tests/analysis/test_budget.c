#include "tests/test.h"

#include "analysis/budget.h"
#include "analysis/lockstep.h"
#include "analysis/requantized.h"
#include "engine/base/rng.h"
#include "tests/tiny_model.h"

static void the_best_of_all_choices_is_found(void **state)
{
	enum { N = 6, K = 3 };

	(void)state;
	for (uint64_t round = 0; round < 20; round++) {
		struct budget_choice c[N * K];
		int picks[N];
		double total = 60, best = INFINITY, bits = 0, loss = 0;
		struct err e;

		/* Whole bits and a total that is a whole number of steps: nothing is lost to rounding. */
		for (int i = 0; i < N * K; i++)
			c[i] = (struct budget_choice){ 4 + (double)(rng_bits(round, (uint64_t)i, 0) % 12), rng_uniform(round, (uint64_t)i, 1) };
		for (int all = 0; all < 729; all++) {
			double b = 0, l = 0;

			for (int i = 0, x = all; i < N; i++, x /= K) {
				b += c[i * K + x % K].bits;
				l += c[i * K + x % K].loss;
			}
			best = b <= total - 0.01 && l < best ? l : best;
		}
		if (!budget_choose(c, N, K, total, picks, &e)) {
			CHECK(best == (double)INFINITY && strstr(e.msg, "cheapest"));
			continue;
		}
		for (int i = 0; i < N; i++) {
			bits += c[i * K + picks[i]].bits;
			loss += c[i * K + picks[i]].loss;
		}
		CHECK(bits <= total);
		CHECK(loss <= best + 1e-12);
	}
}

static void what_is_not_to_be_had_is_not_chosen(void **state)
{
	struct budget_choice c[4] = { { 1, NAN }, { 8, 0.1 }, { 2, 5 }, { 8, 0.1 } };
	int picks[2];
	struct err e;

	(void)state;
	CHECK(budget_choose(c, 2, 2, 10.5, picks, &e));
	CHECK(picks[0] == 1 && picks[1] == 0);
	CHECK(!budget_choose(c, 2, 2, 9, picks, &e) && e.code == ERR_USAGE && strstr(e.msg, "take 10 bits"));
}

/* METHODS 8.7. */
static void the_closed_form_keeps_the_mean_and_levels_the_losses(void **state)
{
	double c[5] = { 1, 4, 0.5, 9, 2 }, bits[5], sum = 0, gain, lone[2] = { 1e-6, 1e6 };

	(void)state;
	gain = budget_baq(c, 5, 3, bits);
	for (int i = 0; i < 5; i++) {
		sum += bits[i];
		CHECK_NEAR(c[i] * exp2(-2 * bits[i]), c[0] * exp2(-2 * bits[0]), 1e-12);
	}
	CHECK_NEAR(sum / 5, 3, 1e-12);
	CHECK_NEAR(gain, pow(36, 0.2) / 3.3, 1e-12);
	budget_baq(lone, 2, 2, bits);
	CHECK(bits[0] == 0);
	CHECK_NEAR(bits[1], 4, 1e-12);
}

static void an_exact_total_can_be_spent_to_the_last_bit(void **state)
{
	enum { M = 37 };
	struct budget_choice c[M * 2];
	int picks[M];
	struct err e;

	(void)state;
	/* Sizes that are no whole numbers of steps. */
	for (int i = 0; i < M; i++) {
		c[2 * i] = (struct budget_choice){ 4.5 * (1000 + 7 * i), 1 };
		c[2 * i + 1] = (struct budget_choice){ 8.5 * (1000 + 7 * i), 0.1 };
	}
	CHECK(budget_choose(c, M, 2, budget_sum(c, M, 2, (int[M]){ 0 }).bits, picks, &e));
	for (int i = 0; i < M; i++)
		CHECK_INT(picks[i], 0);
	CHECK_INT(budget_uniform(c, M, 2, 1e9), 1);
	CHECK_INT(budget_uniform(c, M, 2, 10), -1);
}

static void the_closed_form_takes_the_nearest_widths(void **state)
{
	struct budget_choice c[4 * 3];
	double size[4] = { 100, 100, 300, 100 }, c0[4] = { 16, 1, 1, 1 / 16. }, want[4], gain, mean = 0;
	int picks[4];
	struct err e;

	(void)state;
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 3; k++)
			c[i * 3 + k] = (struct budget_choice){ (2 + 2 * k) * size[i], size[i] * c0[i] * exp2(-2. * (2 + 2 * k)) };
	CHECK(budget_choose_baq(c, 4, 3, size, 4 * 600, picks, want, &gain, &e));
	for (int i = 0; i < 4; i++) {
		mean += size[i] * want[i] / 600;
		CHECK_NEAR(c0[i] * exp2(-2 * want[i]), exp2(-2 * want[1]), 1e-12);
	}
	CHECK_NEAR(mean, 4, 1e-12);
	CHECK(picks[0] == 2 && picks[1] == 1 && picks[2] == 1 && picks[3] == 0);
	CHECK_NEAR(gain, 1 / ((16 + 1 + 3 + 1 / 16.) / 6), 1e-12);
}

static void a_model_of_quantized_matrices_runs_beside_its_original(void **state)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_F32);
	struct quant_spec exact, coarse;
	struct quanterr q;
	struct tiny t;
	struct err e;
	int32_t tokens[20];

	(void)state;
	CHECK(tiny_open(&t, &s, &e) && quant_parse(&exact, "f32", &e) && quant_parse(&coarse, "rtn bits=3 group=32", &e));
	for (int i = 0; i < 20; i++)
		tokens[i] = 5 + i * 11;
	for (int round = 0; round < 2; round++) {
		struct requantized *r = requantized_new(t.model);
		struct pool *pool = pool_new(1, &e);
		struct lockstep k;

		for (size_t i = 0; i < t.model->dir->n; i++)
			if (t.model->dir->t[i].rows > 1)
				CHECK(requantized_put(r, &t.model->dir->t[i], round ? &coarse : &exact,
				    &(struct quanterr_options){ .pool = pool }, &q, &e));
		CHECK(lockstep_run(&k, &(struct lockstep_options){ .base = t.model, .other = requantized_model(r),
		    .tokens = tokens, .n = 20, .n_ctx = 32, .threshold = 0.1, .pool = pool }, &e));
		CHECK(round ? k.kl > 0 : k.kl == 0 && k.first_token == -1);
		lockstep_free(&k);
		pool_free(pool);
		requantized_free(r);
	}
	tiny_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_best_of_all_choices_is_found), TEST(what_is_not_to_be_had_is_not_chosen),
		TEST(the_closed_form_keeps_the_mean_and_levels_the_losses),
		TEST(an_exact_total_can_be_spent_to_the_last_bit), TEST(the_closed_form_takes_the_nearest_widths),
		TEST(a_model_of_quantized_matrices_runs_beside_its_original),
	};

	return RUN(tests);
}
