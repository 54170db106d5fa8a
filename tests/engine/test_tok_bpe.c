#include "tests/test.h"

#include <stdlib.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/base/table.h"
#include "engine/base/utf8.h"
#include "engine/tok_bpe.h"
#include "engine/vocab.h"
#include "tests/tok_cases.h"

/* A vocabulary of the 256 letters, one piece a merge, and some words. */
struct small {
	struct pieces p;
	struct table *ids;
	struct gguf_str *merges;
	size_t n_merges;
	struct buf bytes[2];            /* pieces and merges; reserved at once, so that views stay */
};

static struct gguf_str keep(struct buf *b, const char *s, size_t n)
{
	struct gguf_str out = { .s = b->data + b->len, .n = n };

	buf_add(b, s, n);
	return out;
}

static void small_piece(struct small *m, const char *s, size_t n)
{
	if (table_get(m->ids, s, n) >= 0)
		return;
	m->p.raw = mem_resize(m->p.raw, (size_t)m->p.n + 1, sizeof *m->p.raw);
	m->p.raw[m->p.n] = keep(&m->bytes[0], s, n);
	table_put(m->ids, m->p.raw[m->p.n].s, n, m->p.n);
	m->p.n++;
}

static void small_merge(struct small *m, const char *line, size_t n)
{
	const char *space = memchr(line, ' ', n);
	char joined[256];
	size_t left = space ? (size_t)(space - line) : n;

	m->merges = mem_resize(m->merges, m->n_merges + 1, sizeof *m->merges);
	m->merges[m->n_merges++] = keep(&m->bytes[1], line, n);
	memcpy(joined, line, left);
	if (space)
		memcpy(joined + left, space + 1, n - left - 1);
	small_piece(m, joined, space ? n - 1 : n);
}

static void small_new(struct small *m)
{
	*m = (struct small){ .ids = table_new(0), .p = { .unk = -1 } };
	for (int i = 0; i < 2; i++) {
		m->bytes[i].data = mem_zalloc(1 << 20);
		m->bytes[i].room = 1 << 20;
	}
	for (uint32_t cp = 0x21; cp <= 0x143; cp++) {
		char s[4];

		if (alphabet_byte(cp) >= 0)
			small_piece(m, s, (size_t)utf8_encode(cp, s));
	}
}

static void small_free(struct small *m)
{
	free(m->p.raw);
	free(m->merges);
	table_free(m->ids);
	buf_free(&m->bytes[0]);
	buf_free(&m->bytes[1]);
}

static struct tok_bpe *small_open(const struct small *m, const char *pre, struct err *e)
{
	const struct pretok_row *row = pretok_find(pre, strlen(pre), e);

	return row ? tok_bpe_new(&m->p, row, m->merges, m->n_merges, e) : NULL;
}

/* The next line of a text read line by line; cut at its end. */
static char *next_line(char **at)
{
	char *line = *at, *end = line ? strchr(line, '\n') : NULL;

	if (!end)
		return NULL;
	*end = 0;
	*at = end + 1;
	return line;
}

static size_t from_hex(const char *hex, char *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		char two[3] = { hex[2 * i], hex[2 * i + 1], 0 };

		out[i] = (char)strtol(two, NULL, 16);
	}
	return n;
}

static void check_ids(const char *what, size_t i, const struct ids *got, const int32_t *want, size_t n)
{
	bool same = got->n == n && (!n || !memcmp(got->v, want, n * sizeof *want));

	if (same)
		return;
	for (size_t k = 0; k < got->n; k++)
		print_error("%d ", got->v[k]);
	print_error("\nexpected\n");
	for (size_t k = 0; k < n; k++)
		print_error("%d ", want[k]);
	fail_msg("%s, text %zu", what, i);
}

static size_t read_hex_ids(const char *line, int32_t *out)
{
	size_t n = strlen(line) / 3;

	for (size_t i = 0; i < n; i++) {
		char three[4] = { line[3 * i], line[3 * i + 1], line[3 * i + 2], 0 };

		out[i] = (int32_t)strtol(three, NULL, 16);
	}
	return n;
}

