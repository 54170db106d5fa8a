/* test_session: what a text goes through; the model is a tiny one with random weights. */
#include "engine/session.h"

#include <stdlib.h>

#include "engine/look.h"

#include "tests/test.h"
#include "tests/tiny_model.h"

/* Three probes that stand for all: one per head, one per layer, one that looks back. */
static void read_head(const struct site_view *at, float *out)
{
	for (int h = 0; h < at->rows; h++)
		out[h] = at->softmax[h].lse - at->softmax[h].mean;
}

static void read_first(const struct site_view *at, float *out)
{
	*out = at->data[0];
}

static void look_back(const struct step *s, const struct step *prev, float *out)
{
	*out = prev ? (float)(s->pos - prev->pos) : 0;
}

static const struct probe head_entropy = { "head_entropy", PROBE_HEADS, SITE_attn_probs, read_head, NULL };
static const struct probe mlp_first = { "mlp_first", PROBE_LAYERS, SITE_mlp, read_first, NULL };
static const struct probe distance = { "distance", PROBE_SCALAR, SITE_NONE, NULL, look_back };
static const struct probe *const probes[] = { &head_entropy, &mlp_first, &distance };

enum { MAX_STEPS = 256 };

struct run {
	struct tiny tiny;
	struct probe_plan *plan;
	struct session *s;
	const struct step *steps[MAX_STEPS];
	int n;
};

static void collect(void *to, const struct step *s)
{
	struct run *r = to;

	assert_true(r->n < MAX_STEPS);
	r->steps[r->n++] = s;
}

static const int32_t text[] = { 5, 17, 80, 3, 99, 42, 7, 200, 11, 64, 150, 33 };
enum { N_TEXT = 12 };

static void start(struct run *r, const char *arch, struct session_options opt)
{
	struct tiny_spec spec = tiny_spec(arch, DTYPE_F32);
	struct err e = { 0 };

	memset(r, 0, sizeof *r);
	if (!tiny_open(&r->tiny, &spec, &e))
		fail_msg("%s", e.msg);
	r->plan = probe_plan_new(probes, 3, &r->tiny.model->hp);
	opt.plan = r->plan;
	opt.probes = opt.keep_steps = true;
	opt.sink = collect;
	opt.to = r;
	if (opt.n_threads == 0)
		opt.n_threads = 1;
	if (!(r->s = session_new(r->tiny.model, &opt, &e)))
		fail_msg("%s", e.msg);
}

static void end(struct run *r)
{
	for (int i = 0; i < r->n; i++)
		step_unref(r->steps[i]);
	session_free(r->s);
	probe_plan_free(r->plan);
	tiny_close(&r->tiny);
}

static void greedy(struct session *s)
{
	struct err e = { 0 };
	const struct chain *c = chain_parse("greedy", 7, &e);

	session_chain(s, c);
	chain_unref(c);
}

static void generate(struct run *r, int n)
{
	struct err e = { 0 };

	for (int len = session_len(r->s) + n; session_len(r->s) < len;)
		if (!session_advance(r->s, &e))
			fail_msg("%s", e.msg);
}

static void begin(struct run *r, const char *arch, struct session_options opt)
{
	struct err e = { 0 };

	start(r, arch, opt);
	greedy(r->s);
	assert_true(session_append(r->s, text, N_TEXT, &e));
}

static void n_prompt_and_g_generated_tokens_make_n_plus_g_minus_1_steps(void **state)
{
	struct run r;

	(void)state;
	begin(&r, "llama", (struct session_options){ 0 });
	generate(&r, 5);
	CHECK_INT(r.n, N_TEXT + 5 - 1);
	for (int i = 0; i < r.n; i++) {
		CHECK_INT(r.steps[i]->pos, i);
		CHECK_INT(r.steps[i]->index, i);
		CHECK_INT(r.steps[i]->input, session_tokens(r.s)[i]);
		CHECK_INT(r.steps[i]->token, session_tokens(r.s)[i + 1]);
		CHECK_INT(r.steps[i]->why, i + 1 < N_TEXT ? WHY_PROMPT : WHY_SAMPLED);
		CHECK_INT(r.steps[i]->sampler, 7);
	}
	end(&r);
}

