#include "analysis/lens.h"
#include "analysis/timeline.h"
#include "tests/test.h"

static struct probe_plan *plan(void)
{
	static struct probe_plan *p;
	struct hparams hp = { .n_layers = 2, .n_heads = 2, .n_kv_heads = 2, .d_model = 8, .d_head = 4, .d_ff = 8, .n_vocab = 64 };

	return p ? p : (p = lens_plan(&hp));
}

static const struct step *step_at(int pos, int input, int token, enum step_why why)
{
	struct step *s = step_new(plan());

	s->pos = pos;
	s->input = input;
	s->token = token;
	s->why = why;
	s->values[plan()->offset[LENS_entropy]] = (float)pos;
	return s;
}

/* A prompt of two tokens and `n` generated ones: token i is 10 + i. */
static struct timeline *written(int n, size_t budget)
{
	struct timeline *t = timeline_new(budget);

	for (int pos = 0; pos < n + 1; pos++)
		timeline_add(t, step_at(pos, 10 + pos, 11 + pos, pos ? WHY_SAMPLED : WHY_PROMPT));
	return t;
}

static void the_text_is_what_the_steps_read_and_made(void **state)
{
	struct timeline *t = written(3, TIMELINE_BUDGET);

	(void)state;
	CHECK_INT(timeline_n(t), 4);
	CHECK_INT(timeline_n_tokens(t), 5);
	for (int i = 0; i < 5; i++)
		CHECK_INT(timeline_token(t, i), 10 + i);
	CHECK_INT(timeline_why(t, 0), WHY_PROMPT);
	CHECK_INT(timeline_why(t, 1), WHY_PROMPT);
	CHECK_INT(timeline_why(t, 2), WHY_SAMPLED);
	CHECK_INT(timeline_token(t, 5), -1);
	CHECK(!timeline_at(t, 4) && !timeline_at(t, -1));
	timeline_free(t);
}

static void going_back_leaves_a_branch(void **state)
{
	struct timeline *t = written(5, TIMELINE_BUDGET);
	struct timeline_branch b;

	(void)state;
	timeline_cut(t, 4);
	CHECK_INT(timeline_n_tokens(t), 4);
	/* The step that reads the last token kept still shows what could come. */
	CHECK_INT(timeline_n(t), 4);
	timeline_add(t, step_at(3, 13, 50, WHY_FORCED));
	timeline_add(t, step_at(4, 50, 51, WHY_SAMPLED));
	CHECK_INT(timeline_n_branches(t), 1);
	b = timeline_branch(t, 0);
	CHECK_INT(b.number, 1);
	CHECK_INT(b.fork, 3);
	CHECK_INT(b.n, 3);
	CHECK_INT(b.steps[0]->token, 14);
	CHECK_INT(timeline_token(t, 3), 13);
	CHECK_INT(timeline_token(t, 4), 50);
	CHECK_INT(timeline_why(t, 4), WHY_FORCED);
	CHECK_INT(timeline_n_tokens(t), 6);
	timeline_free(t);
}

static void cutting_twice_makes_one_branch(void **state)
{
	struct timeline *t = written(5, TIMELINE_BUDGET);

	(void)state;
	timeline_cut(t, 5);
	timeline_cut(t, 5);
	CHECK_INT(timeline_n_branches(t), 1);
	timeline_cut(t, 100);
	timeline_cut(t, -1);
	CHECK_INT(timeline_n_branches(t), 1);
	CHECK_INT(timeline_n_tokens(t), 5);
	timeline_free(t);
}

static void a_new_text_leaves_the_old_one_whole(void **state)
{
	struct timeline *t = written(5, TIMELINE_BUDGET);

	(void)state;
	timeline_cut(t, 0);
	CHECK_INT(timeline_n(t), 0);
	CHECK_INT(timeline_n_tokens(t), 0);
	CHECK_INT(timeline_branch(t, 0).n, 6);
	timeline_add(t, step_at(0, 7, 8, WHY_PROMPT));
	CHECK_INT(timeline_token(t, 0), 7);
	CHECK_INT(timeline_n_branches(t), 1);
	timeline_free(t);
}

static void a_place_never_reported_is_a_hole(void **state)
{
	struct timeline *t = timeline_new(TIMELINE_BUDGET);

	(void)state;
	timeline_add(t, step_at(2, 5, 6, WHY_SAMPLED));
	CHECK_INT(timeline_n(t), 3);
	CHECK(!timeline_at(t, 0) && !timeline_at(t, 1) && timeline_at(t, 2));
	timeline_free(t);
}

