/* test_session: what a text goes through; the model is a tiny one with random weights. */
#include "engine/session.h"

#include <stdlib.h>

#include "tests/session_run.h"
#include "tests/test.h"

static void n_prompt_and_g_generated_tokens_make_n_plus_g_minus_1_steps(void **state)
{
	struct run r;

	(void)state;
	run_begin(&r, "llama", (struct session_options){ 0 });
	run_generate(&r, 5);
	CHECK_INT(r.n, N_TEXT + 5 - 1);
	for (int i = 0; i < r.n; i++) {
		CHECK_INT(r.steps[i]->pos, i);
		CHECK_INT(r.steps[i]->index, i);
		CHECK_INT(r.steps[i]->input, session_tokens(r.s)[i]);
		CHECK_INT(r.steps[i]->token, session_tokens(r.s)[i + 1]);
		CHECK_INT(r.steps[i]->why, i + 1 < N_TEXT ? WHY_PROMPT : WHY_SAMPLED);
		CHECK_INT(r.steps[i]->sampler, 7);
	}
	run_end(&r);
}

static void a_prompt_step_without_a_distribution_is_a_hole_not_a_zero(void **state)
{
	struct run r;

	(void)state;
	run_begin(&r, "llama", (struct session_options){ 0 });
	run_generate(&r, 1);
	assert_false(r.steps[0]->has_logits);
	assert_true(isnan(r.steps[0]->logprob));
	CHECK_INT(r.steps[0]->n_top, 0);
	assert_true(r.steps[N_TEXT - 1]->has_logits);
	run_end(&r);
	run_begin(&r, "llama", (struct session_options){ .prompt_logits = true });
	run_generate(&r, 1);
	for (int i = 0; i < r.n; i++) {
		assert_true(r.steps[i]->has_logits);
		assert_true(r.steps[i]->logprob <= 0);
		CHECK_INT(r.steps[i]->n_top, STEP_TOP);
	}
	run_end(&r);
}

static void a_prompt_in_pieces_gives_the_same_logits_and_the_same_text(void **state)
{
	static const char *const archs_[] = { "llama", "qwen2", "gpt2" };
	static const int pieces[] = { 12, 1, 5, 7 };

	(void)state;
	for (int a = 0; a < 3; a++) {
		float first[TINY_VOCAB];
		int32_t tokens[N_TEXT + 20];

		for (int p = 0; p < 4; p++) {
			struct run r;

			run_begin(&r, archs_[a], (struct session_options){ .piece = pieces[p] });
			run_generate(&r, 1);
			const float *logits = session_last_logits(r.s);
			if (p == 0)
				memcpy(first, logits, sizeof first);
			for (int i = 0; i < TINY_VOCAB; i++)
				CHECK_NEAR(logits[i], first[i], 1e-4);
			run_generate(&r, 19);
			if (p == 0)
				memcpy(tokens, session_tokens(r.s), sizeof tokens);
			assert_memory_equal(tokens, session_tokens(r.s), sizeof tokens);
			run_end(&r);
		}
	}
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
	static const int threads[] = { 1, 2, 3, 4 };
	float first[TINY_VOCAB];
	struct run one;

	(void)state;
	run_begin(&one, "llama", (struct session_options){ .prompt_logits = true });
	run_generate(&one, 10);
	memcpy(first, session_last_logits(one.s), sizeof first);
	for (int t = 1; t < 4; t++) {
		struct run r;

		run_begin(&r, "llama", (struct session_options){ .n_threads = threads[t], .prompt_logits = true });
		run_generate(&r, 10);
		assert_memory_equal(first, session_last_logits(r.s), sizeof first);
		for (int i = 0; i < r.n; i++)
			assert_memory_equal(r.steps[i]->values, one.steps[i]->values,
			    r.plan->n_values * sizeof(float));
		run_end(&r);
	}
	run_end(&one);
}