enum { MAX_CASES = 100, MAX_IDS = 1000 };

static void check_family(const struct small *m, const char *pre, struct buf *texts, size_t n, char **at,
    int32_t (*first)[MAX_IDS], size_t *n_first)
{
	struct err e = {0};
	struct tok_bpe *t = small_open(m, pre, &e);
	int32_t want[MAX_IDS];

	if (!t)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < n; i++) {
		const char *line = next_line(at);
		struct ids got = {0};
		bool same = !strcmp(line, "=");
		size_t n_want = same ? n_first[i] : read_hex_ids(line, want);

		CHECK(tok_bpe_encode(t, texts[i].data, texts[i].len, &got, &e));
		check_ids(pre, i, &got, same ? first[i] : want, n_want);
		if (!strcmp(pre, "gpt-2")) {
			n_first[i] = n_want;
			memcpy(first[i], want, n_want * sizeof *want);
		}
		free(got.v);
	}
	tok_bpe_free(t);
}

static void difficult_texts_become_the_ids_of_the_reference(void **state)
{
	static int32_t first[MAX_CASES][MAX_IDS];
	static size_t n_first[MAX_CASES];
	struct buf file = {0}, texts[MAX_CASES] = {0};
	size_t n = 0, n_families = 0;
	struct small m;
	char *at, *line;

	(void)state;
	CHECK(read_whole_file("tests/reference/tokenizers.txt", &file));
	small_new(&m);
	for (at = file.data; (line = next_line(&at));) {
		if (!strncmp(line, "merge ", 6)) {
			small_merge(&m, line + 6, strlen(line + 6));
		} else if (!strncmp(line, "word ", 5)) {
			small_piece(&m, line + 5, strlen(line + 5));
		} else if (!strncmp(line, "case ", 5)) {
			char bytes[1000];

			CHECK(n < MAX_CASES && strlen(line) < 2000);
			buf_add(&texts[n], bytes, from_hex(line + 5, bytes));
			n++;
		} else if (!strncmp(line, "pre ", 4)) {
			check_family(&m, line + 4, texts, n, &at, first, n_first);
			n_families++;
		}
	}
	CHECK(n > 40 && n_families > 10);
	for (size_t i = 0; i < n; i++)
		buf_free(&texts[i]);
	buf_free(&file);
	small_free(&m);
}

static void llama_cpps_gpt2_cases_are_met_exactly(void **state)
{
	struct err e = {0};
	struct gguf *g = gguf_open(SHARED "tokenizers/gpt-2.gguf", &e);
	struct tok_cases c;

	(void)state;
	if (!g || !tok_cases_read(&c, SHARED "tokenizers/gpt-2.gguf.inp", SHARED "tokenizers/gpt-2.gguf.out")) {
		gguf_close(g);
		SKIP(SHARED "tokenizers is not there");
	}
	struct vocab *v = vocab_from_gguf(g, 0, &e);

	CHECK(v && c.n == 46);
	for (size_t i = 0; i < c.n; i++) {
		struct ids got = {0};

		CHECK(vocab_encode(v, c.v[i].text, c.v[i].n, false, false, &got.v, &got.n, &e));
		check_ids("gpt-2", i, &got, c.v[i].ids, c.v[i].n_ids);
		free(got.v);
	}
	vocab_free(v);
	gguf_close(g);
	tok_cases_free(&c);
}

/* Merging as the papers write it: the best pair anywhere, again and again. */
static size_t merge_slowly(const struct small *m, const char *text, size_t n, int32_t *ids)
{
	for (size_t i = 0; i < n; i++) {
		char s[4];

		ids[i] = table_get(m->ids, s, (size_t)utf8_encode(alphabet_char((unsigned char)text[i]), s));
	}
	for (size_t rank = 0; rank < m->n_merges;) {
		bool merged = false;

		for (size_t i = 0; i + 1 < n && !merged; i++) {
			struct gguf_str a = m->p.raw[ids[i]], b = m->p.raw[ids[i + 1]], r = m->merges[rank];

			if (r.n != a.n + b.n + 1 || memcmp(r.s, a.s, a.n) != 0 || memcmp(r.s + a.n + 1, b.s, b.n) != 0)
				continue;
			char joined[600];

			memcpy(joined, a.s, a.n);
			memcpy(joined + a.n, b.s, b.n);
			ids[i] = table_get(m->ids, joined, a.n + b.n);
			memmove(ids + i + 1, ids + i + 2, (n - i - 2) * sizeof *ids);
			n--;
			merged = true;
		}
		rank = merged ? 0 : rank + 1;
	}
	return n;
}

