/*
 * test_exact: the logits against two independent implementations, and what must
 * not change them: threads and pieces.
 *
 * The models are the tiny ones of tests/reference and, where the shared inputs
 * lie beside the tree, a real one.  Figures are printed as they are measured.
 */
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/base/mem.h"
#include "engine/session.h"
#include "tests/reference.h"
#include "tests/test.h"

static const char *const tiny_f32[] = { "tiny-gpt2", "tiny-qwen2", "tiny-llama", "tiny-llama3" };
static const char *const tiny_quant[] = { "tiny-quants", "tiny-kquants" };

static const struct probe *const no_probes[1];

static bool have(const char *path)
{
	return access(path, R_OK) == 0;
}

static struct model *open_model(const char *path, const char *tokenizer)
{
	struct err e = { 0 };
	struct model *m = model_open(path, tokenizer, &e);

	if (!m)
		fail_msg("%s", e.msg);
	return m;
}

static struct model *open_tiny(const char *name)
{
	char path[256];

	snprintf(path, sizeof path, REFERENCE "%s.gguf", name);
	return open_model(path, NULL);
}

static struct reference open_reference(const char *name)
{
	struct reference r;
	struct err e = { 0 };

	if (!reference_read(&r, name, &e))
		fail_msg("%s", e.msg);
	return r;
}

/* A session that watches nothing; one thread and room for `n` unless said otherwise. */
static struct session *open_session(const struct model *m, struct session_options opt, int n,
    struct probe_plan **plan)
{
	struct session *s;
	struct err e = { 0 };

	opt.plan = *plan = probe_plan_new(no_probes, 0, &m->hp);
	opt.n_ctx = opt.n_ctx ? opt.n_ctx : n;
	opt.n_threads = opt.n_threads ? opt.n_threads : 1;
	s = session_new(m, &opt, &e);
	if (!s)
		fail_msg("%s", e.msg);
	return s;
}

/* Logits of every position, [n][n_vocab]; the caller frees. */
static float *logits_of(const struct model *m, struct session_options opt, const int32_t *tokens, int n)
{
	struct probe_plan *plan;
	struct session *s = open_session(m, opt, n, &plan);
	float *out = mem_array((size_t)n * (size_t)m->hp.n_vocab, sizeof *out);
	struct err e = { 0 };

	if (!session_append(s, tokens, (size_t)n, &e) || !session_logits(s, out, &e))
		fail_msg("%s", e.msg);
	session_free(s);
	probe_plan_free(plan);
	return out;
}

/* `n` tokens behind `first`, always the likeliest. */
static void greedy(const struct model *m, struct session_options opt, const int32_t *first, int n_first, int n,
    int32_t *out)
{
	struct probe_plan *plan;
	struct session *s = open_session(m, opt, n_first + n, &plan);
	struct err e = { 0 };
	const struct chain *chain = chain_parse("greedy", 1, &e);

	session_chain(s, chain);
	chain_unref(chain);
	if (!session_append(s, first, (size_t)n_first, &e))
		fail_msg("%s", e.msg);
	while (session_len(s) < n_first + n)
		if (!session_advance(s, &e))
			fail_msg("%s", e.msg);
	memcpy(out, session_tokens(s) + n_first, (size_t)n * sizeof *out);
	session_free(s);
	probe_plan_free(plan);
}

static struct distance distance_of(const struct model *m, const char *reference, struct session_options opt,
    double *rounding_rms)
{
	struct reference r = open_reference(reference);
	float *logits = logits_of(m, opt, r.tokens, r.n_tokens);
	struct distance d = reference_distance(&r, logits, m->hp.n_vocab);

	if (rounding_rms)
		*rounding_rms = r.rounding_rms;
	printf("%s%s: off by %.2e at most, rms %.2e, over %d positions\n", reference, opt.exact ? " (exact)" : "", d.max,
	    d.rms, r.n_tokens);
	free(logits);
	reference_free(&r);
	return d;
}

static void tells_the_published_story(const char *path, const char *tokenizer)
{
	static const char story[] =
	    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she "
	    "saw a big, red ball. She wanted to play with it, but it was too high.\nLily's mom said, \"Lily, let's go to "
	    "the park.\" Lily was sad and didn't know what to do. She said, \"I want to play with your ball, but I can't "
	    "find it.\"";
	enum { N = 190 };
	struct model *m = open_model(path, tokenizer);
	int32_t bos = vocab_bos(m->vocab), out[N];
	struct buf text = { 0 };

	greedy(m, (struct session_options){ 0 }, &bos, 1, N, out);
	for (int i = 0; i < N; i++) {
		size_t n;
		const char *piece = vocab_bytes(m->vocab, out[i], &n);

		buf_add(&text, piece, n);
	}
	const char *begins = text.data + strspn(text.data, " ");
	CHECK(strlen(begins) > strlen(story));
	text.data[(begins - text.data) + (ptrdiff_t)strlen(story)] = 0;
	CHECK_STR(begins, story);
	buf_free(&text);
	model_close(m);
}

