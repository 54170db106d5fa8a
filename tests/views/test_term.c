/*
 * The terminal, seen from outside: what is sent to a pseudo-terminal for a canvas,
 * how many colours, and that it is given back. 
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/pty.h"
#include "tests/test.h"
#include "views/term.h"

struct setting {
	const char *term, *colorterm;
	enum color_wish wish;
	bool mouse;
};

/* One cell of the ramp, a line of letters, then what the program thinks it can do. */
static void show_and_leave(const struct setting *as)
{
	struct term_options o = { .color = as->wish, .no_mouse = !as->mouse };
	struct canvas c;
	struct err e = { 0 };
	char line[80];

	setenv("TERM", as->term, 1);
	if (as->colorterm)
		setenv("COLORTERM", as->colorterm, 1);
	if (!term_start(&o, &e) || !canvas_new(&c, 10, 40))
		_exit(1);
	canvas_clear(&c);
	canvas_str(&c, 0, 0, style_heat(0), "low");
	canvas_str(&c, 0, 10, style_ground(RAMP - 1), "high");
	canvas_str(&c, 1, 0, STYLE_TEXT, "plain");
	term_show(&c, -1, 0);
	snprintf(line, sizeof line, "mode=%d terminfo=%s\r\n", term_color_mode(), getenv("TERMINFO") ? "set" : "unset");
	term_stop();
	canvas_free(&c);
	if (write(STDOUT_FILENO, line, strlen(line)) < 0)
		_exit(2);
	_exit(0);
}

static void expect_in(const struct setting *as, const char *const *wanted, const char *never)
{
	struct pty s;

	if (pty_fork(&s, 10, 40))
		show_and_leave(as);
	for (int i = 0; wanted[i]; i++)
		pty_expect(&s, wanted[i]);
	if (never && strstr(s.seen.data, never))
		fail_msg("%s: \"%s\" was sent", as->term, never + (*never == '\033'));
	CHECK_INT(pty_finish(&s), 0);
}

/* The first and the last colour of the dark ramp, as views/themes.def has them. */
#define LOW  "\033[38;2;113;126;171m"
#define HIGH "48;2;250;233;75m"

static void colorterm_gives_24_bit_colours_without_an_entry_for_them(void **state)
{
	static const char *const terms[] = { "xterm-256color", "tmux-256color", "screen-256color", "xterm" };
	static const char *const direct[] = { "\033[?1049h", LOW, HIGH, "high", "plain", "\033[?1049l", "mode=4 terminfo=unset", NULL };

	(void)state;
	for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
		/* screen's entry has another way to the alternate screen, or none. */
		const char *const *from = strncmp(terms[i], "screen", 6) ? direct : direct + 1;

		expect_in(&(struct setting){ terms[i], "truecolor", WISH_AUTO, false }, from, "]4;");
	}
}

static void no_palette_is_touched_and_none_has_to_be_restored(void **state)
{
	static const char *const all[] = { "low", "plain", "terminfo=unset", NULL };

	(void)state;
	expect_in(&(struct setting){ "xterm-256color", "truecolor", WISH_AUTO, false }, all, "\033]104");
	expect_in(&(struct setting){ "xterm-256color", NULL, WISH_AUTO, false }, all, "\033]4;");
}

static void without_the_word_of_the_terminal_there_are_256(void **state)
{
	static const char *const indexed[] = { "38;5;", "low", "48;5;", "high", "mode=3", NULL };

	(void)state;
	expect_in(&(struct setting){ "xterm-256color", NULL, WISH_AUTO, false }, indexed, "8;2;");
	expect_in(&(struct setting){ "xterm-256color", "truecolor", WISH_256, false }, indexed, "8;2;");
	/* An entry of eight colours is believed, unless --color knows better. */
	expect_in(&(struct setting){ "xterm", NULL, WISH_256, false }, indexed, "8;2;");
}

static void fewer_colours_on_request(void **state)
{
	static const char *const sixteen[] = { "low", "high", "mode=2", NULL }, *const eight[] = { "low", "mode=1", NULL },
	    *const none[] = { "low", "mode=0", NULL };

	(void)state;
	expect_in(&(struct setting){ "xterm-256color", "truecolor", WISH_16, false }, sixteen, "8;5;");
	expect_in(&(struct setting){ "xterm", NULL, WISH_AUTO, false }, eight, "8;5;");
	expect_in(&(struct setting){ "xterm-256color", "truecolor", WISH_NONE, false }, none, "8;2;");
}

/* What the terminal's own entry says of the mouse is in the one made from it. */
static void the_mouse_works_in_24_bit(void **state)
{
	static const char *const asked[] = { "\033[?1006;1000h", "\033[?1006;1000l", "mode=4", NULL };

	(void)state;
	expect_in(&(struct setting){ "xterm-256color", "truecolor", WISH_AUTO, true }, asked, NULL);
}

static void the_users_terminfo_variable_stays(void **state)
{
	struct pty s;

	(void)state;
	if (pty_fork(&s, 10, 40)) {
		setenv("TERMINFO", "/nowhere", 1);
		show_and_leave(&(struct setting){ "xterm-256color", "truecolor", WISH_AUTO, false });
	}
	pty_expect(&s, "terminfo=set");
	CHECK_INT(pty_finish(&s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(colorterm_gives_24_bit_colours_without_an_entry_for_them),
		TEST(no_palette_is_touched_and_none_has_to_be_restored),
		TEST(without_the_word_of_the_terminal_there_are_256),
		TEST(fewer_colours_on_request),
		TEST(the_mouse_works_in_24_bit),
		TEST(the_users_terminfo_variable_stays),
	};

	return RUN(tests);
}