static void a_prompt_step_without_a_distribution_is_a_hole_not_a_zero(void **state)
{
	struct run r;

	(void)state;
	begin(&r, "llama", (struct session_options){ 0 });
	generate(&r, 1);
	assert_false(r.steps[0]->has_logits);
	assert_true(isnan(r.steps[0]->logprob));
	CHECK_INT(r.steps[0]->n_top, 0);
	assert_true(r.steps[N_TEXT - 1]->has_logits);
	end(&r);
	begin(&r, "llama", (struct session_options){ .prompt_logits = true });
	generate(&r, 1);
	for (int i = 0; i < r.n; i++) {
		assert_true(r.steps[i]->has_logits);
		assert_true(r.steps[i]->logprob <= 0);
		CHECK_INT(r.steps[i]->n_top, STEP_TOP);
	}
	end(&r);
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

			begin(&r, archs_[a], (struct session_options){ .piece = pieces[p] });
			generate(&r, 1);
			const float *logits = session_last_logits(r.s);
			if (p == 0)
				memcpy(first, logits, sizeof first);
			for (int i = 0; i < TINY_VOCAB; i++)
				CHECK_NEAR(logits[i], first[i], 1e-4);
			generate(&r, 19);
			if (p == 0)
				memcpy(tokens, session_tokens(r.s), sizeof tokens);
			assert_memory_equal(tokens, session_tokens(r.s), sizeof tokens);
			end(&r);
		}
	}
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
	static const int threads[] = { 1, 2, 3, 4 };
	float first[TINY_VOCAB];
	struct run one;

	(void)state;
	begin(&one, "llama", (struct session_options){ .prompt_logits = true });
	generate(&one, 10);
	memcpy(first, session_last_logits(one.s), sizeof first);
	for (int t = 1; t < 4; t++) {
		struct run r;

		begin(&r, "llama", (struct session_options){ .n_threads = threads[t], .prompt_logits = true });
		generate(&r, 10);
		assert_memory_equal(first, session_last_logits(r.s), sizeof first);
		for (int i = 0; i < r.n; i++)
			assert_memory_equal(r.steps[i]->values, one.steps[i]->values,
			    r.plan->n_values * sizeof(float));
		end(&r);
	}
	end(&one);
}

static void going_back_and_on_gives_the_same_text_on_a_new_branch(void **state)
{
	struct run r;
	int32_t before[N_TEXT + 10];

	(void)state;
	begin(&r, "llama", (struct session_options){ 0 });
	generate(&r, 10);
	memcpy(before, session_tokens(r.s), sizeof before);
	session_cut(r.s, N_TEXT + 3);
	CHECK_INT(session_len(r.s), N_TEXT + 3);
	generate(&r, 7);
	assert_memory_equal(before, session_tokens(r.s), sizeof before);
	CHECK_INT(r.steps[r.n - 1]->branch, 1);
	/* The step before the cut is still known to what looks back. */
	CHECK_NEAR(step_values(r.steps[r.n - 7], 2)[0], 1, 0);
	end(&r);
}

static void a_given_token_is_taken_and_described(void **state)
{
	struct run r;
	struct err e = { 0 };

	(void)state;
	begin(&r, "llama", (struct session_options){ 0 });
	assert_true(session_force(r.s, 123, &e));
	CHECK_INT(session_tokens(r.s)[N_TEXT], 123);
	CHECK_INT(r.steps[r.n - 1]->why, WHY_FORCED);
	assert_true(r.steps[r.n - 1]->logprob < 0);
	CHECK_NEAR(r.steps[r.n - 1]->p_final, 0, 0);   /* greedy would have kept another */
	assert_false(session_force(r.s, TINY_VOCAB, &e));
	CHECK_INT(e.code, ERR_USAGE);
	end(&r);
}

static const struct edit_set *set_of(const struct run *r, const char *line, uint32_t revision)
{
	const struct edit_set *none = edit_set_empty(), *s;
	struct edit ed;
	struct err e = { 0 };

	if (!edit_parse(line, &r->tiny.model->hp, &ed, &e))
		fail_msg("%s", e.msg);
	ed.number = 1;
	s = edit_set_with(none, &ed, revision);
	edit_set_unref(none);
	return s;
}

static void a_held_neuron_reads_back_as_held_and_is_counted(void **state)
{
	struct run r;

	(void)state;
	begin(&r, "llama", (struct session_options){ 0 });
	const struct edit_set *set = set_of(&r, "L1.mlp[0] = 4 in generated", 9);
	session_edits(r.s, set);
	edit_set_unref(set);
	generate(&r, 6);
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
	end(&r);
}

