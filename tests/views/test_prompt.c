#include <stdlib.h>

#include "tests/test.h"
#include "views/prompt.h"

static struct canvas c;

static void sized(int rows, int cols)
{
	canvas_free(&c);
	CHECK(canvas_new(&c, rows, cols));
	canvas_clear(&c);
}

static const char *screen(void)
{
	static struct buf b;

	buf_clear(&b);
	canvas_dump(&c, &b);
	return b.data;
}

static void the_line_stands_below_with_its_cursor(void **state)
{
	struct prompt_view p = { .prompt = ":", .text = "step 3", .point = 4 };

	(void)state;
	sized(3, 20);
	CHECK_INT(prompt_draw(&c, &p), 5);
	CHECK_STR(screen(), "\n\n:step 3\n");
}

static void a_hint_follows_where_there_is_room(void **state)
{
	struct prompt_view p = { .prompt = ":", .text = "step ", .point = 5, .hint = "n: a whole number" };

	(void)state;
	sized(1, 30);
	prompt_draw(&c, &p);
	CHECK_STR(screen(), ":step   n: a whole number\n");
	sized(1, 16);
	prompt_draw(&c, &p);
	CHECK_STR(screen(), ":step   n: a w\xe2\x80\xa6\n");
	sized(1, 8);
	prompt_draw(&c, &p);
	CHECK_STR(screen(), ":step\n");
}

static void a_long_line_scrolls_so_that_the_cursor_is_in_sight(void **state)
{
	struct prompt_view p = { .prompt = ":", .text = "abcdefghijklmnopqrstuvwxyz", .point = 26 };

	(void)state;
	sized(1, 10);
	CHECK_INT(prompt_draw(&c, &p), 8);
	CHECK_STR(screen(), ":tuvwxyz\n");
	p.point = 0;
	CHECK_INT(prompt_draw(&c, &p), 1);
	CHECK_STR(screen(), ":abcdefghi\n");
}

/* Wide characters take two columns, and the cursor stands behind them. */
static void the_cursor_counts_columns_not_bytes(void **state)
{
	struct prompt_view p = { .prompt = ":", .text = "say \xe5\xbf\xab!", .point = 7 };

	(void)state;
	sized(1, 20);
	CHECK_INT(prompt_draw(&c, &p), 7);
}

/* A pasted control sequence is shown, not sent. */
static void what_is_typed_is_escaped(void **state)
{
	struct prompt_view p = { .prompt = ":", .text = "say \033[2J", .point = 0 };

	(void)state;
	sized(1, 30);
	prompt_draw(&c, &p);
	CHECK(!strchr(screen(), '\033'));
	CHECK(strstr(screen(), "say "));
}

static void a_menu_is_as_high_as_it_must_be(void **state)
{
	static const char *const words[] = { "clamp", "compare", "copy", "cursor", "steer" };
	struct prompt_view p = { .prompt = ":", .text = "", .matches = words, .n_matches = 5 };

	(void)state;
	CHECK_INT(prompt_menu_rows(&p, 80, 8), 1);
	CHECK_INT(prompt_menu_rows(&p, 20, 8), 3);
	CHECK_INT(prompt_menu_rows(&p, 5, 8), 5);
	CHECK_INT(prompt_menu_rows(&p, 5, 2), 2);
	sized(3, 20);
	prompt_draw_menu(&c, &p);
	CHECK_STR(screen(), " clamp    compare\n copy     cursor\n steer\n");
	sized(2, 20);
	prompt_draw_menu(&c, &p);
	CHECK_STR(screen(), " clamp    compare\n copy    and 2 more\n");
}

static int release(void **state)
{
	(void)state;
	canvas_free(&c);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_line_stands_below_with_its_cursor),
		TEST(a_hint_follows_where_there_is_room),
		TEST(a_long_line_scrolls_so_that_the_cursor_is_in_sight),
		TEST(the_cursor_counts_columns_not_bytes),
		TEST(what_is_typed_is_escaped),
		TEST(a_menu_is_as_high_as_it_must_be),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
