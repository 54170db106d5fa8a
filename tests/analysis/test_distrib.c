#include "analysis/distrib.h"
#include "engine/base/rng.h"
#include "tests/test.h"

static const double ln2 = 0.69314718055994530942;

/* A distribution named by `seed`, heavy-tailed like a model's. */
static void random_distribution(uint64_t seed, size_t n, double *p)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		p[i] = pow(-log(1 - rng_uniform(seed, i, 0)), 3);
		sum += p[i];
	}
	for (size_t i = 0; i < n; i++)
		p[i] /= sum;
}

static void a_certain_outcome_has_no_entropy_and_even_ones_have_ln_n(void **state)
{
	const double sure[] = { 0, 1, 0 }, even[] = { .2, .2, .2, .2, .2 };

	(void)state;
	CHECK(distrib_entropy(sure, 3) == 0);
	CHECK_NEAR(distrib_entropy(even, 5), log(5), 1e-15);
	CHECK_NEAR(distrib_entropy_f32((float[]){ .25f, .25f, .25f, .25f }, 4), log(4), 1e-15);
	CHECK(distrib_varentropy(sure, 3) == 0);
	CHECK_NEAR(distrib_varentropy(even, 5), 0, 1e-15);
}

static void varentropy_is_the_variance_of_the_surprise(void **state)
{
	/* Surprises ln 2 and ln 4 with weights 1/2 and 1/2 (twice 1/4). */
	const double p[] = { .5, .25, .25 };

	(void)state;
	CHECK_NEAR(distrib_entropy(p, 3), 1.5 * ln2, 1e-15);
	CHECK_NEAR(distrib_varentropy(p, 3), .25 * ln2 * ln2, 1e-15);
}

static void equal_distributions_have_no_distance(void **state)
{
	double p[300];

	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		random_distribution(seed, 300, p);
		CHECK(distrib_jsd(p, p, 300) == 0);
		CHECK(distrib_kl(p, p, 300) == 0);
	}
}

static void disjoint_distributions_are_ln_2_apart(void **state)
{
	const double p[] = { .5, .5, 0, 0, 0 }, q[] = { 0, 0, .1, .6, .3 };

	(void)state;
	CHECK_NEAR(distrib_jsd(p, q, 5), ln2, 1e-15);
	CHECK(isinf(distrib_kl(p, q, 5)));
}

static void jsd_is_symmetric_and_stays_below_ln_2(void **state)
{
	double p[100], q[100];

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		random_distribution(2 * seed, 100, p);
		random_distribution(2 * seed + 1, 100, q);
		double d = distrib_jsd(p, q, 100);

		CHECK(d >= 0 && d <= ln2 + 1e-15);
		CHECK_NEAR(d, distrib_jsd(q, p, 100), 1e-15);
	}
}

/* JSD is the mean KL to the middle; the two are computed differently here. */
static void jsd_is_the_mean_divergence_from_the_middle(void **state)
{
	double p[64], q[64], m[64];

	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		random_distribution(seed, 64, p);
		random_distribution(seed + 1000, 64, q);
		for (int i = 0; i < 64; i++)
			m[i] = (p[i] + q[i]) / 2;
		CHECK_NEAR(distrib_jsd(p, q, 64),
		    (distrib_kl(p, m, 64) + distrib_kl(q, m, 64)) / 2, 1e-14);
	}
}

static void kl_by_hand(void **state)
{
	const double p[] = { .5, .5 }, q[] = { .25, .75 };

	(void)state;
	CHECK_NEAR(distrib_kl(p, q, 2), .5 * log(2) + .5 * log(2.0 / 3), 1e-15);
	CHECK_NEAR(distrib_kl(q, p, 2), .25 * log(.5) + .75 * log(1.5), 1e-15);
}

static void softmax_of_huge_logits_does_not_overflow(void **state)
{
	const float z[] = { 10000, 9999, -10000 };
	double p[3];

	(void)state;
	distrib_softmax(z, 3, p);
	CHECK_NEAR(p[0], 1 / (1 + exp(-1)), 1e-12);
	CHECK_NEAR(p[1], 1 / (1 + exp(1)), 1e-12);
	CHECK(p[2] == 0);
	CHECK_NEAR(distrib_lse(z, 3), 10000 + log(1 + exp(-1)), 1e-10);
}

static void minus_infinity_is_a_probability_of_zero(void **state)
{
	const float z[] = { -INFINITY, 1, 1 };
	double p[3];

	(void)state;
	distrib_softmax(z, 3, p);
	CHECK(p[0] == 0);
	CHECK_NEAR(p[1], .5, 1e-15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_certain_outcome_has_no_entropy_and_even_ones_have_ln_n),
		TEST(varentropy_is_the_variance_of_the_surprise),
		TEST(equal_distributions_have_no_distance),
		TEST(disjoint_distributions_are_ln_2_apart),
		TEST(jsd_is_symmetric_and_stays_below_ln_2),
		TEST(jsd_is_the_mean_divergence_from_the_middle),
		TEST(kl_by_hand),
		TEST(softmax_of_huge_logits_does_not_overflow),
		TEST(minus_infinity_is_a_probability_of_zero),
	};

	return RUN(tests);
}