static void over_the_budget_the_oldest_go_and_tokens_stay(void **state)
{
	struct timeline *one = written(0, TIMELINE_BUDGET), *t;
	size_t step = timeline_bytes(one);

	(void)state;
	timeline_free(one);
	t = written(99, 10 * step);
	CHECK(timeline_bytes(t) <= 10 * step);
	CHECK(!timeline_at(t, 0) && !timeline_at(t, 89) && timeline_at(t, 90) && timeline_at(t, 99));
	CHECK_INT(timeline_token(t, 0), 10);
	CHECK_INT(timeline_received(t), 100);
	/* Charts keep what their steps have lost. */
	CHECK_NEAR(timeline_scalar(t, 3, LENS_entropy), 3, 0);
	CHECK(isnan(timeline_scalar(t, 3, LENS_jsd)) && isnan(timeline_scalar(t, 100, LENS_entropy)));
	CHECK(isnan(timeline_scalar(t, 3, LENS_attn_entropy)));
	timeline_cut(t, 96);
	for (int pos = 95; pos < 104; pos++)
		timeline_add(t, step_at(pos, pos, pos + 1, WHY_SAMPLED));
	CHECK(timeline_bytes(t) <= 10 * step);
	CHECK(!timeline_branch(t, 0).steps[0] && timeline_at(t, 103));
	timeline_free(t);
}

static void four_thousand_steps_of_an_8b_shape_are_held(void **state)
{
	struct hparams hp = { .n_layers = 32, .n_heads = 32, .n_kv_heads = 8, .d_model = 4096, .d_head = 128, .d_ff = 14336, .n_vocab = 128256 };
	struct probe_plan *p = lens_plan(&hp);
	struct timeline *t = timeline_new(TIMELINE_BUDGET);
	struct step *s = step_new(p);

	(void)state;
	timeline_add(t, s);
	CHECK(timeline_bytes(t) < 64 << 10);
	CHECK(timeline_bytes(t) * 4096 <= TIMELINE_BUDGET);
	timeline_free(t);
	probe_plan_free(p);
}

/* Branches of branches: who had which step at a position. */
static void a_branch_knows_the_whole_line_it_was_part_of(void **state)
{
	struct timeline *t = written(8, TIMELINE_BUDGET);
	struct timeline_branch b;

	(void)state;
	timeline_cut(t, 6);             /* branch 1 leaves from 5 */
	timeline_add(t, step_at(5, 15, 60, WHY_FORCED));
	timeline_add(t, step_at(6, 60, 61, WHY_SAMPLED));
	timeline_cut(t, 4);             /* branch 2 leaves from 3 */
	timeline_add(t, step_at(3, 13, 70, WHY_FORCED));
	timeline_add(t, step_at(4, 70, 71, WHY_SAMPLED));
	timeline_add(t, step_at(5, 71, 72, WHY_SAMPLED));
	CHECK_INT(timeline_n_branches(t), 2);
	CHECK_INT(timeline_branch_from(t, 1), 3);
	CHECK_INT(timeline_branch_from(t, 2), 3);
	assert_ptr_equal(timeline_branch_at(t, 1, 2), timeline_at(t, 2));
	assert_ptr_equal(timeline_branch_at(t, 1, 4), timeline_branch(t, 1).steps[1]);
	assert_ptr_equal(timeline_branch_at(t, 1, 5), timeline_branch(t, 0).steps[0]);
	CHECK_INT(timeline_branch_at(t, 1, 6)->token, 17);
	CHECK_INT(timeline_branch_at(t, 2, 5)->token, 60);
	CHECK(timeline_branch_at(t, 1, 8) && !timeline_branch_at(t, 1, 9) && !timeline_branch_at(t, 3, 0) && !timeline_branch_at(t, 1, -1));

	timeline_name_branch(t, 2, "other");
	CHECK(timeline_find_branch(t, 2, &b));
	CHECK_STR(b.name, "other");
	timeline_name_branch(t, 2, NULL);
	CHECK(timeline_find_branch(t, 2, &b) && !b.name);
	/* Forgotten, it is no longer listed, and what others shared with it is a hole,
	 * not what stands there now. */
	timeline_forget_branch(t, 2);
	CHECK_INT(timeline_n_branches(t), 1);
	CHECK(!timeline_find_branch(t, 2, &b) && timeline_find_branch(t, 1, &b));
	CHECK_INT(timeline_branch(t, 0).number, 1);
	CHECK(!timeline_branch_at(t, 1, 4) && timeline_branch_at(t, 1, 5));
	timeline_cut(t, 3);
	CHECK_INT(timeline_branch(t, 1).number, 3);
	timeline_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_text_is_what_the_steps_read_and_made),
		TEST(going_back_leaves_a_branch),
		TEST(cutting_twice_makes_one_branch),
		TEST(a_new_text_leaves_the_old_one_whole),
		TEST(a_place_never_reported_is_a_hole),
		TEST(over_the_budget_the_oldest_go_and_tokens_stay),
		TEST(four_thousand_steps_of_an_8b_shape_are_held),
		TEST(a_branch_knows_the_whole_line_it_was_part_of),
	};

	return RUN(tests);
}