static void an_edit_changes_nothing_before_its_layer_and_something_after(void **state)
{
	struct run plain, edited;

	(void)state;
	begin(&plain, "llama", (struct session_options){ 0 });
	generate(&plain, 1);
	begin(&edited, "llama", (struct session_options){ 0 });
	const struct edit_set *set = set_of(&edited, "L0.H2 * 0", 1);
	session_edits(edited.s, set);
	edit_set_unref(set);
	generate(&edited, 1);
	const struct step *a = plain.steps[N_TEXT - 1], *b = edited.steps[N_TEXT - 1];
	int n_heads = plain.plan->n_heads;
	for (int h = 0; h < n_heads; h++)
		CHECK_NEAR(step_values(a, 0)[h], step_values(b, 0)[h], 0);
	bool moved = false;
	for (int h = 0; h < n_heads; h++)
		moved |= step_values(a, 0)[n_heads + h] != step_values(b, 0)[n_heads + h];
	assert_true(moved);
	CHECK_INT(session_edit_applied(edited.s, 1), N_TEXT);
	end(&plain);
	end(&edited);
}

static void a_full_context_is_an_error_not_a_crash(void **state)
{
	struct run r;
	struct err e = { 0 };

	(void)state;
	begin(&r, "llama", (struct session_options){ .n_ctx = N_TEXT + 2 });
	generate(&r, 3);
	assert_false(session_advance(r.s, &e));
	CHECK_INT(e.code, ERR_RUN);
	assert_non_null(strstr(e.msg, "context is full at 14 tokens"));
	assert_false(session_append(r.s, text, 1, &e));
	end(&r);
}

static void nothing_to_read_is_said(void **state)
{
	struct run r;
	struct err e = { 0 };

	(void)state;
	start(&r, "llama", (struct session_options){ 0 });
	assert_false(session_advance(r.s, &e));
	CHECK_INT(e.code, ERR_USAGE);
	assert_false(session_append(r.s, (int32_t[]){ -1 }, 1, &e));
	assert_false(session_append(r.s, (int32_t[]){ TINY_VOCAB }, 1, &e));
	end(&r);
}

static void learned_positions_bound_the_context(void **state)
{
	struct tiny_spec spec = tiny_spec("gpt2", DTYPE_F32);
	struct tiny tiny;
	struct err e = { 0 };

	(void)state;
	assert_true(tiny_open(&tiny, &spec, &e));
	struct probe_plan *plan = probe_plan_new(probes, 3, &tiny.model->hp);
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
	begin(&r, "qwen2", (struct session_options){ .piece = 5 });
	assert_true(session_logits(r.s, out, &e));
	CHECK_INT(session_read(r.s), N_TEXT);
	for (int i = 0; i < N_TEXT; i++) {
		float best = out[i * TINY_VOCAB];

		for (int v = 1; v < TINY_VOCAB; v++)
			best = out[i * TINY_VOCAB + v] > best ? out[i * TINY_VOCAB + v] : best;
		CHECK_NEAR(out[i * TINY_VOCAB + r.steps[i]->top[0].id], best, 0);
		if (i + 1 < N_TEXT)
			CHECK_NEAR(r.steps[i]->logprob,
			    out[i * TINY_VOCAB + text[i + 1]] - r.steps[i]->logits.lse, 1e-6);
	}
	CHECK_INT(r.steps[N_TEXT - 1]->token, -1);
	free(out);
	end(&r);
}

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
	begin(&r, "llama", (struct session_options){ .piece = 5 });
	generate(&r, 6);
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
	end(&r);
}

static void a_look_leaves_the_run_as_it_was(void **state)
{
	struct run plain, looked;

	(void)state;
	begin(&plain, "qwen2", (struct session_options){ .piece = 5 });
	generate(&plain, 12);
	begin(&looked, "qwen2", (struct session_options){ .piece = 5 });
	for (int i = 0; i < 12; i++) {
		generate(&looked, 1);
		look_unref(look(&looked, LOOK_ATTENTION | LOOK_LENS | LOOK_COMPARE, 2 + i / 2, 0));
	}
	assert_memory_equal(session_tokens(plain.s), session_tokens(looked.s), (N_TEXT + 12) * sizeof(int32_t));
	for (int i = 0; i < plain.n; i++)
		assert_memory_equal(plain.steps[i]->values, looked.steps[i]->values, plain.plan->n_values * sizeof(float));
	end(&plain);
	end(&looked);
}

static void the_lens_of_the_last_layer_is_the_model_itself(void **state)
{
	struct run r;

	(void)state;
	begin(&r, "llama", (struct session_options){ .prompt_logits = true });
	generate(&r, 2);
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
	end(&r);
}

