/* test_look: single positions seen again, and edits that only a look can show. */
#include "engine/look.h"

#include <stdlib.h>
#include <string.h>

#include "tests/session_run.h"
#include "tests/test.h"

static const struct look *look(struct run *r, unsigned what, int pos, int layer)
{
	struct err e = { 0 };
	const struct look *k;

	if (!session_look(r->s, &(struct look_request){ .what = what, .pos = pos, .step = -1, .layer = layer,
	    .at = { .site = SITE_mlp, .layer = 1, .head = -1, .index = -1 } }, &k, &e))
		fail_msg("%s", e.msg);
	return k;
}

static void a_second_look_shows_what_the_step_measured(void **state)
{
	struct run r;

	(void)state;
	run_begin(&r, "llama", (struct session_options){ .piece = 5 });
	run_generate(&r, 6);
	for (int pos = 3; pos < r.n; pos += 4) {
		const struct look *k = look(&r, LOOK_ATTENTION | LOOK_NEURONS | LOOK_SITE, pos, 1);
		double h = 0, sum = 0;

		for (int t = 0; t <= pos; t++) {
			double p = k->attention[2 * k->n_keys + t];

			sum += p;
			h -= p > 0 ? p * log(p) : 0;
		}
		CHECK_NEAR(sum, 1, 1e-5);
		CHECK_NEAR(h, step_values(r.steps[pos], 0)[r.plan->n_heads + 2], 1e-5);
		CHECK_NEAR(k->neurons[k->d_ff], step_values(r.steps[pos], 1)[1], 1e-5);
		CHECK_NEAR(k->site[0], k->neurons[k->d_ff], 0);
		CHECK_INT(k->step, r.steps[pos]->index);
		look_unref(k);
	}
	run_end(&r);
}

static void a_look_leaves_the_run_as_it_was(void **state)
{
	struct run plain, looked;

	(void)state;
	run_begin(&plain, "qwen2", (struct session_options){ .piece = 5 });
	run_generate(&plain, 12);
	run_begin(&looked, "qwen2", (struct session_options){ .piece = 5 });
	for (int i = 0; i < 12; i++) {
		run_generate(&looked, 1);
		look_unref(look(&looked, LOOK_ATTENTION | LOOK_LENS | LOOK_COMPARE, 2 + i / 2, 0));
	}
	assert_memory_equal(session_tokens(plain.s), session_tokens(looked.s), (N_TEXT + 12) * sizeof(int32_t));
	for (int i = 0; i < plain.n; i++)
		assert_memory_equal(plain.steps[i]->values, looked.steps[i]->values, plain.plan->n_values * sizeof(float));
	run_end(&plain);
	run_end(&looked);
}

static void a_look_that_is_called_off_gives_nothing(void **state)
{
	struct look_watch watch = { .stop = true };
	const struct look *k = NULL;
	struct err e = { 0 };
	struct run r;

	(void)state;
	run_begin(&r, "llama", (struct session_options){ .piece = 5, .watch = &watch });
	run_generate(&r, 3);
	assert_false(session_look(r.s, &(struct look_request){ .what = LOOK_LENS, .pos = 2, .step = -1 }, &k, &e));
	assert_null(k);
	CHECK_INT(e.code, ERR_INTERRUPTED);
	CHECK_STR(e.msg, "called off");
	/* One pass of the one and a half that a lens of two layers takes. */
	CHECK_NEAR(atomic_load(&watch.done), 1 / 1.5, 1e-6);
	run_end(&r);
}

static void the_lens_of_the_last_layer_is_the_model_itself(void **state)
{
	struct run r;

	(void)state;
	run_begin(&r, "llama", (struct session_options){ .prompt_logits = true });
	run_generate(&r, 2);
	const struct look *k = look(&r, LOOK_LENS, N_TEXT - 1, 0);
	const struct step *s = r.steps[N_TEXT - 1];
	const struct look_layer *last = &k->lens[k->n_layers - 1];
	CHECK_INT(last->top[0].id, s->top[0].id);
	CHECK_NEAR(last->top[0].p, s->top[0].p_raw, 1e-5);
	CHECK_NEAR(last->kl, 0, 1e-6);
	assert_true(k->lens[0].kl > 0);
	assert_true(k->settled < k->n_layers);
	for (int l = k->settled; l < k->n_layers; l++)
		CHECK_INT(k->lens[l].top[0].id, last->top[0].id);
	look_unref(k);
	run_end(&r);
}