static void an_empty_prompt_tells_the_published_story(void **state)
{
	(void)state;
	if (!have(SHARED "models/stories260K.bin"))
		SKIP("no shared models");
	tells_the_published_story(SHARED "models/stories260K.bin", SHARED "models/tok512.bin");
	tells_the_published_story(SHARED "models/stories260K.gguf", NULL);
}

static void float_models_are_within_1e_4_of_float64(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof tiny_f32 / sizeof *tiny_f32; i++) {
		struct model *m = open_tiny(tiny_f32[i]);
		struct distance d = distance_of(m, tiny_f32[i], (struct session_options){ 0 }, NULL);

		CHECK_NEAR(d.max, 0, 1e-4);
		model_close(m);
	}
}

static void a_trained_model_is_within_1e_4_over_a_hundred_positions_and_5e_4_over_512(void **state)
{
	static const char *const files[] = { SHARED "models/stories260K.bin", SHARED "models/stories260K.gguf" };

	(void)state;
	if (!have(files[0]))
		SKIP("no shared models");
	for (int i = 0; i < 2; i++) {
		struct model *m = open_model(files[i], i == 0 ? SHARED "models/tok512.bin" : NULL);

		CHECK_NEAR(distance_of(m, "stories260K", (struct session_options){ 0 }, NULL).max, 0, 1e-4);
		CHECK_NEAR(distance_of(m, "stories260K-512", (struct session_options){ 0 }, NULL).max, 0, 5e-4);
		model_close(m);
	}
}

/* The reference saw the dequantized weights: what is left is float arithmetic. */
static void quantized_models_are_within_1e_4_when_activations_stay_in_float(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof tiny_quant / sizeof *tiny_quant; i++) {
		struct model *m = open_tiny(tiny_quant[i]);

		CHECK_NEAR(distance_of(m, tiny_quant[i], (struct session_options){ .exact = true }, NULL).max, 0, 1e-4);
		model_close(m);
	}
	if (!have(SHARED "models/stories260K-pad192-Q4_0.gguf"))
		return;
	struct model *m = open_model(SHARED "models/stories260K-pad192-Q4_0.gguf", NULL);
	CHECK_NEAR(distance_of(m, "stories260K-Q4_0", (struct session_options){ .exact = true }, NULL).max, 0, 1e-4);
	model_close(m);
}

/* Rounding activations to 8 bits costs something by itself; a float64 pass that
 * does nothing but round says how much, and ours may cost a tenth more.  Prefill
 * and decode take different ways through the products, so both are asked. */
static void costs_what_rounding_costs(const struct model *m, const char *reference)
{
	for (int piece = 0; piece < 2; piece++) {
		double rounding;
		struct distance d = distance_of(m, reference, (struct session_options){ .piece = piece }, &rounding);

		printf("%s, %s: rms %.4f, rounding to 8 bits alone costs %.4f, ratio %.3f\n", reference,
		    piece ? "token by token" : "in one piece", d.rms, rounding, d.rms / rounding);
		CHECK(rounding > 0 && d.rms < 1.1 * rounding);
	}
}

static void the_integer_way_costs_what_8_bit_activations_cost(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof tiny_quant / sizeof *tiny_quant; i++) {
		struct model *m = open_tiny(tiny_quant[i]);

		costs_what_rounding_costs(m, tiny_quant[i]);
		model_close(m);
	}
	if (!have(SHARED "models/stories260K-pad192-Q4_0.gguf"))
		return;
	struct model *m = open_model(SHARED "models/stories260K-pad192-Q4_0.gguf", NULL);
	costs_what_rounding_costs(m, "stories260K-Q4_0");
	model_close(m);
}

static void the_likeliest_token_is_the_reference_s_everywhere(void **state)
{
	struct reference r = open_reference("tiny-llama");
	struct model *m = open_tiny("tiny-llama");
	float *logits = logits_of(m, (struct session_options){ 0 }, r.tokens, r.n_tokens);

	(void)state;
	for (int pos = 0; pos < r.n_tokens; pos++) {
		const float *row = logits + (size_t)pos * (size_t)m->hp.n_vocab;
		int best = 0;

		for (int v = 1; v < m->hp.n_vocab; v++)
			best = row[v] > row[best] ? v : best;
		CHECK_INT(best, (int)r.argmax.v[pos]);
	}
	free(logits);
	model_close(m);
	reference_free(&r);
}

static void same_bits_on_1_2_and_4_threads(const char *name, bool exact, int piece)
{
	struct reference r = open_reference(name);
	struct model *m = open_tiny(name);
	struct session_options opt = { .exact = exact, .piece = piece, .n_threads = 1 };
	size_t n = (size_t)r.n_tokens * (size_t)m->hp.n_vocab;
	float *one = logits_of(m, opt, r.tokens, r.n_tokens);

	for (opt.n_threads = 2; opt.n_threads <= 4; opt.n_threads += 2) {
		float *more = logits_of(m, opt, r.tokens, r.n_tokens);

		if (memcmp(one, more, n * sizeof *one))
			fail_msg("%s, exact %d, piece %d: %d threads give other bits than one", name, exact, piece,
			    opt.n_threads);
		free(more);
	}
	free(one);
	model_close(m);
	reference_free(&r);
}