static void a_comparison_is_zero_without_edits_and_positive_with_one(void **state)
{
	struct run r;

	(void)state;
	begin(&r, "llama", (struct session_options){ 0 });
	generate(&r, 2);
	const struct look *k = look(&r, LOOK_COMPARE, N_TEXT, 0);
	CHECK_NEAR(k->jsd, 0, 0);
	CHECK_NEAR(k->kl, 0, 0);
	CHECK_INT(k->best[0], k->best[1]);
	look_unref(k);
	const struct edit_set *set = set_of(&r, "L1.mlp[3] = 50", 1);
	session_edits(r.s, set);
	edit_set_unref(set);
	generate(&r, 1);
	k = look(&r, LOOK_COMPARE, N_TEXT + 1, 0);
	CHECK_INT(k->edits, 1);
	assert_true(k->jsd > 1e-4f && k->jsd < 0.6932f && k->kl > 0);
	look_unref(k);
	end(&r);
}

/* softmax(s / t) is softmax(s) to the power 1/t, renormalised. */
static void a_temperature_divides_the_scores_of_its_head_alone(void **state)
{
	struct run plain, warm;

	(void)state;
	begin(&plain, "llama", (struct session_options){ 0 });
	generate(&plain, 1);
	begin(&warm, "llama", (struct session_options){ 0 });
	const struct edit_set *set = set_of(&warm, "L0.H2.temp = 2", 1);
	session_edits(warm.s, set);
	edit_set_unref(set);
	generate(&warm, 1);
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
	end(&plain);
	end(&warm);
}

static void an_edit_of_every_layer_writes_in_every_layer(void **state)
{
	struct run r;

	(void)state;
	begin(&r, "llama", (struct session_options){ 0 });
	const struct edit_set *set = set_of(&r, "L*.mlp[0] = 2", 1);
	session_edits(r.s, set);
	edit_set_unref(set);
	generate(&r, 1);
	for (int l = 0; l < r.plan->n_layers; l++)
		CHECK_NEAR(step_values(r.steps[3], 1)[l], 2, 0);
	CHECK_INT(session_edit_applied(r.s, 1), N_TEXT * r.plan->n_layers);
	end(&r);
}

static void a_held_logit_wins_the_draw(void **state)
{
	struct run r;

	(void)state;
	begin(&r, "gpt2", (struct session_options){ 0 });
	const struct edit_set *set = set_of(&r, "logit[77] = 1000", 1);
	session_edits(r.s, set);
	edit_set_unref(set);
	generate(&r, 3);
	for (int i = 0; i < 3; i++)
		CHECK_INT(session_tokens(r.s)[N_TEXT + i], 77);
	end(&r);
}

/* What a place held at one step, put there again at the same step, changes nothing;
 * put at another step it does. */
static void a_patch_puts_back_what_was_there(void **state)
{
	struct run r;
	float logits[TINY_VOCAB];

	(void)state;
	begin(&r, "llama", (struct session_options){ 0 });
	generate(&r, 1);
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
		assert_true(session_append(r.s, text, N_TEXT, &e));
		generate(&r, 1);
		for (int i = 0; i < TINY_VOCAB; i++)
			off = fmaxf(off, fabsf(logits[i] - session_last_logits(r.s)[i]));
		if (other)
			assert_true(off > 1e-3f);
		else
			CHECK_NEAR(off, 0, 1e-4);
		vec_unref(v);
		look_unref(k[other]);
	}
	end(&r);
}

static void a_look_beyond_what_was_read_is_refused(void **state)
{
	struct run r;
	struct err e = { 0 };
	const struct look *k;

	(void)state;
	begin(&r, "llama", (struct session_options){ 0 });
	generate(&r, 1);
	assert_false(session_look(r.s, &(struct look_request){ .pos = N_TEXT, .step = -1 }, &k, &e));
	CHECK_INT(e.code, ERR_USAGE);
	assert_false(session_look(r.s, &(struct look_request){ .what = LOOK_ATTENTION, .step = -1, .layer = 2 }, &k, &e));
	assert_false(session_look(r.s, &(struct look_request){ .what = LOOK_LENS, .pos = 2, .step = 99 }, &k, &e));
	assert_non_null(strstr(e.msg, "branch that was left"));
	end(&r);
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
		TEST(a_second_look_shows_what_the_step_measured),
		TEST(a_look_leaves_the_run_as_it_was),
		TEST(the_lens_of_the_last_layer_is_the_model_itself),
		TEST(a_comparison_is_zero_without_edits_and_positive_with_one),
		TEST(a_temperature_divides_the_scores_of_its_head_alone),
		TEST(an_edit_of_every_layer_writes_in_every_layer),
		TEST(a_held_logit_wins_the_draw),
		TEST(a_patch_puts_back_what_was_there),
		TEST(a_look_beyond_what_was_read_is_refused),
	};

	/* threaded test */
	return RUN(tests);
}
