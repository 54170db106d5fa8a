/*
 * test_swap_make: models with matrices swapped, against a float64 pass that shares
 * nothing with the engine (tests/reference/make_swaps.py), and against a model
 * that holds such matrices; what is refused; what is as it was afterwards.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/swap_make.h"
#include "engine/base/mem.h"
#include "engine/session.h"
#include "tests/test.h"
#include "tests/tiny_model.h"

enum { MAX_TOKENS = 32, MAX_COLUMNS = 16 };

struct text {
	int32_t tokens[MAX_TOKENS], columns[MAX_COLUMNS];
	int n_tokens, n_columns;
};

static const struct edit_set *set_of(const struct model *m, const char *line, int threads, struct err *e)
{
	const struct edit_set *none = edit_set_empty(), *set = NULL;
	struct pool *pool = pool_new(threads, e);
	struct edit ed;
	char text[256];

	snprintf(text, sizeof text, "swap %s", line);
	if (edit_parse(text, &m->hp, &ed, e)) {
		struct swap *made = swap_make(m, ed.swap, &(struct swap_options){ .pool = pool }, e);

		swap_unref(ed.swap);
		ed.swap = made;
		ed.number = 1;
		if (made)
			set = edit_set_with(none, &ed, 1);
		edit_drop(&ed);
	}
	edit_set_unref(none);
	pool_free(pool);
	return set;
}

static struct session *session_of(const struct model *m, const struct edit_set *set, int piece, bool exact)
{
	static const struct probe_plan plan = { .n = 0 };
	struct err e;
	struct session *s = session_new(m, &(struct session_options){ .n_threads = 2, .piece = piece, .exact = exact,
	    .plan = &plan }, &e);

	assert_non_null(s);
	if (set)
		session_edits(s, set);
	return s;
}

/* Logits of all positions, [n][n_vocab]. */
static float *read_all(const struct model *m, const struct edit_set *set, const int32_t *tokens, int n, int piece, bool exact)
{
	struct session *s = session_of(m, set, piece, exact);
	float *logits = calloc((size_t)n * (size_t)m->hp.n_vocab, sizeof *logits);
	struct err e;

	assert_true(session_append(s, tokens, (size_t)n, &e));
	if (!session_logits(s, logits, &e))
		fail_msg("%s", e.msg);
	if (set)
		assert_true(session_edit_applied(s, 1) > 0);
	session_free(s);
	return logits;
}

static void read_numbers(char *line, int32_t *out, int *n, int room)
{
	char *save = NULL;

	*n = 0;
	for (char *w = strtok_r(line, " \n", &save); (w = strtok_r(NULL, " \n", &save)) && *n < room;)
		out[(*n)++] = (int32_t)strtol(w, NULL, 10);
}

static double distance(const struct model *m, const struct text *t, const char *line, const char *expected, int piece)
{
	struct err e = { 0 };
	const struct edit_set *set = set_of(m, line, 2, &e);
	size_t v = (size_t)m->hp.n_vocab;
	double most = 0;

	if (!set)
		fail_msg("%s: %s", line, e.msg);
	float *logits = read_all(m, set, t->tokens, t->n_tokens, piece, true);
	for (int i = 0; i < 2 * t->n_columns; i++) {
		char *end;
		double x = strtod(expected, &end);
		int pos = t->n_tokens - 2 + i / t->n_columns;

		assert_true(end != expected);
		expected = end;
		most = fmax(most, fabs(x - (double)logits[(size_t)pos * v + (size_t)t->columns[i % t->n_columns]]));
	}
	free(logits);
	edit_set_unref(set);
	return most;
}

