#include "tests/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine/base/buf.h"

static void an_empty_buf_has_no_memory_and_freeing_it_is_fine(void **state)
{
	struct buf b = {0};

	(void)state;
	CHECK(!b.data);
	buf_clear(&b);
	buf_free(&b);
	buf_add(&b, "", 0);
	CHECK_STR(b.data, "");
	CHECK_INT(b.len, 0);
	buf_free(&b);
	CHECK(!b.data && !b.room);
}

static void what_is_appended_follows_what_was_there(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_str(&b, "one ");
	buf_char(&b, '2');
	buf_printf(&b, " %d%s", 3, "!");
	buf_add(&b, "\0x", 2);
	CHECK_INT(b.len, 10);
	CHECK(!memcmp(b.data, "one 2 3!\0x", 11));
	buf_clear(&b);
	CHECK_INT(b.len, 0);
	CHECK_STR(b.data, "");
	buf_free(&b);
}

static void long_texts_grow_the_buf_and_stay_terminated(void **state)
{
	struct buf b = {0};
	char *big = malloc(100001);

	(void)state;
	memset(big, 'a', 100000);
	big[100000] = 0;
	buf_printf(&b, "<%s>", big);
	CHECK_INT(b.len, 100002);
	CHECK_INT(b.data[0], '<');
	CHECK_INT(b.data[100001], '>');
	CHECK_INT(b.data[100002], 0);
	for (int i = 0; i < 1000; i++)
		buf_char(&b, 'x');
	CHECK_INT(strlen(b.data), 101002);
	buf_free(&b);
	free(big);
}

static void json_strings_escape_what_json_and_terminals_would_obey(void **state)
{
	static const struct { const char *in; size_t n; const char *out; } cases[] = {
		{ "plain / \xc3\xa9 \xf0\x9f\x98\x80", 15, "\"plain / \xc3\xa9 \xf0\x9f\x98\x80\"" },
		{ "a\"b\\c", 5, "\"a\\\"b\\\\c\"" },
		{ "\n\t\r\b\f", 5, "\"\\n\\t\\r\\b\\f\"" },
		{ "\0\x1b[2J\x7f", 6, "\"\\u0000\\u001b[2J\\u007f\"" },
		{ "\xc2\x9b", 2, "\"\\u009b\"" },
		{ "\xe2\x80\xae", 3, "\"\\u202e\"" },
		{ "\xf3\xa0\x81\x81", 4, "\"\\udb40\\udc41\"" },
		{ "x\xff\xe2\x82y", 5, "\"x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdy\"" },
		{ "", 0, "\"\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf b = {0};

		buf_json(&b, cases[i].in, cases[i].n);
		CHECK_STR(b.data, cases[i].out);
		buf_free(&b);
	}
}

static void json_numbers_read_back_as_the_same_float(void **state)
{
	static const float v[] = { 0, -1.5f, 0.1f, 3.4028235e38f, 1e-45f, 16777217.0f };
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		buf_clear(&b);
		buf_json_num(&b, (double)v[i]);
		CHECK(strtof(b.data, NULL) == v[i]);
	}
	buf_clear(&b);
	buf_json_num(&b, (double)NAN);
	buf_char(&b, ' ');
	buf_json_num(&b, (double)-INFINITY);
	CHECK_STR(b.data, "null null");
	buf_free(&b);
}

static void a_stream_is_read_whole_or_refused_above_the_limit(void **state)
{
	FILE *f = tmpfile();
	struct buf b = {0};
	struct err e = {0};

	(void)state;
	for (int i = 0; i < 20000; i++)
		fputs("0123456789", f);
	fflush(f);
	lseek(fileno(f), 0, SEEK_SET);
	CHECK(buf_read_fd(&b, fileno(f), 200000, &e));
	CHECK_INT(b.len, 200000);
	buf_clear(&b);
	lseek(fileno(f), 0, SEEK_SET);
	CHECK(!buf_read_fd(&b, fileno(f), 199999, &e));
	CHECK_INT(e.code, ERR_FILE);
	CHECK(!buf_read_fd(&b, -1, 10, &e));
	CHECK_INT(e.code, ERR_RUN);
	buf_free(&b);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_buf_has_no_memory_and_freeing_it_is_fine),
		TEST(what_is_appended_follows_what_was_there),
		TEST(long_texts_grow_the_buf_and_stay_terminated),
		TEST(json_strings_escape_what_json_and_terminals_would_obey),
		TEST(json_numbers_read_back_as_the_same_float),
		TEST(a_stream_is_read_whole_or_refused_above_the_limit),
	};

	return RUN(tests);
}