/* Random merges over three letters, random words: every order of merging occurs. */
static void random_merges_agree_with_the_slow_definition(void **state)
{
	struct err e = {0};
	uint64_t draw = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct small m;

		small_new(&m);
		for (int k = 0; k < 25; k++) {
			int n_new = m.p.n - 256;
			char line[128];
			struct gguf_str side[2];

			for (int s = 0; s < 2; s++) {
				int pick = (int)(rng_bits(seed, 0, draw++) % (uint64_t)(3 + n_new));
				char letter[2] = { (char)('a' + pick), 0 };

				side[s] = m.p.raw[pick < 3 ? table_get(m.ids, letter, 1) : 256 + pick - 3];
			}
			if (side[0].n + side[1].n > 20)
				continue;
			snprintf(line, sizeof line, "%.*s %.*s", (int)side[0].n, side[0].s, (int)side[1].n, side[1].s);
			small_merge(&m, line, strlen(line));
		}
		struct tok_bpe *t = small_open(&m, "gpt-2", &e);

		CHECK(t);
		for (int k = 0; k < 20; k++) {
			char text[60];
			int32_t want[60];
			struct ids got = {0};
			size_t n = 1 + rng_bits(seed, 1, draw++) % 59;

			for (size_t i = 0; i < n; i++)
				text[i] = (char)('a' + rng_bits(seed, 2, draw++) % 3);
			CHECK(tok_bpe_encode(t, text, n, &got, &e));
			check_ids("random merges", (size_t)seed, &got, want, merge_slowly(&m, text, n, want));
			free(got.v);
		}
		tok_bpe_free(t);
		small_free(&m);
	}
}

static void bytes_that_are_not_utf8_come_back_as_they_were(void **state)
{
	static const char text[] = "a\xff\xfe b\xc3 \xe2\x82 \xed\xa0\x80 \xf0\x9f\x98\x80\x80 end\xf0";
	struct err e = {0};
	struct small m;
	struct ids got = {0};
	struct buf back = {0};

	(void)state;
	small_new(&m);
	struct tok_bpe *t = small_open(&m, "llama-bpe", &e);

	CHECK(tok_bpe_encode(t, text, sizeof text - 1, &got, &e));
	for (size_t i = 0; i < got.n; i++) {
		struct gguf_str s = m.p.raw[got.v[i]];
		uint32_t cp;

		CHECK(utf8_decode(s.s, s.n, &cp) > 0);
		buf_char(&back, (char)alphabet_byte(cp));
	}
	CHECK_INT(back.len, sizeof text - 1);
	CHECK(!memcmp(back.data, text, back.len));
	buf_free(&back);
	free(got.v);
	tok_bpe_free(t);
	small_free(&m);
}

static void a_merge_without_two_pieces_is_an_error_that_names_it(void **state)
{
	static const char *const bad[] = { "", "ab", " ab", "ab ", "a b c", "a  b", " ", "  " };
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct small m;

		small_new(&m);
		small_merge(&m, "a b", 3);
		m.merges = mem_resize(m.merges, 2, sizeof *m.merges);
		m.merges[1] = (struct gguf_str){ .s = bad[i], .n = strlen(bad[i]) };
		m.n_merges = 2;
		CHECK(!small_open(&m, "gpt-2", &e));
		CHECK_INT(e.code, ERR_FILE);
		CHECK(strstr(e.msg, "tokenizer.ggml.merges[1]"));
		small_free(&m);
	}
}

