#include "analysis/topk.h"
#include "tests/test.h"

static const double ln2 = 0.69314718055994530942;

static struct step step_of(int n, const int32_t *id, const float *p)
{
	struct step s = { .has_logits = true, .n_top = n };

	for (int i = 0; i < n; i++)
		s.top[i] = (struct step_candidate){ .id = id[i], .p_raw = p[i] };
	return s;
}

static void the_head_is_renormalised(void **state)
{
	struct step s = step_of(3, (int32_t[]){ 7, 3, 9 }, (float[]){ .5f, .25f, .125f });
	struct topk t;

	(void)state;
	CHECK(topk_of_step(&s, 2, &t));
	CHECK_INT(t.n, 2);
	CHECK_NEAR(t.p[0], 2.0 / 3, 1e-15);
	CHECK_NEAR(t.p[1], 1.0 / 3, 1e-15);
	CHECK_NEAR(topk_entropy(&t), log(3) - 2.0 / 3 * ln2, 1e-15);
	CHECK(topk_of_step(&s, STEP_TOP, &t));
	CHECK_INT(t.n, 3);
}

static void a_step_without_a_distribution_has_no_head(void **state)
{
	struct step s = step_of(1, (int32_t[]){ 7 }, (float[]){ 1 });
	struct topk t;

	(void)state;
	s.has_logits = false;
	CHECK(!topk_of_step(&s, STEP_TOP, &t));
	s.has_logits = true;
	s.n_top = 0;
	CHECK(!topk_of_step(&s, STEP_TOP, &t));
}

static void the_order_of_the_candidates_does_not_matter(void **state)
{
	struct step a = step_of(3, (int32_t[]){ 1, 2, 3 }, (float[]){ .5f, .25f, .25f });
	struct step b = step_of(3, (int32_t[]){ 1, 3, 2 }, (float[]){ .5f, .25f, .25f });
	struct topk ta, tb;

	(void)state;
	CHECK(topk_of_step(&a, STEP_TOP, &ta) && topk_of_step(&b, STEP_TOP, &tb));
	CHECK(topk_jsd(&ta, &tb) == 0);
}

static void heads_without_a_common_token_are_ln_2_apart(void **state)
{
	struct step a = step_of(2, (int32_t[]){ 1, 2 }, (float[]){ .6f, .3f });
	struct step b = step_of(3, (int32_t[]){ 3, 4, 5 }, (float[]){ .4f, .3f, .2f });
	struct topk ta, tb;

	(void)state;
	CHECK(topk_of_step(&a, STEP_TOP, &ta) && topk_of_step(&b, STEP_TOP, &tb));
	CHECK_NEAR(topk_jsd(&ta, &tb), ln2, 1e-12);
}

/* p = (1/2, 1/2, 0), q = (0, 1/2, 1/2): m = (1/4, 1/2, 1/4), H(m) = 1.5 ln 2. */
static void half_an_overlap_by_hand(void **state)
{
	struct step a = step_of(2, (int32_t[]){ 10, 20 }, (float[]){ .4f, .4f });
	struct step b = step_of(2, (int32_t[]){ 20, 30 }, (float[]){ .1f, .1f });
	struct topk ta, tb;

	(void)state;
	CHECK(topk_of_step(&a, STEP_TOP, &ta) && topk_of_step(&b, STEP_TOP, &tb));
	CHECK_NEAR(topk_jsd(&ta, &tb), ln2 / 2, 1e-12);
	CHECK_NEAR(topk_jsd(&ta, &tb), topk_jsd(&tb, &ta), 1e-15);
}

/* The ceiling of instability with lambda 1: ln k + ln 2. */
static void even_and_disjoint_heads_reach_the_ceiling(void **state)
{
	struct step a = { .has_logits = true, .n_top = STEP_TOP }, b = a;
	struct topk ta, tb;

	(void)state;
	for (int i = 0; i < STEP_TOP; i++) {
		a.top[i] = (struct step_candidate){ .id = i, .p_raw = .01f };
		b.top[i] = (struct step_candidate){ .id = 1000 + i, .p_raw = .02f };
	}
	CHECK(topk_of_step(&a, STEP_TOP, &ta) && topk_of_step(&b, STEP_TOP, &tb));
	CHECK_NEAR(topk_jsd(&ta, &tb) + topk_entropy(&tb), log(50) + ln2, 1e-12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_head_is_renormalised),
		TEST(a_step_without_a_distribution_has_no_head),
		TEST(the_order_of_the_candidates_does_not_matter),
		TEST(heads_without_a_common_token_are_ln_2_apart),
		TEST(half_an_overlap_by_hand),
		TEST(even_and_disjoint_heads_reach_the_ceiling),
	};

	return RUN(tests);
}
