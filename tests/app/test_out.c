#include "app/out.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "tests/test.h"

/* What out_text() makes of it when standard output is no terminal, as in tests. */
static void shows(const char *text, const char *expected)
{
	struct buf b = {.data = NULL};

	out_text(&b, text, strlen(text));
	CHECK_STR(b.len ? b.data : "", expected);
	buf_free(&b);
}

static void text_for_a_pipe_passes_but_for_the_escape_byte(void **state)
{
	(void)state;
	if (isatty(STDOUT_FILENO))
		SKIP("standard output is a terminal");
	shows("", "");
	shows("one\ttwo\nthree \xc3\xa9", "one\ttwo\nthree \xc3\xa9");
	shows("\x1b[2Jab\x1b", "\\x1B[2Jab\\x1B");
}

static void a_full_disk_is_an_error_with_the_name_of_the_file(void **state)
{
	int fd = open("/dev/full", O_WRONLY);
	struct err e;

	(void)state;
	if (fd < 0)
		SKIP("/dev/full is not there");
	CHECK(!out_fd_write(fd, "the trace", "x", 1, &e));
	CHECK_INT(e.code, ERR_RUN);
	CHECK(strstr(e.msg, "the trace") != NULL);
	close(fd);
}

/* The write end of a pipe that nobody reads any more; SIGPIPE is off, as in main(). */
static void a_reader_that_left_is_an_error_without_words(void **state)
{
	int ends[2];
	struct err e = {.code = ERR_NONE};

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	CHECK(!pipe(ends));
	close(ends[0]);
	CHECK(!out_fd_write(ends[1], "standard output", "x", 1, &e));
	CHECK_INT(e.code, ERR_RUN);
	CHECK_STR(e.msg, "");
	close(ends[1]);
}

/* Standard error on a terminal of 60 columns: what came out of it. */
static void on_a_terminal(void (*show)(void), char *seen, size_t room)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), old = dup(STDERR_FILENO), slave;
	ssize_t n;

	CHECK(master >= 0 && !grantpt(master) && !unlockpt(master));
	CHECK((slave = open(ptsname(master), O_RDWR | O_NOCTTY)) >= 0);
	CHECK(!ioctl(slave, TIOCSWINSZ, &(struct winsize){.ws_row = 24, .ws_col = 60}));
	fflush(stderr);
	dup2(slave, STDERR_FILENO);
	show();
	fputs("|", stderr);
	fflush(stderr);
	n = read(master, seen, room - 1);
	dup2(old, STDERR_FILENO);
	close(old);
	close(slave);
	close(master);
	CHECK(n > 0);
	seen[n] = 0;
}

static void a_quick_one(void)
{
	clock_fake(1000000000);
	out_bar(0, "reading %d files", 3);
	clock_fake(1400000000);
	out_bar(0.9, "reading %d files", 3);
	out_progress_end();
}

static void a_slow_one(void)
{
	clock_fake(1000000000);
	out_bar(0, "writing %d files", 3);
	clock_fake(2000000000);
	out_bar(0.25, "writing %d files", 3);
	clock_fake(2000000001);
	out_bar(0.26, "writing %d files", 3);   /* too soon to be worth a line */
}

static void a_bar_comes_when_it_is_worth_one_and_never_wraps(void **state)
{
	char seen[512];

	(void)state;
	on_a_terminal(a_quick_one, seen, sizeof seen);
	CHECK_STR(seen, "|");
	on_a_terminal(a_slow_one, seen, sizeof seen);
	CHECK_STR(seen, "\rwriting 3 files [######..................] 25 %  0:03 left|");
	clock_fake(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(text_for_a_pipe_passes_but_for_the_escape_byte),
		TEST(a_full_disk_is_an_error_with_the_name_of_the_file),
		TEST(a_bar_comes_when_it_is_worth_one_and_never_wraps),
		TEST(a_reader_that_left_is_an_error_without_words),
	};
	return RUN(tests);
}