static void a_swapped_model_equals_the_float64_pass(void **state)
{
	FILE *f = fopen("tests/reference/swaps.txt", "r");
	char line[1024], path[160], name[64] = "";
	struct text t = { .n_tokens = 0 };
	struct model *m = NULL;
	struct err e;
	double most = 0;
	int n = 0;

	(void)state;
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof line, f));
	read_numbers(line, t.tokens, &t.n_tokens, MAX_TOKENS);
	assert_non_null(fgets(line, sizeof line, f));
	read_numbers(line, t.columns, &t.n_columns, MAX_COLUMNS);
	while (fgets(line, sizeof line, f)) {
		char *bar = strstr(line, " | "), *second = bar ? strstr(bar + 3, " | ") : NULL;

		assert_non_null(second);
		*bar = *second = '\0';
		if (strcmp(line, name)) {
			model_close(m);
			snprintf(name, sizeof name, "%.60s", line);
			snprintf(path, sizeof path, "tests/reference/%.60s.gguf", name);
			if (!(m = model_open(path, NULL, &e)))
				fail_msg("%s", e.msg);
		}
		double off = distance(m, &t, bar + 3, second + 3, n % 2 ? 0 : 4);
		if (off > 1e-4)
			fail_msg("%s, %s: off by %g", line, bar + 3, off);
		most = fmax(most, off);
		n++;
	}
	fclose(f);
	model_close(m);
	printf("%d swaps, largest difference to float64 %.2g\n", n, most);
	assert_true(n > 20);
}

/* A model of the same weights in another type is what `swap all' makes of this one. */
static void all_swapped_is_the_model_of_that_type_bit_for_bit(void **state)
{
	static const int32_t tokens[] = { 1, 70, 81, 92, 103, 114, 125, 136 };
	static const enum dtype types[] = { DTYPE_Q4_0, DTYPE_Q8_0, DTYPE_F16 };
	enum { N = sizeof tokens / sizeof *tokens };

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		struct tiny_spec wide = tiny_spec("llama", DTYPE_F32), narrow = tiny_spec("llama", types[i]);
		struct tiny a, b;
		struct err e;
		char line[64];

		assert_true(tiny_open(&a, &wide, &e) && tiny_open(&b, &narrow, &e));
		snprintf(line, sizeof line, "all %s", dtypes[types[i]]->name);
		const struct edit_set *set = set_of(a.model, line, 3, &e);
		if (!set)
			fail_msg("%s", e.msg);
		float *swapped = read_all(a.model, set, tokens, N, 0, false), *made = read_all(b.model, NULL, tokens, N, 0, false);
		assert_memory_equal(swapped, made, (size_t)N * (size_t)a.model->hp.n_vocab * sizeof *made);
		free(swapped);
		free(made);
		edit_set_unref(set);
		tiny_close(&b);
		tiny_close(&a);
	}
}

static void any_number_of_threads_makes_the_same_bits(void **state)
{
	static const char *const lines[] = { "L0 q4_0", "all rtn bits=3 group=16", "L*.ffn_down hadamard rtn bits=4 group=32" };
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	struct tiny t;
	struct err e;

	(void)state;
	assert_true(tiny_open(&t, &spec, &e));
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		const struct edit_set *one = set_of(t.model, lines[i], 1, &e), *three = one ? set_of(t.model, lines[i], 3, &e) : NULL;

		if (!three)
			fail_msg("%s: %s", lines[i], e.msg);
		const struct swap *a = edit_set_at(one, 0)->swap, *b = edit_set_at(three, 0)->swap;
		CHECK_INT(a->n, b->n);
		for (int j = 0; j < a->n; j++) {
			CHECK_INT(tensor_bytes(&a->piece[j].t), tensor_bytes(&b->piece[j].t));
			assert_memory_equal(a->piece[j].t.data, b->piece[j].t.data, tensor_bytes(&a->piece[j].t));
			assert_true(a->piece[j].change > 0 && a->piece[j].change == b->piece[j].change);
		}
		edit_set_unref(one);
		edit_set_unref(three);
	}
	tiny_close(&t);
}

