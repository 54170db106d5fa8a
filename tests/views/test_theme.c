#include "tests/test.h"
#include "views/term.h"
#include "views/terminfo.h"
#include "views/theme.h"

static double luminance(int rgb)
{
	return 0.2126 * (rgb >> 16 & 255) + 0.7152 * (rgb >> 8 & 255) + 0.0722 * (rgb & 255);
}

static void every_ramp_keeps_its_order_in_grey(void **state)
{
	(void)state;
	for (int t = 0; t < n_themes; t++)
		for (int i = 1; i < RAMP; i++) {
			double step = luminance(themes[t].ramp[i]) - luminance(themes[t].ramp[i - 1]);

			CHECK(themes[t].light ? step < 0 : step > 0);
		}
}

static void without_colour_no_style_has_one(void **state)
{
	(void)state;
	for (int t = 0; t < n_themes; t++)
		for (int id = 0; id < 256; id++) {
			struct paint k = theme_paint(&themes[t], COLOR_NONE, (style_bits)id);

			CHECK(k.fg == -1 && k.bg == -1);
		}
}

static void colours_fit_the_terminal(void **state)
{
	static const struct { enum color_mode mode; int n; } modes[] = { { COLOR_8, 8 }, { COLOR_16, 16 }, { COLOR_256, 256 } };

	(void)state;
	for (size_t m = 0; m < 3; m++)
		for (int t = 0; t < n_themes; t++)
			for (int id = 0; id < 512; id++) {
				style_bits st = (style_bits)((id & 255) | (id > 255 ? STYLE_LIT : 0));
				struct paint k = theme_paint(&themes[t], modes[m].mode, st);

				CHECK(k.fg >= -1 && k.fg < modes[m].n);
				CHECK(k.bg >= -1 && k.bg < modes[m].n);
			}
}

static void exact_colours_of_the_cube_are_found(void **state)
{
	(void)state;
	CHECK_INT(theme_256(0x000000), 16);
	CHECK_INT(theme_256(0xffffff), 231);
	CHECK_INT(theme_256(0xff0000), 196);
	CHECK_INT(theme_256(0x808080), 244);
	CHECK_INT(theme_256(0x5f87af), 67);
}

static void colour_is_chosen_by_what_is_there_and_wanted(void **state)
{
	(void)state;
	CHECK_INT(term_choose_colors(WISH_AUTO, 256, false), COLOR_256);
	CHECK_INT(term_choose_colors(WISH_NONE, 256, false), COLOR_NONE);
	CHECK_INT(term_choose_colors(WISH_AUTO, 16, false), COLOR_16);
	CHECK_INT(term_choose_colors(WISH_AUTO, 8, false), COLOR_8);
	CHECK_INT(term_choose_colors(WISH_AUTO, 0, false), COLOR_NONE);
	CHECK_INT(term_choose_colors(WISH_AUTO, 1 << 24, true), COLOR_DIRECT);
	CHECK_INT(term_choose_colors(WISH_16, 256, false), COLOR_16);
	CHECK_INT(term_choose_colors(WISH_8, 256, false), COLOR_8);
	CHECK_INT(term_choose_colors(WISH_DIRECT, 256, false), COLOR_256);
	CHECK_INT(term_choose_colors(WISH_256, 8, false), COLOR_8);
	/* Where numbers are colours, a palette of 16 would be 16 shades of black. */
	CHECK_INT(term_choose_colors(WISH_16, 1 << 24, true), COLOR_DIRECT);
	CHECK_INT(term_choose_colors(WISH_NONE, 1 << 24, true), COLOR_NONE);
}

static void a_description_is_made_where_the_own_one_says_too_little(void **state)
{
	(void)state;
	CHECK_INT(term_choose_entry(WISH_AUTO, 256, NULL), 0);
	CHECK_INT(term_choose_entry(WISH_AUTO, 256, "yes"), 0);
	CHECK_INT(term_choose_entry(WISH_AUTO, 256, "truecolor"), TERMINFO_DIRECT);
	CHECK_INT(term_choose_entry(WISH_AUTO, 8, "24bit"), TERMINFO_DIRECT);
	CHECK_INT(term_choose_entry(WISH_DIRECT, 256, NULL), TERMINFO_DIRECT);
	CHECK_INT(term_choose_entry(WISH_256, 256, "truecolor"), 0);
	CHECK_INT(term_choose_entry(WISH_256, 8, NULL), TERMINFO_256);
	CHECK_INT(term_choose_entry(WISH_NONE, 256, "truecolor"), 0);
	CHECK_INT(term_choose_entry(WISH_AUTO, 1 << 24, "truecolor"), 0);
}

static void the_ground_of_the_terminal_chooses_the_theme(void **state)
{
	(void)state;
	CHECK(!theme_detect(NULL)->light);
	CHECK(!theme_detect("15;0")->light);
	CHECK(!theme_detect("12;8")->light);
	CHECK(theme_detect("0;15")->light);
	CHECK(theme_detect("0;default;7")->light);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_ramp_keeps_its_order_in_grey),
		TEST(without_colour_no_style_has_one),
		TEST(colours_fit_the_terminal),
		TEST(exact_colours_of_the_cube_are_found),
		TEST(colour_is_chosen_by_what_is_there_and_wanted),
		TEST(a_description_is_made_where_the_own_one_says_too_little),
		TEST(the_ground_of_the_terminal_chooses_the_theme),
	};

	return RUN(tests);
}
