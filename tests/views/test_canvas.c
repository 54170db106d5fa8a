#include <stdlib.h>

#include "tests/test.h"
#include "views/canvas.h"

static void dump_is(const struct canvas *c, const char *want)
{
	struct buf out = { 0 };

	canvas_dump(c, &out);
	CHECK_STR(out.data, want);
	buf_free(&out);
}

static void what_is_drawn_is_clipped_to_its_window(void **state)
{
	struct canvas c, sub;

	(void)state;
	CHECK(canvas_new(&c, 3, 8));
	canvas_fill(&c, (struct rect){ 0, 0, 3, 8 }, 0, '.');
	sub = canvas_sub(&c, (struct rect){ 1, 2, 1, 3 });
	canvas_str(&sub, 0, -1, 0, "abcdefgh");
	canvas_str(&sub, 1, 0, 0, "below");
	canvas_str(&sub, -1, 0, 0, "above");
	dump_is(&c, "........\n..bcd...\n........\n");
	canvas_free(&c);
}

static void half_a_wide_character_is_never_left(void **state)
{
	struct canvas c;

	(void)state;
	CHECK(canvas_new(&c, 1, 6));
	CHECK_INT(canvas_str(&c, 0, 0, 0, "中国x"), 5);
	dump_is(&c, "中国x\n");
	canvas_put(&c, 0, 1, 0, 'a');           /* onto a right half */
	dump_is(&c, " a国x\n");
	canvas_put(&c, 0, 2, 0, 'b');           /* onto a left half */
	dump_is(&c, " ab x\n");
	canvas_put(&c, 0, 5, 0, 0x4e2d);        /* no room for both halves */
	dump_is(&c, " ab x\n");
	canvas_free(&c);
}

static void a_window_cut_through_a_wide_character_stays_whole(void **state)
{
	struct canvas c, sub;

	(void)state;
	CHECK(canvas_new(&c, 1, 6));
	canvas_str(&c, 0, 0, 0, "a中b");
	sub = canvas_sub(&c, (struct rect){ 0, 2, 1, 4 });
	canvas_put(&sub, 0, 0, 0, 'x');
	dump_is(&c, "a xb\n");
	canvas_free(&c);
}

static void no_control_character_gets_into_a_cell(void **state)
{
	static const uint32_t bad[] = { 0, 7, 8, 9, 10, 13, 27, 127, 0x80, 0x9b, 0x200b, 0x202e, 0xfeff, 0xe0041, 0x110000 };
	struct canvas c;

	(void)state;
	CHECK(canvas_new(&c, 1, 2));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		canvas_put(&c, 0, 0, 0, bad[i]);
		CHECK_INT(c.cells[0].ch, '?');
	}
	canvas_free(&c);
}

static void combining_characters_take_no_cell(void **state)
{
	struct canvas c;

	(void)state;
	CHECK(canvas_new(&c, 1, 4));
	CHECK_INT(canvas_str(&c, 0, 0, 0, "e\xcc\x81x"), 2);
	dump_is(&c, "ex\n");
	canvas_free(&c);
}

static void lines_join_where_they_meet(void **state)
{
	struct canvas c;

	(void)state;
	CHECK(canvas_new(&c, 4, 5));
	canvas_hline(&c, 1, 0, 5, 0);
	canvas_vline(&c, 1, 2, 3, 0);
	dump_is(&c, "\n──┬──\n  │\n  │\n");
	canvas_hline(&c, 3, 2, 3, 0);
	dump_is(&c, "\n──┬──\n  │\n  ├──\n");
	c.ascii = true;
	dump_is(&c, "\n--+--\n  |\n  +--\n");
	canvas_free(&c);
}

static void text_that_does_not_fit_says_so(void **state)
{
	struct canvas c;

	(void)state;
	CHECK(canvas_new(&c, 1, 8));
	canvas_fit(&c, 0, 0, 5, 0, "abcdefg");
	dump_is(&c, "abcd…\n");
	canvas_clear(&c);
	canvas_fit(&c, 0, 0, 5, 0, "ab中国");
	dump_is(&c, "ab中…\n");
	canvas_free(&c);
}

static void ascii_shows_ascii_only(void **state)
{
	struct canvas c;

	(void)state;
	CHECK(canvas_new(&c, 1, 8));
	c.ascii = true;
	canvas_str(&c, 0, 0, 0, "é…");
	canvas_glyph(&c, 0, 4, 0, GLYPH_MORE);
	dump_is(&c, "??  ~\n");
	canvas_free(&c);
}

static void light_keeps_colours(void **state)
{
	struct canvas c;

	(void)state;
	CHECK(canvas_new(&c, 1, 2));
	canvas_put(&c, 0, 0, STYLE_BAR, 'x');
	canvas_light(&c, 0, 0, 2);
	CHECK_INT(c.cells[0].style, STYLE_BAR | STYLE_LIT);
	canvas_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_drawn_is_clipped_to_its_window),
		TEST(half_a_wide_character_is_never_left),
		TEST(a_window_cut_through_a_wide_character_stays_whole),
		TEST(no_control_character_gets_into_a_cell),
		TEST(combining_characters_take_no_cell),
		TEST(lines_join_where_they_meet),
		TEST(text_that_does_not_fit_says_so),
		TEST(ascii_shows_ascii_only),
		TEST(light_keeps_colours),
	};

	return RUN(tests);
}
