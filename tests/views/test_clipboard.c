#include "tests/test.h"
#include "views/clipboard.h"

static const char *encoded(const void *bytes, size_t n)
{
	static struct buf b;

	buf_clear(&b);
	base64(bytes, n, &b);
	return b.len ? b.data : "";
}

/* The vectors of RFC 4648, section 10. */
static void base64_is_that_of_the_rfc(void **state)
{
	static const char *const pairs[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		CHECK_STR(encoded(pairs[i][0], strlen(pairs[i][0])), pairs[i][1]);
	CHECK_STR(encoded("\xff\xfe\x00\xfb", 4), "//4A+w==");
}

static void the_sequence_has_no_byte_of_what_is_copied(void **state)
{
	struct buf b = { 0 };

	(void)state;
	clipboard_sequence("\033]0;owned\a", 10, false, &b);
	CHECK_STR(b.data, "\033]52;c;G10wO293bmVkBw==\a");
	buf_free(&b);
}

static void tmux_gets_it_for_itself_and_for_the_terminal_around_it(void **state)
{
	struct buf b = { 0 };

	(void)state;
	clipboard_sequence("foo", 3, true, &b);
	CHECK_STR(b.data, "\033]52;c;Zm9v\a\033Ptmux;\033\033]52;c;Zm9v\a\033\\");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(base64_is_that_of_the_rfc),
		TEST(the_sequence_has_no_byte_of_what_is_copied),
		TEST(tmux_gets_it_for_itself_and_for_the_terminal_around_it),
	};

	return RUN(tests);
}