static void the_number_of_threads_changes_no_bit(void **state)
{
	(void)state;
	for (int piece = 0; piece <= 7; piece += 7) {
		for (size_t i = 0; i < sizeof tiny_f32 / sizeof *tiny_f32; i++)
			same_bits_on_1_2_and_4_threads(tiny_f32[i], false, piece);
		for (size_t i = 0; i < sizeof tiny_quant / sizeof *tiny_quant; i++) {
			same_bits_on_1_2_and_4_threads(tiny_quant[i], false, piece);
			same_bits_on_1_2_and_4_threads(tiny_quant[i], true, piece);
		}
	}
}

static const int pieces[] = { 1, 7, 64 };

/* Largest difference between reading in one piece and in others. */
static double pieces_apart(const struct model *m, const struct reference *r)
{
	struct session_options opt = { .exact = true, .piece = r->n_tokens };
	size_t n = (size_t)r->n_tokens * (size_t)m->hp.n_vocab;
	float *whole = logits_of(m, opt, r->tokens, r->n_tokens);
	double most = 0;

	for (int i = 0; i < 3; i++) {
		opt.piece = pieces[i];
		float *parts = logits_of(m, opt, r->tokens, r->n_tokens);
		for (size_t j = 0; j < n; j++) {
			double off = fabs((double)whole[j] - (double)parts[j]);

			most = off <= most ? most : off;
		}
		free(parts);
	}
	free(whole);
	return most;
}

static void reading_in_pieces_changes_less_than_1e_4(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof tiny_f32 / sizeof *tiny_f32 + sizeof tiny_quant / sizeof *tiny_quant; i++) {
		const char *name = i < 4 ? tiny_f32[i] : tiny_quant[i - 4];
		struct reference r = open_reference(name);
		struct model *m = open_tiny(name);
		double apart = pieces_apart(m, &r);

		printf("%s: pieces of 1, 7, 64 differ from one piece by %.2e at most\n", name, apart);
		CHECK_NEAR(apart, 0, 1e-4);
		model_close(m);
		reference_free(&r);
	}
	if (!have(SHARED "models/stories260K.gguf"))
		return;
	struct reference r = open_reference("stories260K");
	struct model *m = open_model(SHARED "models/stories260K.gguf", NULL);
	CHECK_NEAR(pieces_apart(m, &r), 0, 1e-4);
	model_close(m);
	reference_free(&r);
}

static void same_greedy_text(const struct model *m, const struct reference *r, int n_prompt, int n_out, bool exact)
{
	int32_t whole[64], parts[64];

	CHECK(n_out <= 64);
	greedy(m, (struct session_options){ .exact = exact, .piece = n_prompt }, r->tokens, n_prompt, n_out, whole);
	for (int i = 0; i < 3; i++) {
		greedy(m, (struct session_options){ .exact = exact, .piece = pieces[i] }, r->tokens, n_prompt, n_out, parts);
		assert_memory_equal(whole, parts, (size_t)n_out * sizeof *whole);
	}
}

static void reading_in_pieces_leads_to_the_same_greedy_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof tiny_f32 / sizeof *tiny_f32; i++) {
		struct reference r = open_reference(tiny_f32[i]);
		struct model *m = open_tiny(tiny_f32[i]);

		same_greedy_text(m, &r, r.n_tokens, 20, false);
		model_close(m);
		reference_free(&r);
	}
	if (!have(SHARED "models/stories260K-pad192-Q4_0.gguf"))
		return;
	struct reference r = open_reference("stories260K");
	struct model *m = open_model(SHARED "models/stories260K.gguf", NULL);
	same_greedy_text(m, &r, 80, 48, false);
	model_close(m);
	m = open_model(SHARED "models/stories260K-pad192-Q4_0.gguf", NULL);
	same_greedy_text(m, &r, 80, 48, true);
	same_greedy_text(m, &r, 80, 48, false);
	model_close(m);
	reference_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_prompt_tells_the_published_story),
		TEST(float_models_are_within_1e_4_of_float64),
		TEST(a_trained_model_is_within_1e_4_over_a_hundred_positions_and_5e_4_over_512),
		TEST(quantized_models_are_within_1e_4_when_activations_stay_in_float),
		TEST(the_integer_way_costs_what_8_bit_activations_cost),
		TEST(the_likeliest_token_is_the_reference_s_everywhere),
		TEST(the_number_of_threads_changes_no_bit),
		TEST(reading_in_pieces_changes_less_than_1e_4),
		TEST(reading_in_pieces_leads_to_the_same_greedy_text),
	};

	return RUN(tests);
}