static void merges_of_unknown_pieces_are_ignored(void **state)
{
	struct err e = {0};
	struct small m;
	struct ids got = {0};

	(void)state;
	small_new(&m);
	small_merge(&m, "a b", 3);
	m.merges = mem_resize(m.merges, 4, sizeof *m.merges);
	m.merges[m.n_merges++] = (struct gguf_str){ .s = "zz a", .n = 4 };
	m.merges[m.n_merges++] = (struct gguf_str){ .s = "b c", .n = 3 };
	m.merges[m.n_merges++] = (struct gguf_str){ .s = "a b", .n = 3 };
	struct tok_bpe *t = small_open(&m, "gpt-2", &e);

	CHECK(tok_bpe_encode(t, "abc", 3, &got, &e));
	CHECK_INT(got.n, 2);
	CHECK_INT(got.v[0], table_get(m.ids, "ab", 2));
	free(got.v);
	tok_bpe_free(t);
	small_free(&m);
}

static void a_byte_without_a_token_is_unknown_or_an_error(void **state)
{
	struct gguf_str raw[] = { { "a", 1 }, { "<unk>", 5 } };
	struct pieces p = { .n = 2, .raw = raw, .unk = 1 };
	struct err e = {0};
	const struct pretok_row *row = pretok_find("gpt-2", 5, &e);
	struct tok_bpe *t = tok_bpe_new(&p, row, NULL, 0, &e);
	struct ids got = {0};

	(void)state;
	CHECK(tok_bpe_encode(t, "ab", 2, &got, &e));
	CHECK_INT(got.n, 2);
	CHECK_INT(got.v[1], 1);
	p.unk = -1;
	CHECK(!tok_bpe_encode(t, "ab", 2, &got, &e));
	CHECK_INT(e.code, ERR_UNSUPPORTED);
	CHECK(strstr(e.msg, "0x62"));
	free(got.v);
	tok_bpe_free(t);
}

static void one_long_word_takes_no_quadratic_time(void **state)
{
	enum { N = 1 << 20 };
	struct err e = {0};
	struct small m;
	struct ids got = {0};
	char *text = malloc(N);

	(void)state;
	memset(text, 'a', N);
	small_new(&m);
	small_merge(&m, "a a", 3);
	small_merge(&m, "aa aa", 5);
	struct tok_bpe *t = small_open(&m, "gpt-2", &e);

	CHECK(tok_bpe_encode(t, text, N, &got, &e));
	CHECK_INT(got.n, N / 4);
	free(got.v);
	tok_bpe_free(t);
	small_free(&m);
	free(text);
}

static void characters_with_u2581_are_merged_where_the_row_says_so(void **state)
{
	struct gguf_str raw[] = { { "<0xFF>", 6 }, { "\xe2\x96\x81", 3 }, { "a", 1 }, { "b", 1 },
		{ "\xe2\x96\x81" "a", 4 }, { "\n\n", 2 }, { "<0x0A>", 6 }, { "\xe2\x96\x81" "ab", 5 } };
	struct gguf_str merges[] = { { "\xe2\x96\x81 a", 5 }, { "\xe2\x96\x81" "a b", 6 } };
	struct pieces p = { .n = 8, .raw = raw, .unk = -1 };
	struct err e = {0};
	struct tok_bpe *t = tok_bpe_new(&p, pretok_find("gemma4", 6, &e), merges, 2, &e);
	static const int32_t want[] = { 7, 5, 4, 6, 0 };
	struct ids got = {0};

	(void)state;
	CHECK(tok_bpe_encode(t, " ab\n\n a\n\xff", 9, &got, &e));
	check_ids("gemma4", 0, &got, want, 5);
	free(got.v);
	tok_bpe_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(difficult_texts_become_the_ids_of_the_reference),
		TEST(llama_cpps_gpt2_cases_are_met_exactly),
		TEST(random_merges_agree_with_the_slow_definition),
		TEST(bytes_that_are_not_utf8_come_back_as_they_were),
		TEST(a_merge_without_two_pieces_is_an_error_that_names_it),
		TEST(merges_of_unknown_pieces_are_ignored),
		TEST(a_byte_without_a_token_is_unknown_or_an_error),
		TEST(one_long_word_takes_no_quadratic_time),
		TEST(characters_with_u2581_are_merged_where_the_row_says_so),
	};

	return RUN(tests);
}
