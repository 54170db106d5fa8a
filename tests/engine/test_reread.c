/* test_reread: a text read again under edits that reach back, and what is then seen of it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static void set_chain(struct session *s, const char *text, uint32_t revision)
{
	struct err e = { 0 };
	const struct chain *c = chain_parse_for(text, revision, session_model(s), &e);

	if (!c)
		fail_msg("%s: %s", text, e.msg);
	session_chain(s, c);
	chain_unref(c);
}

static void generate(struct run *r, int n)
{
	struct err e = { 0 };

	for (int i = 0; i < n; i++)
		if (!session_advance(r->s, &e))
			fail_msg("%s", e.msg);
}

enum { FIRST = 9, MORE = 9 };

/* A text under a chain that changes on the way. */
static void begin_text(struct run *r, const char *chain)
{
	run_begin(r, "llama", (struct session_options){ .piece = 5, .keep_steps = true, .seed = 11 });
	set_chain(r->s, "top-k 20 | temp 1.5", 20);
	run_generate(r, 3);
	set_chain(r->s, chain, 21);
	session_seed(r->s, 12);
	run_generate(r, FIRST);
}

static void same_steps(const struct run *r, const struct step *was, const struct step *is, const char *chain)
{
	(void)r;
	if (was->token != is->token || was->sampler != is->sampler || was->n_stages != is->n_stages)
		fail_msg("%s: position %d: token %d, sampler %u, %d stages; the first time %d, %u, %d", chain, is->pos, is->token,
		    is->sampler, is->n_stages, was->token, was->sampler, was->n_stages);
	for (int i = 0; i < is->n_stages; i++)
		for (int j = 0; j < STAGE_STATE; j++)
			if (fabs((double)was->stages[i].state[j] - (double)is->stages[i].state[j]) > 1e-3)
				fail_msg("%s: position %d: state %g, the first time %g", chain, is->pos, (double)is->stages[i].state[j],
				    (double)was->stages[i].state[j]);
}

/* The newest step at a position. */
static const struct step *step_at(const struct run *r, int pos)
{
	for (int i = r->n; i-- > 0;)
		if (r->steps[i]->pos == pos)
			return r->steps[i];
	fail_msg("no step at %d", pos);
	return NULL;
}

/* Every sampler with a memory, and those that look at the text: whatever way leads
 * back to a text, it goes on from there as it did the first time. */
static void stages_remember_whatever_way_leads_back(void **state)
{
	static const char *const chains[] = {
		"mirostat", "mirostat2", "mirostat2 3 0.5 | temp 1.2", "top-k 40 | mirostat2 4 0.2 1", "momentum",
		"repeat 1.3 | presence 0.5 | frequency 0.2 | temp 1.4", "dry 0.8 | temp 1.3", "xtc 0.6 0.05 | temp 2",
		"top-w | temp 1.5", "top-h 0.4", "dyntemp 0.5 1.8", "awrs \"[a-z ]+\"",
	};

	(void)state;
	for (size_t c = 0; c < sizeof chains / sizeof *chains; c++) {
		struct run plain, again;
		struct err e = { 0 };
		const int len = N_TEXT + 3 + FIRST;

		begin_text(&plain, chains[c]);
		run_generate(&plain, MORE);
		const int32_t *expected = session_tokens(plain.s);

		/* Rewound. */
		begin_text(&again, chains[c]);
		generate(&again, 4);
		session_cut(again.s, len - 2);
		generate(&again, MORE + 2);
		if (memcmp(session_tokens(again.s), expected, (size_t)(len + MORE) * sizeof *expected))
			fail_msg("%s: rewound, it goes on differently", chains[c]);
		run_end(&again);

		/* Read again under an edit and then without it. */
		begin_text(&again, chains[c]);
		const struct edit_set *set = set_of(again.s, "L1.mlp[5] = 4 in all", 1), *none = edit_set_empty();
		session_edits(again.s, set);
		assert_true(session_reread(again.s, 0, &e));
		CHECK_INT(step_at(&again, len - 2)->sampler, 21);
		CHECK_INT(step_at(&again, N_TEXT)->sampler, 20);
		CHECK_INT(step_at(&again, len - 2)->why, WHY_SAMPLED);
		session_edits(again.s, none);
		assert_true(session_reread(again.s, 2, &e));
		for (int pos = N_TEXT - 1; pos < len - 1; pos++)
			same_steps(&again, step_at(&plain, pos), step_at(&again, pos), chains[c]);
		generate(&again, MORE);
		if (memcmp(session_tokens(again.s), expected, (size_t)(len + MORE) * sizeof *expected))
			fail_msg("%s: read again, it goes on differently", chains[c]);
		edit_set_unref(set);
		edit_set_unref(none);
		run_end(&again);

		/* Gone back to as a branch: its tokens are given by hand. */
		begin_text(&again, chains[c]);
		session_cut(again.s, N_TEXT + 5);
		assert_true(session_force(again.s, 77, &e));
		generate(&again, 3);
		session_cut(again.s, N_TEXT + 5);
		for (int i = N_TEXT + 5; i < len; i++)
			assert_true(session_force(again.s, expected[i], &e));
		generate(&again, MORE);
		if (memcmp(session_tokens(again.s), expected, (size_t)(len + MORE) * sizeof *expected))
			fail_msg("%s: gone back to, it goes on differently", chains[c]);
		run_end(&again);
		run_end(&plain);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_text_read_again_is_as_if_it_had_been_edited_from_the_start),
		TEST(taking_it_back_and_reading_again_gives_the_first_bits),
		TEST(what_makes_the_cache_stale_is_found),
		TEST(tracked_tokens_are_told_with_and_without_the_edits),
		TEST(stages_remember_whatever_way_leads_back),
	};

	return RUN(tests);
}
