#include "tests/test.h"

#include <stdlib.h>

#include "engine/base/buf.h"
#include "engine/pretok.h"

/* The pieces with a bar between. */
static bool join_pieces(void *ctx, const char *s, size_t n, struct err *e)
{
	struct buf *b = ctx;

	(void)e;
	CHECK(n > 0);
	if (b->len)
		buf_char(b, '|');
	buf_add(b, s, n);
	return true;
}

static bool append_pieces(void *ctx, const char *s, size_t n, struct err *e)
{
	(void)e;
	buf_add(ctx, s, n);
	return true;
}

static void run_row(const struct pretok_row *row, const char *text, size_t n, pretok_fn *fn, struct buf *out)
{
	struct err e = {0};
	struct pretok *p = pretok_new(row, &e);

	if (!p)
		fail_msg("%s", e.msg);
	struct pretok_run *r = pretok_begin(p);

	if (!pretok_split(r, text, n, fn, out, &e))
		fail_msg("%s: %s", row->name, e.msg);
	pretok_end(r);
	pretok_free(p);
}

static void texts_are_cut_as_their_models_do(void **state)
{
	static const struct { const char *name, *text, *cut; } cases[] = {
		{ "gpt-2", "Hello  world's 123!!\n\n x", "Hello| | world|'s| 123|!!|\n\n| x" },
		{ "llama-bpe", "I'LL pay 12345 \n ok", "I|'LL| pay| |123|45| \n| ok" },
		{ "qwen2", "a 123", "a| |1|2|3" },
		{ "smollm", "a 123 b", "a| |1|2|3| b" },
		{ "default", "a-b 1234", "a|-|b| |123|4" },
		{ "deepseek-llm", "ab \xe4\xb8\xad\xe6\x96\x87 12", "ab| |\xe4\xb8\xad\xe6\x96\x87| |12" },
		{ "deepseek-v3", "x=12345", "x|=|123|45" },
		{ "falcon", "a$b 12345`", "a|$|b| |123|45|`" },
		{ "bloom", "one, two", "one|,| two" },
		{ "viking", "a1b", "a|1|b" },
		{ "superbpe", "some words 1234567", "some words |1|234|567" },
		{ "tiny_aya", "1234567 1234a", "1|234|567| |123|4|a" },
		{ "afmoe", "1234567", "1|234|567" },
		{ "gpt-4o", "camelCase HTTPServer's", "camel|Case| HTTPServer's" },
		{ "tekken", "camelCase 12", "camel|Case| |1|2" },
		{ "kimi-k2", "abc\xe4\xb8\xad\xe6\x96\x87" "def", "abc|\xe4\xb8\xad\xe6\x96\x87|def" },
		{ "chameleon", "IMGIMGABZ  x", "IMGIMGABZ|  |x" },
		{ "seed-coder", "ok!\n", "ok|!|\n" },
		{ "jais-2", "a     b", "a|    | b" },
		{ "exaone-moe", "two words 1", "two words| |1" },
		{ "gemma4", "a b\n\nc", "a b|\n\n|c" },
		{ "laguna", "a  b\n\nc", "a| | b|\n\n|c" },
		{ "minicpm5", "1234", "123|4" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = {0};
		struct buf b = {0};
		const struct pretok_row *row = pretok_find(cases[i].name, strlen(cases[i].name), &e);

		CHECK(row);
		run_row(row, cases[i].text, strlen(cases[i].text), join_pieces, &b);
		if (strcmp(b.data, cases[i].cut) != 0)
			fail_msg("%s: \"%s\", expected \"%s\"", cases[i].name, b.data, cases[i].cut);
		buf_free(&b);
	}
}

static void the_pieces_of_every_row_are_the_whole_text(void **state)
{
	static const char text[] =
	    "Don't  PANIC\t42 1234567 caf\xc3\xa9 \xe4\xb8\xad\xe6\x96\x87\xe3\x81\x8b \xed\x95\x9c \xd8\xb3\xd9\x84 "
	    "\xe0\xa4\xa8\xe0\xa4\xbf \xf0\x9f\x98\x80\xef\xbb\xbf\xc2\xa0\xe1\xa0\x8e\r\n \n\n IMGIMGABZ \xef\xbc\x95 $%` /x\n";

	(void)state;
	for (size_t i = 0; pretok_at(i); i++) {
		struct buf b = {0};

		if (i && pretok_at(i)->patterns == pretok_at(i - 1)->patterns)
			continue;
		run_row(pretok_at(i), text, sizeof text - 1, append_pieces, &b);
		CHECK_STR(b.data, text);
		buf_free(&b);
	}
}

static void no_name_stands_in_the_table_twice(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t i = 0; pretok_at(i); i++, n++)
		for (size_t k = 0; k < i; k++)
			CHECK(strcmp(pretok_at(i)->name, pretok_at(k)->name) != 0);
	CHECK(n > 60);
	CHECK(!pretok_at(n));
}

static void an_unknown_name_is_an_error_that_says_which(void **state)
{
	struct err e = {0};

	(void)state;
	CHECK(!pretok_find("gpt-7\x1b[2J", 9, &e));
	CHECK_INT(e.code, ERR_UNSUPPORTED);
	CHECK(strstr(e.msg, "\"gpt-7\\x1B[2J\""));
	CHECK(!pretok_find("", 0, &e));
	CHECK(!pretok_find("gpt-", 4, &e));
	CHECK(pretok_find("gpt-2xxx", 5, &e));
}

static void long_runs_of_one_kind_take_no_quadratic_time(void **state)
{
	enum { N = 1 << 17 };
	static const char *const kinds[] = { " ", "\n", "a", "A", "1", "'", "!", "\xe4\xb8\xad", " a", "1a" };
	char *text = malloc(N);

	(void)state;
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		size_t len = strlen(kinds[k]), n = N / len * len;

		for (size_t i = 0; i < n; i++)
			text[i] = kinds[k][i % len];
		for (size_t i = 0; pretok_at(i); i++) {
			struct buf b = {0};

			if (i && pretok_at(i)->patterns == pretok_at(i - 1)->patterns)
				continue;
			run_row(pretok_at(i), text, n, append_pieces, &b);
			CHECK_INT(b.len, n);
			buf_free(&b);
		}
	}
	free(text);
}

static bool stop(void *ctx, const char *s, size_t n, struct err *e)
{
	(void)s;
	(void)n;
	return --*(int *)ctx > 0 || err_set(e, ERR_RUN, "enough");
}

static void the_receiver_can_stop_the_run(void **state)
{
	struct err e = {0};
	struct pretok *p = pretok_new(pretok_find("default", 7, &e), &e);
	struct pretok_run *r = pretok_begin(p);
	int left = 2;

	(void)state;
	CHECK(!pretok_split(r, "a-b-c", 5, stop, &left, &e));
	CHECK_STR(e.msg, "enough");
	CHECK_INT(left, 0);
	pretok_end(r);
	pretok_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(texts_are_cut_as_their_models_do),
		TEST(the_pieces_of_every_row_are_the_whole_text),
		TEST(no_name_stands_in_the_table_twice),
		TEST(an_unknown_name_is_an_error_that_says_which),
		TEST(long_runs_of_one_kind_take_no_quadratic_time),
		TEST(the_receiver_can_stop_the_run),
	};

	return RUN(tests);
}
