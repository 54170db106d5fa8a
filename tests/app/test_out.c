#include "app/out.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(text_for_a_pipe_passes_but_for_the_escape_byte),
		TEST(a_full_disk_is_an_error_with_the_name_of_the_file),
		TEST(a_reader_that_left_is_an_error_without_words),
	};
	return RUN(tests);
}
