#include "app/roff.h"

#include "tests/test.h"

static void gives(const char *text, const char *expected)
{
	struct buf b = {.data = NULL};

	roff_text(&b, text);
	CHECK_STR(b.data, expected);
	buf_free(&b);
}

static void text_cannot_be_a_request_or_an_escape(void **state)
{
	(void)state;
	gives(".SH evil", "\\&.SH evil\n");
	gives("'s evil", "\\&\\(aqs evil\n");
	gives("a\\fBb", "a\\efBb\n");
	gives("a-b", "a\\-b\n");
}

static void words_to_be_typed_are_bold(void **state)
{
	(void)state;
	gives("say `top-k 40' now", "say \\fBtop\\-k 40\\fR now\n");
	gives("say `lens` now", "say \\fBlens\\fR now\n");
	gives("the model's own", "the model\\(aqs own\n");
	gives("a lone ` mark", "a lone ` mark\n");
}

static void long_text_is_broken_between_words_and_never_before_a_dot(void **state)
{
	struct buf b = {.data = NULL};
	struct buf text = {.data = NULL};

	(void)state;
	for (int i = 0; i < 60; i++)
		buf_str(&text, i % 2 ? ".word  " : "other ");
	roff_text(&b, text.data);
	for (const char *line = b.data; *line;) {
		size_t n = strcspn(line, "\n");

		CHECK(n <= 80 && line[0] != '.' && line[0] != '\'');
		line += n + 1;
	}
	buf_free(&text);
	buf_free(&b);
}

static void an_entry_has_a_tag_an_argument_and_a_text(void **state)
{
	struct buf b = {.data = NULL};

	(void)state;
	roff_entry(&b, "--tokens", "N", "how many.");
	CHECK_STR(b.data, ".TP\n\\fB\\-\\-tokens\\fR \\fIN\\fR\nhow many.\n");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(text_cannot_be_a_request_or_an_escape),
		TEST(words_to_be_typed_are_bold),
		TEST(long_text_is_broken_between_words_and_never_before_a_dot),
		TEST(an_entry_has_a_tag_an_argument_and_a_text),
	};
	return RUN(tests);
}
