#include "tests/test.h"

#include <stdlib.h>

#include "engine/base/rng.h"
#include "engine/tok_spm.h"
#include "engine/vocab.h"
#include "tests/tok_cases.h"

#define SP "\xe2\x96\x81"

static struct gguf_str str(const char *s)
{
	return (struct gguf_str){ .s = s, .n = strlen(s) };
}

static void check_ids(const char *what, size_t i, const struct ids *got, const int32_t *want, size_t n)
{
	if (got->n == n && (!n || !memcmp(got->v, want, n * sizeof *want)))
		return;
	for (size_t k = 0; k < got->n; k++)
		print_error("%d ", got->v[k]);
	print_error("\nexpected\n");
	for (size_t k = 0; k < n; k++)
		print_error("%d ", want[k]);
	fail_msg("%s, text %zu", what, i);
}

static void check_text(const struct pieces *p, const char *text, bool prefix, const int32_t *want, size_t n)
{
	struct tok_spm *t = tok_spm_new(p);
	struct ids got = {0};
	struct err e = {0};

	CHECK(tok_spm_encode(t, text, strlen(text), prefix, &got, &e));
	check_ids(text, 0, &got, want, n);
	free(got.v);
	tok_spm_free(t);
}

static void llama_cpps_spm_cases_are_met_exactly(void **state)
{
	struct err e = {0};
	struct gguf *g = gguf_open(SHARED "tokenizers/llama-spm.gguf", &e);
	struct tok_cases c;

	(void)state;
	if (!g || !tok_cases_read(&c, SHARED "tokenizers/llama-spm.gguf.inp", SHARED "tokenizers/llama-spm.gguf.out")) {
		gguf_close(g);
		SKIP(SHARED "tokenizers is not there");
	}
	struct vocab *v = vocab_from_gguf(g, 0, &e);

	CHECK(v && c.n == 46);
	for (size_t i = 0; i < c.n; i++) {
		struct ids got = {0};

		CHECK(vocab_encode(v, c.v[i].text, c.v[i].n, false, false, &got.v, &got.n, &e));
		check_ids("llama-spm", i, &got, c.v[i].ids, c.v[i].n_ids);
		free(got.v);
	}
	vocab_free(v);
	gguf_close(g);
	tok_cases_free(&c);
}

static void the_best_score_merges_first_and_the_left_one_among_equals(void **state)
{
	struct gguf_str raw[] = { str("<unk>"), str("a"), str("b"), str("ab"), str("bb"), str(SP), str(SP "a") };
	float score[] = { 0, 0, 0, -2, -1, 0, -3 };
	struct pieces p = { .n = 7, .raw = raw, .score = score, .unk = 0 };

	(void)state;
	check_text(&p, "abb", false, (int32_t[]){ 1, 4 }, 2);
	check_text(&p, "bbb", false, (int32_t[]){ 4, 2 }, 2);
	check_text(&p, "ab", true, (int32_t[]){ 5, 3 }, 2);
	check_text(&p, "a", true, (int32_t[]){ 6 }, 1);
	p.score = NULL;
	check_text(&p, "abb", false, (int32_t[]){ 3, 2 }, 2);
}

static void a_character_without_a_piece_falls_back_to_bytes_or_unknown(void **state)
{
	struct gguf_str raw[] = { str("<unk>"), str("a"), str("<0xC3>"), str("<0xA9>") };
	struct pieces p = { .n = 4, .raw = raw, .unk = 0 };
	struct err e = {0};
	struct ids got = {0};

	(void)state;
	check_text(&p, "a\xc3\xa9", false, (int32_t[]){ 1, 2, 3 }, 3);
	check_text(&p, "az\xc3", false, (int32_t[]){ 1, 0, 2 }, 3);
	p.unk = -1;
	struct tok_spm *t = tok_spm_new(&p);

	CHECK(!tok_spm_encode(t, "az", 2, false, &got, &e));
	CHECK_INT(e.code, ERR_UNSUPPORTED);
	CHECK(strstr(e.msg, "0x7A"));
	free(got.v);
	tok_spm_free(t);
}

