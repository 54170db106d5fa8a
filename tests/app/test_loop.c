/*
 * The real program loop in a pseudo-terminal, on a source that takes seconds for
 * a token: keys, resize, suspension, interrupts and crashes.  Nothing is timed;
 * what is waited for is what must appear.  A threaded test (the source's thread,
 * in the child).
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "app/screen.h"
#include "engine/base/buf.h"
#include "engine/base/clock.h"
#include "engine/base/utf8.h"
#include "tests/fake_source.h"
#include "tests/test.h"

#define ENTERED "\033[?1049h"
#define LEFT    "\033[?1049l"

struct session {
	int master;
	pid_t pid;
	struct buf seen;
	size_t from;                    /* what came before has been looked at */
};

static void child(const char *slave, int slow_ms)
{
	struct source *src;
	struct err e = { 0 };
	bool ok;
	int fd;

	/* Masters of tests that failed would keep their terminals from hanging up. */
	for (int i = 3; i < 64; i++)
		close(i);
	fd = open(slave, O_RDWR);
	ioctl(fd, TIOCSCTTY, 0);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	setenv("TERM", "xterm-256color", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	unsetenv("COLORTERM");
	src = fake_open(&(struct fake_options){ .slow_ms = slow_ms });
	ok = screen_run(&(struct screen_options){ .source = src, .prompt = "Once upon", .alone = true }, &e);
	source_close(src);
	_exit(ok ? 0 : (int)e.code);
}

static void start(struct session *s, int slow_ms)
{
	struct winsize w = { .ws_row = 40, .ws_col = 120 };

	*s = (struct session){ .master = posix_openpt(O_RDWR | O_NOCTTY) };
	CHECK(s->master >= 0 && grantpt(s->master) == 0 && unlockpt(s->master) == 0);
	ioctl(s->master, TIOCSWINSZ, &w);
	s->pid = fork();
	if (s->pid == 0) {
		setsid();
		/* Whoever runs the tests may ignore them (nohup does); a user's shell does not. */
		signal(SIGHUP, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		child(ptsname(s->master), slow_ms);
	}
	CHECK(s->pid > 0);
}

/* A screen that shows a waiting token never falls silent, so what does not come
 * is given up after so many seconds; nothing else depends on time. */
enum { PATIENCE = 20 };

static void give_up(struct session *s, const char *text)
{
	struct buf tail = { 0 };

	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	utf8_escape(s->seen.data + s->from, s->seen.len - s->from, &tail);
	print_error("what came last: %s\n", tail.data + (tail.len > 900 ? tail.len - 900 : 0));
	fail_msg("\"%s\" did not appear", text + (*text == '\033'));
}

/* Reads until `text` has appeared behind what was looked at before. */
static void expect(struct session *s, const char *text)
{
	char bytes[8192];

	for (uint64_t end = clock_ns() + PATIENCE * 1000000000ull;;) {
		struct pollfd p = { .fd = s->master, .events = POLLIN };
		const char *at = s->seen.data ? strstr(s->seen.data + s->from, text) : NULL;
		ssize_t n;

		if (at) {
			s->from = (size_t)(at - s->seen.data) + strlen(text);
			return;
		}
		if (clock_ns() > end || poll(&p, 1, 10000) <= 0 ||
		    (n = read(s->master, bytes, sizeof bytes)) <= 0)
			give_up(s, text);
		else
			for (ssize_t i = 0; i < n; i++)         /* a NUL would end strstr */
				buf_char(&s->seen, bytes[i] ? bytes[i] : ' ');
	}
}

static void type(struct session *s, const char *keys)
{
	CHECK(write(s->master, keys, strlen(keys)) == (ssize_t)strlen(keys));
}

static int finish(struct session *s)
{
	int status;

	CHECK(waitpid(s->pid, &status, 0) == s->pid);
	close(s->master);
	buf_free(&s->seen);
	return status;
}

static void keys_are_answered_while_a_token_takes_seconds(void **state)
{
	struct session s;

	(void)state;
	start(&s, 3600 * 1000);         /* not one token comes */
	expect(&s, "timeline");
	type(&s, "7");
	expect(&s, "sampler");
	type(&s, "8");
	expect(&s, "edits");
	type(&s, "q?");
	expect(&s, "Right");
	type(&s, "q:");
	type(&s, "say hello-from-the-prompt\r0\014");        /* the log, sent whole */
	expect(&s, "hello-from-the-prompt");
	type(&s, ":quit\r");
	expect(&s, LEFT);
	CHECK_INT(finish(&s), 0);
}

static void q_leaves_with_status_0(void **state)
{
	struct session s;

	(void)state;
	start(&s, 20);
	expect(&s, ENTERED);
	expect(&s, "Once");
	type(&s, "q");
	expect(&s, LEFT);
	CHECK_INT(finish(&s), 0);
}

static void resize(struct session *s, int rows, int cols)
{
	struct winsize w = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };

	ioctl(s->master, TIOCSWINSZ, &w);
}

static void any_size_at_any_moment(void **state)
{
	struct session s;

	(void)state;
	start(&s, 3600 * 1000);
	expect(&s, "timeline");
	resize(&s, 5, 20);
	expect(&s, "clampmeter");
	resize(&s, 24, 80);
	expect(&s, "timeline");
	resize(&s, 60, 200);
	expect(&s, "sampler");
	for (int i = 0; i < 40; i++)
		resize(&s, 1 + i * 7 % 60, 1 + i * 31 % 200);
	resize(&s, 30, 100);
	type(&s, ":quit\r");
	expect(&s, LEFT);
	CHECK_INT(finish(&s), 0);
}

static void interrupt_holds_then_leaves(void **state)
{
	struct session s;
	int status;

	(void)state;
	start(&s, 3600 * 1000);
	expect(&s, "reading");
	type(&s, "\003");
	expect(&s, "again");
	type(&s, "\003");
	expect(&s, LEFT);
	status = finish(&s);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), ERR_INTERRUPTED);
}