static void going_back_and_on_gives_the_same_text_on_a_new_branch(void **state)
{
	struct run r;
	int32_t before[N_TEXT + 10];

	(void)state;
	run_begin(&r, "llama", (struct session_options){ 0 });
	run_generate(&r, 10);
	memcpy(before, session_tokens(r.s), sizeof before);
	session_cut(r.s, N_TEXT + 3);
	CHECK_INT(session_len(r.s), N_TEXT + 3);
	run_generate(&r, 7);
	assert_memory_equal(before, session_tokens(r.s), sizeof before);
	CHECK_INT(r.steps[r.n - 1]->branch, 1);
	/* The step before the cut is still known to what looks back. */
	CHECK_NEAR(step_values(r.steps[r.n - 7], 2)[0], 1, 0);
	run_end(&r);
}

static void a_given_token_is_taken_and_described(void **state)
{
	struct run r;
	struct err e = { 0 };

	(void)state;
	run_begin(&r, "llama", (struct session_options){ 0 });
	assert_true(session_force(r.s, 123, &e));
	CHECK_INT(session_tokens(r.s)[N_TEXT], 123);
	CHECK_INT(r.steps[r.n - 1]->why, WHY_FORCED);
	assert_true(r.steps[r.n - 1]->logprob < 0);
	CHECK_NEAR(r.steps[r.n - 1]->p_final, 0, 0);   /* greedy would have kept another */
	assert_false(session_force(r.s, TINY_VOCAB, &e));
	CHECK_INT(e.code, ERR_USAGE);
	run_end(&r);
}

static void a_held_neuron_reads_back_as_held_and_is_counted(void **state)
{
	struct run r;

	(void)state;
	run_begin(&r, "llama", (struct session_options){ 0 });
	const struct edit_set *set = run_edits(&r, "L1.mlp[0] = 4 in generated", 9);
	session_edits(r.s, set);
	edit_set_unref(set);
	run_generate(&r, 6);
	CHECK_NEAR(step_values(r.steps[N_TEXT + 2], 1)[1], 4, 0);
	assert_true(step_values(r.steps[N_TEXT - 1], 1)[1] != 4.0f);
	CHECK_INT(r.steps[N_TEXT]->edits, 9);
	CHECK_INT(session_edit_applied(r.s, 1), 5);     /* five generated tokens were read */
	const struct receipt *done = &r.steps[N_TEXT + 2]->receipts[0], *not = &r.steps[N_TEXT - 1]->receipts[0];
	CHECK_INT(r.steps[N_TEXT + 2]->n_receipts, 1);
	CHECK_INT(done->edit, 1);
	CHECK_INT(done->applied, 1);
	/* It was `before`, up to its sign, and became 4. */
	assert_true(fabsf(done->change - fabsf(4 - done->before)) < 1e-6f || fabsf(done->change - 4 - done->before) < 1e-6f);
	CHECK_INT(not->applied, 0);
	CHECK_NEAR(not->change, 0, 0);
	run_end(&r);
}

static void an_edit_changes_nothing_before_its_layer_and_something_after(void **state)
{
	struct run plain, edited;

	(void)state;
	run_begin(&plain, "llama", (struct session_options){ 0 });
	run_generate(&plain, 1);
	run_begin(&edited, "llama", (struct session_options){ 0 });
	const struct edit_set *set = run_edits(&edited, "L0.H2 * 0", 1);
	session_edits(edited.s, set);
	edit_set_unref(set);
	run_generate(&edited, 1);
	const struct step *a = plain.steps[N_TEXT - 1], *b = edited.steps[N_TEXT - 1];
	int n_heads = plain.plan->n_heads;
	for (int h = 0; h < n_heads; h++)
		CHECK_NEAR(step_values(a, 0)[h], step_values(b, 0)[h], 0);
	bool moved = false;
	for (int h = 0; h < n_heads; h++)
		moved |= step_values(a, 0)[n_heads + h] != step_values(b, 0)[n_heads + h];
	assert_true(moved);
	CHECK_INT(session_edit_applied(edited.s, 1), N_TEXT);
	run_end(&plain);
	run_end(&edited);
}