static void a_comparison_is_zero_without_edits_and_positive_with_one(void **state)
{
	struct run r;

	(void)state;
	run_begin(&r, "llama", (struct session_options){ 0 });
	run_generate(&r, 2);
	const struct look *k = look(&r, LOOK_COMPARE, N_TEXT, 0);
	CHECK_NEAR(k->jsd, 0, 0);
	CHECK_NEAR(k->kl, 0, 0);
	CHECK_INT(k->best[0], k->best[1]);
	look_unref(k);
	const struct edit_set *set = run_edits(&r, "L1.mlp[3] = 50", 1);
	session_edits(r.s, set);
	edit_set_unref(set);
	run_generate(&r, 1);
	k = look(&r, LOOK_COMPARE, N_TEXT + 1, 0);
	CHECK_INT(k->edits, 1);
	assert_true(k->jsd > 1e-4f && k->jsd < 0.6932f && k->kl > 0);
	look_unref(k);
	run_end(&r);
}

/* softmax(s / t) is softmax(s) to the power 1/t, renormalised. */
static void a_temperature_divides_the_scores_of_its_head_alone(void **state)
{
	struct run plain, warm;

	(void)state;
	run_begin(&plain, "llama", (struct session_options){ 0 });
	run_generate(&plain, 1);
	run_begin(&warm, "llama", (struct session_options){ 0 });
	const struct edit_set *set = run_edits(&warm, "L0.H2.temp = 2", 1);
	session_edits(warm.s, set);
	edit_set_unref(set);
	run_generate(&warm, 1);
	const struct look *a = look(&plain, LOOK_ATTENTION, N_TEXT - 1, 0), *b = look(&warm, LOOK_ATTENTION, N_TEXT - 1, 0);
	for (int h = 0; h < a->n_heads; h++) {
		const float *p = a->attention + (size_t)h * N_TEXT, *q = b->attention + (size_t)h * N_TEXT;
		double sum = 0;

		for (int t = 0; t < N_TEXT; t++)
			sum += sqrt((double)p[t]);
		for (int t = 0; t < N_TEXT; t++)
			CHECK_NEAR(q[t], h == 2 ? sqrt((double)p[t]) / sum : p[t], 1e-6);
	}
	look_unref(a);
	look_unref(b);
	run_end(&plain);
	run_end(&warm);
}

static void an_edit_of_every_layer_writes_in_every_layer(void **state)
{
	struct run r;

	(void)state;
	run_begin(&r, "llama", (struct session_options){ 0 });
	const struct edit_set *set = run_edits(&r, "L*.mlp[0] = 2", 1);
	session_edits(r.s, set);
	edit_set_unref(set);
	run_generate(&r, 1);
	for (int l = 0; l < r.plan->n_layers; l++)
		CHECK_NEAR(step_values(r.steps[3], 1)[l], 2, 0);
	CHECK_INT(session_edit_applied(r.s, 1), N_TEXT * r.plan->n_layers);
	run_end(&r);
}

static void a_held_logit_wins_the_draw(void **state)
{
	struct run r;

	(void)state;
	run_begin(&r, "gpt2", (struct session_options){ 0 });
	const struct edit_set *set = run_edits(&r, "logit[77] = 1000", 1);
	session_edits(r.s, set);
	edit_set_unref(set);
	run_generate(&r, 3);
	for (int i = 0; i < 3; i++)
		CHECK_INT(session_tokens(r.s)[N_TEXT + i], 77);
	run_end(&r);
}

/* What a place held at one step, put there again at the same step, changes nothing;
 * put at another step it does. */
