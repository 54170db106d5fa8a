#include "tests/test.h"

#include "engine/base/cursor.h"

static const unsigned char bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

static void numbers_are_little_endian_and_advance(void **state)
{
	struct err e = { .code = ERR_NONE };
	struct cursor c;

	(void)state;
	cursor_init(&c, "f", bytes, sizeof bytes, &e);
	CHECK_INT(cursor_uint(&c, 1, "a"), 1);
	CHECK_INT(cursor_uint(&c, 2, "b"), 0x0302);
	CHECK_INT(cursor_uint(&c, 4, "c"), 0x07060504);
	CHECK_INT(cursor_offset(&c), 7);
	CHECK_INT(c.left, 2);
	CHECK(cursor_ok(&c));
}

static void the_first_failure_stays_and_reads_give_zeros(void **state)
{
	struct err e = { .code = ERR_NONE };
	struct cursor c;

	(void)state;
	cursor_init(&c, "some.file", bytes, sizeof bytes, &e);
	cursor_enter(&c, "tensor", 7);
	cursor_uint(&c, 8, "first");
	CHECK_INT(cursor_uint(&c, 4, "second"), 0);
	CHECK_STR(e.msg, "some.file: tensor 7 at offset 0x8: second needs 4 bytes, 1 are left in the file");
	CHECK_INT(e.code, ERR_FILE);
	CHECK_INT(cursor_uint(&c, 1, "third"), 0);
	CHECK(!cursor_bytes(&c, 0, "fourth"));
	cursor_fail(&c, ERR_UNSUPPORTED, 0, "something else");
	CHECK(strstr(e.msg, "second") && e.code == ERR_FILE);
}

static void products_that_overflow_need_more_than_is_left(void **state)
{
	static const struct { uint64_t n; size_t size; } tries[] = {
		{ UINT64_MAX, 1 }, { UINT64_MAX, 8 }, { UINT64_C(1) << 61, 8 }, { UINT64_C(1) << 63, 2 }, { 10, 1 }, { 2, 5 }, { 1, 10 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		struct err e = { .code = ERR_NONE };
		struct cursor c;

		cursor_init(&c, "f", bytes, sizeof bytes, &e);
		CHECK(!cursor_items(&c, tries[i].n, tries[i].size, "things"));
		CHECK(e.code == ERR_FILE && strstr(e.msg, "9 are left"));
		CHECK_INT(cursor_offset(&c), 0);
	}
}

static void nothing_can_be_taken_from_anywhere(void **state)
{
	struct err e = { .code = ERR_NONE };
	struct cursor c;

	(void)state;
	cursor_init(&c, "f", bytes, sizeof bytes, &e);
	CHECK(cursor_bytes(&c, sizeof bytes, "all") == bytes);
	CHECK(cursor_bytes(&c, 0, "nothing") == bytes + sizeof bytes);
	CHECK(cursor_ok(&c));
}

static void names_in_messages_are_printable_and_short(void **state)
{
	char out[24];
	char name[300];
	struct err e = { .code = ERR_NONE };
	struct cursor c;

	(void)state;
	CHECK_STR(cursor_printable("a\x1b]b\xff", 5, out, sizeof out), "a\\x1B]b\\xFF");
	CHECK_STR(cursor_printable("abcdefghijklmnopqrstuvwxyz", 26, out, sizeof out), "abcdefghijklmnopqrst...");
	CHECK_STR(cursor_printable("", 0, out, sizeof out), "");
	CHECK_STR(cursor_printable("\1\2\3\4\5\6\7", 7, out, 8), "\\x01...");
	memset(name, 'x', sizeof name);
	cursor_init(&c, "f", bytes, sizeof bytes, &e);
	cursor_enter(&c, "key", 0);
	cursor_name(&c, (const unsigned char *)name, sizeof name);
	cursor_fail(&c, ERR_FILE, 3, "is wrong");
	CHECK(strlen(e.msg) < 120 && strstr(e.msg, "x... at offset 0x3: is wrong"));
	CHECK_STR(cursor_tail("/a/b/c.gguf", 6), "c.gguf");
	CHECK_STR(cursor_tail("c", 6), "c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_are_little_endian_and_advance), TEST(the_first_failure_stays_and_reads_give_zeros),
		TEST(products_that_overflow_need_more_than_is_left), TEST(nothing_can_be_taken_from_anywhere),
		TEST(names_in_messages_are_printable_and_short),
	};

	return RUN(tests);
}