static void a_full_context_is_an_error_not_a_crash(void **state)
{
	struct run r;
	struct err e = { 0 };

	(void)state;
	run_begin(&r, "llama", (struct session_options){ .n_ctx = N_TEXT + 2 });
	run_generate(&r, 3);
	assert_false(session_advance(r.s, &e));
	CHECK_INT(e.code, ERR_RUN);
	assert_non_null(strstr(e.msg, "context is full at 14 tokens"));
	assert_false(session_append(r.s, run_text, 1, &e));
	run_end(&r);
}

static void nothing_to_read_is_said(void **state)
{
	struct run r;
	struct err e = { 0 };

	(void)state;
	run_start(&r, "llama", (struct session_options){ 0 });
	assert_false(session_advance(r.s, &e));
	CHECK_INT(e.code, ERR_USAGE);
	assert_false(session_append(r.s, (int32_t[]){ -1 }, 1, &e));
	assert_false(session_append(r.s, (int32_t[]){ TINY_VOCAB }, 1, &e));
	run_end(&r);
}

static void learned_positions_bound_the_context(void **state)
{
	struct tiny_spec spec = tiny_spec("gpt2", DTYPE_F32);
	struct tiny tiny;
	struct err e = { 0 };

	(void)state;
	assert_true(tiny_open(&tiny, &spec, &e));
	struct probe_plan *plan = probe_plan_new((const struct probe *const[]){ NULL }, 0, &tiny.model->hp);
	assert_null(session_new(tiny.model, &(struct session_options){ .n_threads = 1, .n_ctx = spec.n_ctx + 1,
	    .plan = plan }, &e));
	CHECK_INT(e.code, ERR_USAGE);
	probe_plan_free(plan);
	tiny_close(&tiny);
}

static void logits_of_every_position_are_those_the_steps_saw(void **state)
{
	struct run r;
	struct err e = { 0 };
	float *out = calloc((size_t)N_TEXT * TINY_VOCAB, sizeof *out);

	(void)state;
	run_begin(&r, "qwen2", (struct session_options){ .piece = 5 });
	assert_true(session_logits(r.s, out, &e));
	CHECK_INT(session_read(r.s), N_TEXT);
	for (int i = 0; i < N_TEXT; i++) {
		float best = out[i * TINY_VOCAB];

		for (int v = 1; v < TINY_VOCAB; v++)
			best = out[i * TINY_VOCAB + v] > best ? out[i * TINY_VOCAB + v] : best;
		CHECK_NEAR(out[i * TINY_VOCAB + r.steps[i]->top[0].id], best, 0);
		if (i + 1 < N_TEXT)
			CHECK_NEAR(r.steps[i]->logprob,
			    out[i * TINY_VOCAB + run_text[i + 1]] - r.steps[i]->logits.lse, 1e-6);
	}
	CHECK_INT(r.steps[N_TEXT - 1]->token, -1);
	free(out);
	run_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(n_prompt_and_g_generated_tokens_make_n_plus_g_minus_1_steps),
		TEST(a_prompt_step_without_a_distribution_is_a_hole_not_a_zero),
		TEST(a_prompt_in_pieces_gives_the_same_logits_and_the_same_text),
		TEST(any_number_of_threads_gives_the_same_bits),
		TEST(going_back_and_on_gives_the_same_text_on_a_new_branch),
		TEST(a_given_token_is_taken_and_described),
		TEST(a_held_neuron_reads_back_as_held_and_is_counted),
		TEST(an_edit_changes_nothing_before_its_layer_and_something_after),
		TEST(a_full_context_is_an_error_not_a_crash),
		TEST(nothing_to_read_is_said),
		TEST(learned_positions_bound_the_context),
		TEST(logits_of_every_position_are_those_the_steps_saw),
	};

	/* threaded test */
	return RUN(tests);
}
