#include "tests/test.h"
#include "views/key.h"

static void every_named_key_is_read_as_it_is_written(void **state)
{
	static const char *const names[] = { "a", "Z", "?", ":", "/", "Space", "Tab", "Enter", "Esc", "Backspace", "^A", "^L",
		"M-x", "M-Left", "Left", "S-Tab", "PgUp", "F1", "F10", "é", "中" };
	char out[24];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		CHECK(key_parse(names[i]) != KEY_NONE);
		CHECK_STR(key_text(key_parse(names[i]), out, sizeof out), names[i]);
	}
}

static void what_is_no_key_is_none(void **state)
{
	static const char *const names[] = { "", "ab", "F11", "M-", "M-M-x", "^a", "left", "\xff", "\033" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		CHECK_INT(key_parse(names[i]), KEY_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_named_key_is_read_as_it_is_written),
		TEST(what_is_no_key_is_none),
	};

	return RUN(tests);
}