/* The definition: of all neighbours that form a piece the best, leftmost first, until none do. */
static size_t merge_slowly(const struct pieces *p, const struct tok_spm *t, const char *s, size_t n, int32_t *ids)
{
	struct { size_t at, n; } sym[80];
	size_t n_sym = 0;

	for (size_t i = 0; i < n; i += sym[n_sym++].n) {
		sym[n_sym].at = i;
		sym[n_sym].n = n - i >= 3 && !memcmp(s + i, SP, 3) ? 3 : 1;
	}
	for (;;) {
		size_t best = n_sym;
		float best_score = 0;

		for (size_t i = 0; i + 1 < n_sym; i++) {
			int id = tok_spm_find(t, s + sym[i].at, sym[i].n + sym[i + 1].n);

			if (id >= 0 && (best == n_sym || p->score[id] > best_score)) {
				best = i;
				best_score = p->score[id];
			}
		}
		if (best == n_sym)
			break;
		sym[best].n += sym[best + 1].n;
		memmove(sym + best + 1, sym + best + 2, (n_sym - best - 2) * sizeof *sym);
		n_sym--;
	}
	for (size_t i = 0; i < n_sym; i++)
		ids[i] = tok_spm_find(t, s + sym[i].at, sym[i].n);
	return n_sym;
}

/* Pieces may start with, end with and cross a space: where the text is cut must not show. */
static void random_pieces_agree_with_the_slow_definition(void **state)
{
	enum { N = 40 };
	static const char *const letters[] = { "a", "b", SP };
	uint64_t draw = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct gguf_str raw[N];
		struct buf text[N] = {0};
		float score[N];
		struct pieces p = { .n = N, .raw = raw, .score = score, .unk = -1 };

		for (int v = 0; v < N; v++) {
			int len = v < 3 ? 1 : 2 + (int)(rng_bits(seed, 0, draw++) % 4);

			for (int i = 0; i < len; i++)
				buf_str(&text[v], letters[v < 3 ? (uint64_t)v : rng_bits(seed, 1, draw++) % 3]);
			raw[v] = (struct gguf_str){ .s = text[v].data, .n = text[v].len };
			score[v] = -(float)(rng_bits(seed, 2, draw++) % 8);
		}
		struct tok_spm *t = tok_spm_new(&p);

		for (int k = 0; k < 20; k++) {
			struct buf plain = {0}, spaced = {0};
			struct ids got = {0};
			struct err e = {0};
			int32_t want[80];
			int n = 1 + (int)(rng_bits(seed, 3, draw++) % 70);

			for (int i = 0; i < n; i++) {
				uint64_t pick = rng_bits(seed, 4, draw++) % 3;

				buf_char(&plain, "ab "[pick]);
				buf_str(&spaced, letters[pick]);
			}
			CHECK(tok_spm_encode(t, plain.data, plain.len, false, &got, &e));
			check_ids(plain.data, (size_t)seed, &got, want, merge_slowly(&p, t, spaced.data, spaced.len, want));
			free(got.v);
			buf_free(&plain);
			buf_free(&spaced);
		}
		tok_spm_free(t);
		for (int v = 0; v < N; v++)
			buf_free(&text[v]);
	}
}

static void a_long_text_takes_no_quadratic_time(void **state)
{
	enum { N = 1 << 19 };
	struct gguf_str raw[] = { str("<unk>"), str("a"), str("aa"), str("aaaa"), str(SP), str(SP SP), str("a" SP) };
	float score[] = { 0, 0, -1, -2, 0, -1, -9 };
	struct pieces p = { .n = 7, .raw = raw, .score = score, .unk = 0 };
	struct tok_spm *t = tok_spm_new(&p);
	char *text = malloc(N);

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		struct ids got = {0};
		struct err e = {0};

		for (int i = 0; i < N; i++)
			text[i] = kind == 0 ? 'a' : kind == 1 ? ' ' : "a "[i % 2];
		CHECK(tok_spm_encode(t, text, N, false, &got, &e));
		CHECK_INT(got.n, kind == 0 ? N / 4 : N / 2);
		free(got.v);
	}
	free(text);
	tok_spm_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(llama_cpps_spm_cases_are_met_exactly),
		TEST(the_best_score_merges_first_and_the_left_one_among_equals),
		TEST(a_character_without_a_piece_falls_back_to_bytes_or_unknown),
		TEST(random_pieces_agree_with_the_slow_definition),
		TEST(a_long_text_takes_no_quadratic_time),
	};

	return RUN(tests);
}