/* Back at a position before the swap, without it, the same tokens and figures come. */
static void undone_it_goes_on_as_if_it_had_never_been(void **state)
{
	static const int32_t tokens[] = { 1, 70, 81, 92 };
	enum { N = 4, MORE = 6 };
	struct tiny_spec spec = tiny_spec("qwen2", DTYPE_Q8_0);
	struct tiny t;
	struct err e;
	int32_t first[MORE];

	(void)state;
	assert_true(tiny_open(&t, &spec, &e));
	size_t size = (size_t)t.model->hp.n_vocab * sizeof(float);
	float *logits = malloc(size);
	const struct edit_set *none = edit_set_empty(), *swap = set_of(t.model, "L* q4_0", 1, &e);
	struct session *s = session_of(t.model, NULL, 0, false);

	assert_true(session_append(s, tokens, N, &e));
	for (int i = 0; i < MORE; i++)
		assert_true(session_advance(s, &e));
	memcpy(first, session_tokens(s) + N, sizeof first);
	memcpy(logits, session_last_logits(s), size);
	session_cut(s, N);
	session_edits(s, swap);
	for (int i = 0; i < MORE; i++)
		assert_true(session_advance(s, &e));
	assert_true(memcmp(logits, session_last_logits(s), size));
	session_cut(s, N);
	session_edits(s, none);
	assert_true(session_reread(s, 0, &e));
	for (int i = 0; i < MORE; i++)
		assert_true(session_advance(s, &e));
	assert_memory_equal(first, session_tokens(s) + N, sizeof first);
	assert_memory_equal(logits, session_last_logits(s), size);
	free(logits);
	session_free(s);
	edit_set_unref(swap);
	edit_set_unref(none);
	tiny_close(&t);
}

static void nothing_is_held_once_it_is_let_go(void **state)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	size_t before = swap_bytes_held();
	struct tiny t;
	struct err e;

	(void)state;
	assert_true(tiny_open(&t, &spec, &e));
	const struct edit_set *set = set_of(t.model, "L0 q4_0", 1, &e);
	CHECK_INT(swap_bytes_held() - before, edit_set_at(set, 0)->swap->bytes);
	CHECK_NEAR(edit_set_at(set, 0)->swap->bits / edit_set_at(set, 0)->swap->n_weights, 4.5, 1e-9);
	edit_set_unref(set);
	CHECK_INT(swap_bytes_held(), before);
	tiny_close(&t);
}

static bool give_up(void *of, double done)
{
	(void)of;
	return done < 0.5;
}

static struct swap *asked(const struct model *m, const char *line)
{
	struct err e;
	struct swap *s = swap_parse(&line, &m->hp, &e);

	if (!s)
		fail_msg("%s", e.msg);
	return s;
}

static void what_cannot_be_made_is_refused_in_words(void **state)
{
	static const struct {
		const char *line, *words;
	} bad[] = {
		{ "L9.ffn_up q4_0", "layers 0 to 1" },
		{ "L0.ffn_op q4_0", "no matrix is called \"ffn_op\"" },
		{ "L0.attn_norm q4_0", "has no matrix" },
		{ "L0.attn_qkv q4_0", "has no matrix L0.attn_qkv" },
		{ "ffn_up q4_0", "no matrix is called" },
		{ "L0.ffn_up", "what to make of it" },
		{ "L0.ffn_up q9_9", "no quantization method" },
		{ "L0.ffn_up rtn bits=99", "bits takes" },
		{ "L0.ffn_up gptq bits=3", "--calibrate" },
		{ "L0.ffn_up q4_k", "not whole blocks of 256" },
		{ "L0.ffn_up q4_0 in nowhere", "a scope is" },
	};
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	struct tiny t;
	struct err e = { 0 };

	(void)state;
	assert_true(tiny_open(&t, &spec, &e));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_null(set_of(t.model, bad[i].line, 1, &e));
		if (!strstr(e.msg, bad[i].words))
			fail_msg("%s: \"%s\"", bad[i].line, e.msg);
	}
	struct swap *all = asked(t.model, "all q8_0");
	assert_null(swap_make(t.model, all, &(struct swap_options){ .room = 1000 }, &e));
	assert_non_null(strstr(e.msg, "room for 0"));
	assert_null(swap_make(t.model, all, &(struct swap_options){ .go = give_up }, &e));
	CHECK_INT(e.code, ERR_INTERRUPTED);
	swap_unref(all);
	tiny_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_swapped_model_equals_the_float64_pass),
		TEST(all_swapped_is_the_model_of_that_type_bit_for_bit),
		TEST(any_number_of_threads_makes_the_same_bits),
		TEST(undone_it_goes_on_as_if_it_had_never_been),
		TEST(nothing_is_held_once_it_is_let_go),
		TEST(what_cannot_be_made_is_refused_in_words),
	};

	return RUN(tests);
}
