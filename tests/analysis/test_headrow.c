/* test_headrow: against the numbers of METHODS and rows worked out by hand. */
#include "analysis/headrow.h"

#include "engine/base/rng.h"
#include "tests/test.h"

static void softmax(const double *s, int n, float *p)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += exp(s[i]);
	for (int i = 0; i < n; i++)
		p[i] = (float)(exp(s[i]) / sum);
}

static void an_even_row_looks_at_all_keys(void **state)
{
	float p[8] = { .125f, .125f, .125f, .125f, .125f, .125f, .125f, .125f };
	struct headrow r = headrow_of(p, 8);

	(void)state;
	CHECK_NEAR(r.entropy, log(8), 1e-9);
	CHECK_NEAR(r.effective, 8, 1e-6);
	CHECK_NEAR(r.sigma, 0, 1e-9);
	CHECK_NEAR(r.bound, log(8), 1e-9);
	CHECK_NEAR(r.nosink, log(7), 1e-7);
}

/* One score above equal others, 16 keys, sigma 4: 1.01804 nats, and the bound is met. */
static void the_bound_is_met_by_one_high_score(void **state)
{
	double s[16] = { 0 };
	float p[16];

	(void)state;
	/* The centred vector of (a, 0, ..., 0) has length a sqrt(15/16). */
	s[5] = 4 / sqrt(15.0 / 16);
	softmax(s, 16, p);
	struct headrow r = headrow_of(p, 16);
	CHECK_NEAR(r.sigma, 4, 1e-5);
	CHECK_NEAR(r.bound, 1.01804, 1e-5);
	CHECK_NEAR(r.entropy, r.bound, 1e-5);
	CHECK_INT(r.strongest, 5);
}

static void no_row_is_below_its_bound(void **state)
{
	(void)state;
	for (uint64_t k = 0; k < 2000; k++) {
		int n = 2 + (int)(rng_bits(1, k, 0) % 60);
		double scale = 8 * rng_uniform(1, k, 1), s[64];
		float p[64];

		for (int i = 0; i < n; i++)
			s[i] = scale * (rng_uniform(2, k, (uint64_t)i) - 0.5);
		softmax(s, n, p);
		struct headrow r = headrow_of(p, n);
		assert_true(r.entropy >= r.bound - 1e-5);
		assert_true(r.entropy <= log(n) + 1e-6);
	}
}

static void one_key_is_certain(void **state)
{
	struct headrow r = headrow_of((float[]){ 1 }, 1);

	(void)state;
	CHECK_NEAR(r.entropy, 0, 0);
	CHECK_NEAR(r.effective, 1, 0);
	assert_true(isnan(r.nosink));
}

static void a_row_without_its_sink_is_renormalised(void **state)
{
	struct headrow r = headrow_of((float[]){ 0.5f, 0.25f, 0.25f, 0 }, 4);

	(void)state;
	CHECK_NEAR(r.nosink, log(2), 1e-7);
	CHECK_NEAR(r.sink, 0.5, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_even_row_looks_at_all_keys),
		TEST(the_bound_is_met_by_one_high_score),
		TEST(no_row_is_below_its_bound),
		TEST(one_key_is_certain),
		TEST(a_row_without_its_sink_is_renormalised),
	};

	return RUN(tests);
}
