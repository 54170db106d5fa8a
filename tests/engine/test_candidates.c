/* test_candidates: sorting as far as somebody looks. */
#include "engine/sampler.h"

#include "engine/base/rng.h"
#include "tests/test.h"

static struct candidates fill(struct candidate *c, const float *logits)
{
	for (int i = 0; i < 256; i++)
		c[i] = (struct candidate){ .id = i, .logit = logits[i] };
	return (struct candidates){ .c = c, .n = 256 };
}

static void sorting_gives_the_same_order_however_far_it_goes(void **state)
{
	float z[256];
	struct candidate a[256], b[256];
	struct candidates whole, part;

	(void)state;
	for (int i = 0; i < 256; i++)
		z[i] = (float)(int)(40 * rng_uniform(5, (uint64_t)i, 0));        /* many ties */
	whole = fill(a, z);
	candidates_sort(&whole, 256);
	for (int i = 1; i < 256; i++)
		CHECK(a[i - 1].logit > a[i].logit ||
		    (a[i - 1].logit == a[i].logit && a[i - 1].id < a[i].id));
	part = fill(b, z);
	for (size_t want = 1; want <= 256; want++) {
		candidates_sort(&part, want);
		CHECK_INT(b[want - 1].id, a[want - 1].id);
	}
}

static void the_sum_of_exponentials_does_not_overflow(void **state)
{
	struct candidate c[] = { { .id = 0, .logit = 1000 }, { .id = 1, .logit = 1000 }, { .id = 2, .logit = -1000 } };
	struct candidates all = { .c = c, .n = 3 };
	double max;

	(void)state;
	CHECK_NEAR(candidates_lse(&all, &max), 1000 + log(2), 1e-12);
	CHECK(max == 1000);
	candidates_sort(&all, 1);
	CHECK_NEAR(candidates_lse(&all, NULL), 1000 + log(2), 1e-12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sorting_gives_the_same_order_however_far_it_goes),
		TEST(the_sum_of_exponentials_does_not_overflow),
	};

	return RUN(tests);
}
