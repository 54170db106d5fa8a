/* The terminal that tests look through, against sequences with a known result. */
#include "tests/test.h"
#include "tests/vt.h"

static struct vt v;

static const char *after(const char *bytes)
{
	static struct buf out;

	vt_feed(&v, bytes, strlen(bytes));
	buf_clear(&out);
	vt_screen(&v, &out);
	return out.data;
}

static void text_wraps_and_scrolls(void **state)
{
	(void)state;
	vt_new(&v, 2, 4);
	CHECK_STR(after("abcd"), "abcd\n\n");           /* not wrapped before the next one */
	CHECK_STR(after("e"), "abcd\ne\n");
	CHECK_STR(after("\r\nfg\rx"), "e\nxg\n");
	CHECK_STR(after("\033M\033M"), "\ne\n");        /* up, then down by scrolling */
	vt_free(&v);
}

static void sequences_move_erase_and_shift(void **state)
{
	(void)state;
	vt_new(&v, 3, 6);
	after("one\033[2;3Htwo\033[3d\033[Gx");
	CHECK_STR(after(""), "one\n  two\nx\n");
	CHECK_STR(after("\033[H\033[2P\033[@_"), "_e\n  two\nx\n");
	CHECK_STR(after("\033[2;1H\033[3X\033[4C\033[K"), "_e\n   w\nx\n");
	CHECK_STR(after("\033[Ha\033[4b"), "aaaaa\n   w\nx\n");
	CHECK_STR(after("\033[L"), "\naaaaa\n   w\n");
	CHECK_STR(after("\033[J"), "\n\n\n");
	CHECK_INT(v.unknown, 0);
	after("\033[5q");
	CHECK_INT(v.unknown, 1);
	CHECK_STR(v.what, "\033[5q");
	vt_free(&v);
}

static void characters_may_come_in_pieces_and_be_wide(void **state)
{
	(void)state;
	vt_new(&v, 1, 6);
	vt_feed(&v, "\xe5", 1);
	vt_feed(&v, "\xbf\xab" "a", 3);
	CHECK_STR(after("\033"), "\xe5\xbf\xab" "a\n");
	after("[1;3Hb");
	CHECK_STR(after(""), "\xe5\xbf\xab" "b\n");
	vt_free(&v);
}

static void modes_and_screens_are_kept_apart(void **state)
{
	(void)state;
	vt_new(&v, 2, 8);
	after("shell\033[?1049h\033[?25l\033[?1006;1000h\033[H\033[2Jmeter");
	CHECK(v.alternate && v.cursor_hidden && v.mouse && vt_find(&v, "meter") == 0 && vt_find(&v, "shell") < 0);
	after("\033]52;c;Zm9v\a");
	CHECK_STR(v.clipboard.data, "52;c;Zm9v");
	after("\033[?1006;1000l\033[?25h\033[?1049l");
	CHECK(!v.alternate && !v.cursor_hidden && !v.mouse && vt_find(&v, "shell") == 0);
	CHECK_INT(v.unknown, 0);
	vt_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(text_wraps_and_scrolls),
		TEST(sequences_move_erase_and_shift),
		TEST(characters_may_come_in_pieces_and_be_wide),
		TEST(modes_and_screens_are_kept_apart),
	};

	return RUN(tests);
}