static void a_signal_gives_the_terminal_back(void **state)
{
	static const int signals[] = { SIGTERM, SIGHUP, SIGSEGV, SIGABRT };

	(void)state;
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		struct session s;
		int status;

		start(&s, 3600 * 1000);
		expect(&s, "timeline");
		kill(s.pid, signals[i]);
		expect(&s, LEFT);
		status = finish(&s);
		CHECK(WIFSIGNALED(status));
		CHECK_INT(WTERMSIG(status), signals[i]);
	}
}

static void suspension_gives_the_terminal_back_and_takes_it_again(void **state)
{
	struct session s;
	int status;

	(void)state;
	start(&s, 3600 * 1000);
	expect(&s, "timeline");
	/* An orphaned group is not stopped by SIGTSTP, and the child of a test is
	 * one; what shows is that the terminal went and came. */
	kill(s.pid, SIGTSTP);
	expect(&s, LEFT);
	if (waitpid(s.pid, &status, WUNTRACED | WNOHANG) == s.pid)
		CHECK(WIFSTOPPED(status));
	kill(s.pid, SIGCONT);
	expect(&s, ENTERED);
	expect(&s, "timeline");
	type(&s, "\014");               /* ^L */
	expect(&s, "timeline");
	type(&s, "q");
	expect(&s, LEFT);
	CHECK_INT(finish(&s), 0);
}

static void without_a_terminal_it_says_what_to_use(void **state)
{
	struct source *src = fake_open(&(struct fake_options){ 0 });
	int out = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY);
	struct err e = { 0 };
	bool ok;

	(void)state;
	fflush(stdout);
	dup2(null, STDOUT_FILENO);
	ok = screen_run(&(struct screen_options){ .source = src, .alone = true }, &e);
	dup2(out, STDOUT_FILENO);
	close(out);
	close(null);
	CHECK(!ok);
	CHECK_INT(e.code, ERR_USAGE);
	CHECK(strstr(e.msg, "clampmeter run"));
	source_close(src);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_are_answered_while_a_token_takes_seconds),
		TEST(q_leaves_with_status_0),
		TEST(any_size_at_any_moment),
		TEST(interrupt_holds_then_leaves),
		TEST(a_signal_gives_the_terminal_back),
		TEST(suspension_gives_the_terminal_back_and_takes_it_again),
		TEST(without_a_terminal_it_says_what_to_use),
	};

	return RUN(tests);
}
