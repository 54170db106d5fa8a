#include "tests/test.h"

#include "engine/base/utf8.h"

static void every_code_point_survives_encoding_and_decoding(void **state)
{
	(void)state;
	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		char s[4];
		uint32_t back = 0;
		int n = utf8_encode(cp, s);
		bool surrogate = cp >= 0xd800 && cp <= 0xdfff;

		if (utf8_decode(s, (size_t)n, &back) != (surrogate ? 0 : n) || (!surrogate && back != cp))
			fail_msg("U+%04X", (unsigned)cp);
		if (n > 1 && !surrogate && utf8_decode(s, (size_t)n - 1, &back) != -1)
			fail_msg("U+%04X cut short", (unsigned)cp);
	}
}

static void ill_formed_bytes_start_no_character(void **state)
{
	static const char *const bad[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
		"\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
		"\xc3(", "\xe2\x82(", "\xe2(\x82", "\xf0\x9f\x98(",
	};
	uint32_t cp;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (utf8_decode(bad[i], strlen(bad[i]), &cp) != 0)
			fail_msg("case %zu", i);
	CHECK_INT(utf8_decode("", 0, &cp), 0);
	CHECK_INT(utf8_decode("\0", 1, &cp), 1);
	CHECK_INT(cp, 0);
}

/* Feeds the text in pieces of `step` bytes and gives what came out. */
static void joined(const char *s, size_t n, size_t step, struct buf *out)
{
	struct utf8_joiner j = {0};

	for (size_t i = 0; i < n; i += step)
		utf8_join(&j, s + i, n - i < step ? n - i : step, out);
	utf8_flush(&j, out);
}

static void cutting_a_text_anywhere_changes_nothing(void **state)
{
	static const char text[] = "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80 \xff \xe2\x82z \xf0\x9f\x98";
	static const char want[] =
	    "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80 \\xFF \\xE2\\x82z \\xF0\\x9F\\x98";

	(void)state;
	for (size_t step = 1; step < sizeof text; step++) {
		struct buf b = {0};

		joined(text, sizeof text - 1, step, &b);
		CHECK_STR(b.data, want);
		buf_free(&b);
	}
}

static void half_a_character_is_held_back(void **state)
{
	struct utf8_joiner j = {0};
	struct buf b = {0};

	(void)state;
	utf8_join(&j, "a\xf0\x9f", 3, &b);
	CHECK_STR(b.data, "a");
	CHECK_INT(j.n_held, 2);
	utf8_join(&j, "\x98", 1, &b);
	CHECK_STR(b.data, "a");
	utf8_join(&j, "\x80", 1, &b);
	CHECK_STR(b.data, "a\xf0\x9f\x98\x80");
	CHECK_INT(j.n_held, 0);
	utf8_join(&j, "\xe2", 1, &b);
	utf8_join(&j, "\xe2\x82\xac", 3, &b);
	CHECK_STR(b.data, "a\xf0\x9f\x98\x80\\xE2\xe2\x82\xac");
	buf_free(&b);
}

static void nothing_a_terminal_would_obey_survives_escaping(void **state)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "plain \xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80 \\n", "plain \xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80 \\n" },
		{ "a\nb\tc\r", "a\\nb\\tc\\r" },
		{ "\x1b]52;c;x\a", "\\x1B]52;c;x\\x07" },
		{ "\x7f", "\\x7F" },
		{ "\xc2\x9b" "31m", "\\u{009B}31m" },
		{ "\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf", "\\u{202E}\\u{2066}\\u{200B}\\u{FEFF}" },
		{ "\xef\xbf\xbe\xf4\x8f\xbf\xbf", "\\u{FFFE}\\u{10FFFF}" },
		{ "\xf3\xa0\x81\x81", "\\u{E0041}" },
		{ "\xff\xe2\x82", "\\xFF\\xE2\\x82" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf b = {0};

		utf8_escape(cases[i].in, strlen(cases[i].in), &b);
		CHECK_STR(b.data, cases[i].out);
		buf_free(&b);
	}
}

static void escaping_any_two_bytes_leaves_only_printable_characters(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 0x10000; v++) {
		char s[2] = { (char)(v >> 8), (char)v };
		struct buf b = {0};
		uint32_t cp;

		utf8_escape(s, 2, &b);
		for (size_t i = 0; i < b.len;) {
			int n = utf8_decode(b.data + i, b.len - i, &cp);

			if (n <= 0 || !utf8_is_printable(cp))
				fail_msg("bytes %04x", v);
			i += (size_t)n;
		}
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_code_point_survives_encoding_and_decoding),
		TEST(ill_formed_bytes_start_no_character),
		TEST(cutting_a_text_anywhere_changes_nothing),
		TEST(half_a_character_is_held_back),
		TEST(nothing_a_terminal_would_obey_survives_escaping),
		TEST(escaping_any_two_bytes_leaves_only_printable_characters),
	};

	return RUN(tests);
}