static void a_patch_puts_back_what_was_there(void **state)
{
	struct run r;
	float logits[TINY_VOCAB];

	(void)state;
	run_begin(&r, "llama", (struct session_options){ 0 });
	run_generate(&r, 1);
	memcpy(logits, session_last_logits(r.s), sizeof logits);
	const struct look *k[2] = { look(&r, LOOK_SITE, N_TEXT - 1, 0), look(&r, LOOK_SITE, 2, 0) };
	const struct edit_def *op = NULL;
	for (size_t i = 0; i < n_edit_defs; i++)
		if (!strcmp(edit_defs[i]->name, "patch"))
			op = edit_defs[i];
	for (int other = 0; other < 2; other++) {
		struct vec *v = vec_new("a step", "patch", &k[other]->asked.at, 1, k[other]->n_site, k[other]->site);
		struct edit ed = { .number = 1, .at = k[other]->asked.at, .op = op, .value = 1, .vec = v,
			.scope = SCOPE_RANGE, .from = N_TEXT - 1, .to = N_TEXT - 1, .on = true };
		const struct edit_set *set = edit_set_with(session_edits_now(r.s), &ed, (uint32_t)other + 1);
		struct err e = { 0 };
		float off = 0;

		session_edits(r.s, set);
		edit_set_unref(set);
		session_cut(r.s, 0);
		assert_true(session_append(r.s, run_text, N_TEXT, &e));
		run_generate(&r, 1);
		for (int i = 0; i < TINY_VOCAB; i++)
			off = fmaxf(off, fabsf(logits[i] - session_last_logits(r.s)[i]));
		if (other)
			assert_true(off > 1e-3f);
		else
			CHECK_NEAR(off, 0, 1e-4);
		vec_unref(v);
		look_unref(k[other]);
	}
	run_end(&r);
}

static void a_look_beyond_what_was_read_is_refused(void **state)
{
	struct run r;
	struct err e = { 0 };
	const struct look *k;

	(void)state;
	run_begin(&r, "llama", (struct session_options){ 0 });
	run_generate(&r, 1);
	assert_false(session_look(r.s, &(struct look_request){ .pos = N_TEXT, .step = -1 }, &k, &e));
	CHECK_INT(e.code, ERR_USAGE);
	assert_false(session_look(r.s, &(struct look_request){ .what = LOOK_ATTENTION, .step = -1, .layer = 2 }, &k, &e));
	assert_false(session_look(r.s, &(struct look_request){ .what = LOOK_LENS, .pos = 2, .step = 99 }, &k, &e));
	assert_non_null(strstr(e.msg, "branch that was left"));
	run_end(&r);
}

/* The line up to the last of `n` steps, as whoever kept them asks for it. */
static struct look_past *past_of(const struct step *const *steps, int n)
{
	struct look_past *p = calloc((size_t)n, sizeof *p);

	for (int i = 0; i < n; i++)
		p[i] = (struct look_past){ steps[i]->index, steps[i]->input, steps[i]->edits };
	return p;
}

static const struct look *look_back(struct run *r, const struct look_past *past, int pos, struct err *e)
{
	const struct look *k = NULL;

	if (!session_look(r->s, &(struct look_request){ .what = LOOK_SITE | LOOK_NEURONS, .pos = pos, .past = past, .n_prompt = N_TEXT,
	    .at = { .site = SITE_attn_out, .layer = 1, .head = -1, .index = -1 } }, &k, e))
		return NULL;
	return k;
}

/* What stood at a position before it was left, all over again, and the text of now
 * as if nobody had looked.  Cut inside the prompt, which is read in other pieces
 * then, the sums may be made in another order. */
