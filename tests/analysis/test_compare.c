/* test_compare: two lines of made-up steps, side by side. */
#include "analysis/compare.h"

#include <math.h>

#include "tests/test.h"

static const struct probe_plan plan = { .n_layers = 1, .n_heads = 1 };
static int next_index;

static void put(struct timeline *t, int pos, int32_t input, int32_t token, float p)
{
	struct step *s = step_new(&plan);

	s->pos = pos;
	s->index = next_index++;
	s->input = input;
	s->token = token;
	s->why = WHY_SAMPLED;
	s->has_logits = p > 0;
	s->n_top = p > 0 ? 2 : 0;
	s->top[0] = (struct step_candidate){ 1, p, p };
	s->top[1] = (struct step_candidate){ p > 0.85f ? 3 : 2, 1 - p, 1 - p };
	timeline_add(t, s);
}

static struct timeline *two_lines(void)
{
	struct timeline *t = timeline_new(TIMELINE_BUDGET);

	put(t, 0, 5, 6, 0);
	put(t, 1, 6, 7, 0.5f);
	put(t, 2, 7, 8, 0.6f);
	put(t, 3, 8, 9, 0.6f);
	timeline_cut(t, 2);
	put(t, 1, 6, 7, 0.5f);
	put(t, 2, 7, 20, 0.8f);
	put(t, 3, 20, 21, 0.9f);
	put(t, 4, 21, 22, 0.5f);
	return t;
}

static void the_first_difference_is_found_and_each_step_compared(void **state)
{
	struct timeline *t = two_lines();
	struct compare c;

	(void)state;
	assert_false(compare_open(&c, t, 9));
	assert_true(compare_open(&c, t, 1));
	CHECK_INT(c.branch.fork, 1);
	CHECK_INT(c.n, 4);
	CHECK_INT(c.first, 2);
	CHECK_INT(c.n_compared, 3);
	struct compare_row same = compare_at(&c, 0), apart = compare_at(&c, 1), alone = compare_at(&c, 3);
	CHECK_INT(same.line, 7);
	CHECK_INT(same.branch, 7);
	CHECK_NEAR(same.kl, 0, 1e-12);
	CHECK_INT(apart.line, 20);
	CHECK_INT(apart.branch, 8);
	CHECK_NEAR(apart.kl, 0.8 * log(0.8 / 0.6) + 0.2 * log(0.2 / 0.4), 1e-6);
	CHECK_INT(alone.branch, -1);
	assert_true(isnan(alone.kl));
	timeline_free(t);
}

static void a_token_that_one_lacks_counts_as_its_least_kept_one(void **state)
{
	struct timeline *t = two_lines();
	struct compare c;

	(void)state;
	assert_true(compare_open(&c, t, 1));
	/* Line: 1 at .9, 3 at .1, and 2 as .1; branch: 1 at .6, 2 at .4, and 3 as .4. */
	double p[3] = { 0.9 / 1.1, 0.1 / 1.1, 0.1 / 1.1 }, q[3] = { 0.6 / 1.4, 0.4 / 1.4, 0.4 / 1.4 }, kl = 0;

	for (int i = 0; i < 3; i++)
		kl += p[i] * log(p[i] / q[i]);
	CHECK_NEAR(compare_at(&c, 2).kl, kl, 1e-6);
	timeline_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_difference_is_found_and_each_step_compared),
		TEST(a_token_that_one_lacks_counts_as_its_least_kept_one),
	};

	return RUN(tests);
}
