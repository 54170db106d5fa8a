/* test_reread: a text read again under edits that reach back, and what is then seen of it. */
#include <math.h>
#include <stdlib.h>

#include "engine/look.h"
#include "engine/session.h"
#include "tests/session_run.h"
#include "tests/test.h"

static const struct edit_set *set_of(const struct session *s, const char *line, uint32_t revision)
{
	const struct edit_set *none = edit_set_empty(), *set;
	struct err e = { 0 };
	struct edit ed;

	if (!edit_parse(line, &session_model(s)->hp, &ed, &e))
		fail_msg("%s", e.msg);
	ed.number = 1;
	set = edit_set_with(none, &ed, revision);
	edit_set_unref(none);
	return set;
}

static void a_text_read_again_is_as_if_it_had_been_edited_from_the_start(void **state)
{
	struct run late, early;
	struct err e = { 0 };

	(void)state;
	run_begin(&late, "llama", (struct session_options){ .piece = 4 });
	run_begin(&early, "llama", (struct session_options){ .piece = 4 });
	const struct edit_set *set = set_of(late.s, "L0.mlp[5] = 3 in all", 1);

	run_generate(&late, 4);
	session_edits(late.s, set);
	int len = session_len(late.s), read = session_read(late.s), made = late.n;

	assert_true(session_reread(late.s, 0, &e));
	CHECK_INT(session_len(late.s), len);
	CHECK_INT(session_read(late.s), read);
	CHECK_INT(late.n, made + read);
	for (int i = 0; i < read; i++) {
		const struct step *s = late.steps[made + i];

		CHECK_INT(s->pos, i);
		CHECK_INT(s->branch, 1);
		CHECK_INT(s->edits, 1);
		CHECK_INT(s->token, session_tokens(late.s)[i + 1]);
		CHECK_INT(s->receipts[0].applied, 1);
		assert_true(s->has_logits);
	}
	/* The same tokens given to a session that was edited from the start. */
	session_edits(early.s, set);
	for (int i = N_TEXT; i < len; i++)
		assert_true(session_append(early.s, session_tokens(late.s) + i, 1, &e));
	assert_true(session_logits(early.s, NULL, &e));
	assert_true(session_logits(late.s, NULL, &e));
	for (int v = 0; v < TINY_VOCAB; v++)
		CHECK_NEAR(session_last_logits(late.s)[v], session_last_logits(early.s)[v], 2e-4);
	edit_set_unref(set);
	run_end(&late);
	run_end(&early);
}

static void taking_it_back_and_reading_again_gives_the_first_bits(void **state)
{
	struct run plain, edited;
	struct err e = { 0 };

	(void)state;
	run_begin(&plain, "llama", (struct session_options){ .piece = 4 });
	run_begin(&edited, "llama", (struct session_options){ .piece = 4 });
	const struct edit_set *set = set_of(edited.s, "L*.resid * 1.5 in all", 1), *none = edit_set_empty();

	assert_true(session_logits(plain.s, NULL, &e) && session_logits(edited.s, NULL, &e));
	session_edits(edited.s, set);
	assert_true(session_reread(edited.s, 0, &e));
	session_edits(edited.s, none);
	assert_true(session_reread(edited.s, 0, &e));
	run_generate(&plain, 6);
	run_generate(&edited, 6);
	CHECK_INT(session_len(plain.s), session_len(edited.s));
	assert_memory_equal(session_tokens(plain.s), session_tokens(edited.s), (size_t)session_len(plain.s) * sizeof(int32_t));
	CHECK_NEAR(plain.steps[plain.n - 1]->logprob, edited.steps[edited.n - 1]->logprob, 0);
	edit_set_unref(none);
	edit_set_unref(set);
	run_end(&plain);
	run_end(&edited);
}

static void what_makes_the_cache_stale_is_found(void **state)
{
	struct run r;

	(void)state;
	run_begin(&r, "llama", (struct session_options){ 0 });
	static const struct { const char *line; int first; } cases[] = {
		{ "L0.mlp[5] = 3", -1 }, { "L0.mlp[5] = 3 in generated", -1 }, { "L0.mlp[5] = 3 in all", 0 },
		{ "L0.mlp[5] = 3 in prompt", 0 }, { "L0.mlp[5] = 3 in 4..9", 4 },
	};
	const struct edit_set *none = edit_set_empty();

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct edit_set *set = set_of(r.s, cases[i].line, 1), *off = edit_set_toggled(set, 1, 2);

		CHECK_INT(edit_sets_stale(none, set), cases[i].first);
		CHECK_INT(edit_sets_stale(set, none), cases[i].first);
		CHECK_INT(edit_sets_stale(set, off), cases[i].first);
		CHECK_INT(edit_sets_stale(set, set), -1);
		CHECK_INT(edit_sets_stale(off, none), -1);
		edit_set_unref(off);
		edit_set_unref(set);
	}
	edit_set_unref(none);
	run_end(&r);
}

static void tracked_tokens_are_told_with_and_without_the_edits(void **state)
{
	struct run r;
	struct err e = { 0 };
	const struct look *k;

	(void)state;
	run_begin(&r, "llama", (struct session_options){ .prompt_logits = true, .keep_steps = true });
	const struct edit_set *set = set_of(r.s, "logit[7] + 2", 1);

	session_edits(r.s, set);
	assert_true(session_logits(r.s, NULL, &e));
	struct look_request want = { .what = LOOK_COMPARE | LOOK_SITE, .pos = 3, .step = -1, .n_track = 2, .track = { 7, 8 },
		.at = { .site = SITE_logits, .layer = NO_LAYER, .head = -1, .index = -1 } };

	if (!session_look(r.s, &want, &k, &e))
		fail_msg("%s", e.msg);
	/* Between two tokens the normalisation falls out: the edit is all there is. */
	CHECK_NEAR((k->tracked[0][0] - k->tracked[1][0]) - (k->tracked[0][1] - k->tracked[1][1]), 2, 1e-4);
	CHECK_NEAR(k->site[7] - k->site[8], k->tracked[0][0] - k->tracked[1][0], 1e-4);
	look_unref(k);
	want.track[1] = TINY_VOCAB;
	assert_false(session_look(r.s, &want, &k, &e));
	want.n_track = 0;
	want.at.layer = EVERY_LAYER;
	want.at.site = SITE_resid_post;
	assert_false(session_look(r.s, &want, &k, &e));
	edit_set_unref(set);
	run_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_text_read_again_is_as_if_it_had_been_edited_from_the_start),
		TEST(taking_it_back_and_reading_again_gives_the_first_bits),
		TEST(what_makes_the_cache_stale_is_found),
		TEST(tracked_tokens_are_told_with_and_without_the_edits),
	};

	return RUN(tests);
}