static void see_a_branch_cut_at(int cut, double tolerance)
{
	struct run r, other;
	struct err e = { 0 };
	struct edit ed;
	const struct edit_set *none = edit_set_empty(), *set;
	struct look_watch watch = { .stop = false };

	run_begin(&r, "qwen2", (struct session_options){ .piece = 5, .watch = &watch });
	assert_true(edit_parse("L0.mlp[3] + 2", &session_model(r.s)->hp, &ed, &e));
	ed.number = 1;
	set = edit_set_with(none, &ed, 1);
	run_generate(&r, 4);
	session_edits(r.s, set);
	run_generate(&r, 4);
	const int pos = N_TEXT + 6;
	const struct look *then = NULL;
	assert_true(session_look(r.s, &(struct look_request){ .what = LOOK_SITE | LOOK_NEURONS, .pos = pos, .step = -1,
	    .at = { .site = SITE_attn_out, .layer = 1, .head = -1, .index = -1 } }, &then, &e));
	struct look_past *past = past_of(r.steps, pos + 1);
	/* Another line from there on, without the edit; and the same again on
	 * a session that never looks back. */
	session_edits(r.s, none);
	session_cut(r.s, cut);
	assert_true(session_append(r.s, (const int32_t[]){ 90, 91, 92, 93, 94, 95 }, 6, &e));
	run_generate(&r, 2);
	run_begin(&other, "qwen2", (struct session_options){ .piece = 5 });
	run_generate(&other, 4);
	session_edits(other.s, set);
	run_generate(&other, 4);
	session_edits(other.s, none);
	session_cut(other.s, cut);
	assert_true(session_append(other.s, (const int32_t[]){ 90, 91, 92, 93, 94, 95 }, 6, &e));
	run_generate(&other, 2);

	const struct look *now = look_back(&r, past, pos, &e);
	if (!now)
		fail_msg("%s", e.msg);
	CHECK_INT(now->step, past[pos].step);
	CHECK_INT(now->edits, 1);
	assert_null(now->asked.past);
	CHECK_INT(now->n_site, then->n_site);
	for (int i = 0; i < now->n_site; i++)
		CHECK_NEAR(now->site[i], then->site[i], tolerance);
	for (int i = 0; i < now->n_layers * now->d_ff; i++)
		CHECK_NEAR(now->neurons[i], then->neurons[i], tolerance);
	look_unref(now);
	CHECK_NEAR(atomic_load(&watch.done), 1, 1e-6);
	assert_false(atomic_load(&watch.works));
	/* Called off on the way, it leaves the text of now alone, too. */
	atomic_store(&watch.stop, true);
	assert_null(look_back(&r, past, pos, &e));
	CHECK_INT(e.code, ERR_INTERRUPTED);
	assert_true(atomic_load(&watch.done) < 1);
	run_generate(&r, 5);
	run_generate(&other, 5);
	CHECK_INT(session_len(r.s), session_len(other.s));
	assert_memory_equal(session_tokens(r.s), session_tokens(other.s), (size_t)session_len(r.s) * sizeof(int32_t));
	for (int i = 1; i <= 5; i++)
		assert_memory_equal(r.steps[r.n - i]->values, other.steps[other.n - i]->values, r.plan->n_values * sizeof(float));

	atomic_store(&watch.stop, false);
	/* What cannot be made again is refused. */
	past[3].edits = 77;
	assert_null(look_back(&r, past, pos, &e));
	assert_non_null(strstr(e.msg, "edits of step"));
	past[3].edits = 0;
	past[4].token = TINY_VOCAB;
	assert_null(look_back(&r, past, pos, &e));
	assert_null(look_back(&r, past, 1 << 20, &e));
	free(past);
	look_unref(then);
	edit_set_unref(set);
	edit_set_unref(none);
	run_end(&other);
	run_end(&r);
}

static void a_branch_that_was_left_is_seen_as_it_was(void **state)
{
	(void)state;
	see_a_branch_cut_at(N_TEXT + 2, 0);
	see_a_branch_cut_at(N_TEXT - 3, 2e-5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_second_look_shows_what_the_step_measured),
		TEST(a_look_leaves_the_run_as_it_was),
		TEST(a_look_that_is_called_off_gives_nothing),
		TEST(the_lens_of_the_last_layer_is_the_model_itself),
		TEST(a_comparison_is_zero_without_edits_and_positive_with_one),
		TEST(a_temperature_divides_the_scores_of_its_head_alone),
		TEST(an_edit_of_every_layer_writes_in_every_layer),
		TEST(a_held_logit_wins_the_draw),
		TEST(a_patch_puts_back_what_was_there),
		TEST(a_look_beyond_what_was_read_is_refused),
		TEST(a_branch_that_was_left_is_seen_as_it_was),
	};

	return RUN(tests);
}
