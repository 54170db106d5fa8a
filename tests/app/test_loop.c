/*
 * The real program loop in a pseudo-terminal, on a source that takes seconds for
 * a token: keys, resize, suspension, interrupts and crashes.  Nothing is timed;
 * what is waited for is what must appear.  A threaded test (the source's thread,
 * in the child).
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/screen.h"
#include "tests/fake_source.h"
#include "tests/pty.h"
#include "tests/test.h"

#define ENTERED "\033[?1049h"
#define LEFT    "\033[?1049l"

static void start(struct pty *s, int slow_ms)
{
	struct source *src;
	struct err e = { 0 };
	bool ok;

	if (!pty_fork(s, 40, 120))
		return;
	src = fake_open(&(struct fake_options){ .slow_ms = slow_ms });
	ok = screen_run(&(struct screen_options){ .source = src, .prompt = "Once upon", .alone = true }, &e);
	source_close(src);
	_exit(ok ? 0 : (int)e.code);
}

static void keys_are_answered_while_a_token_takes_seconds(void **state)
{
	struct pty s;

	(void)state;
	start(&s, 3600 * 1000);         /* not one token comes */
	pty_expect(&s, "timeline");
	pty_type(&s, "7");
	pty_expect(&s, "sampler");
	pty_type(&s, "8");
	pty_expect(&s, "edits");
	pty_type(&s, "q?");
	pty_expect(&s, "Right");
	pty_type(&s, "q:");
	pty_type(&s, "say hello-from-the-prompt\r0\014");        /* the log, sent whole */
	pty_expect(&s, "hello-from-the-prompt");
	pty_type(&s, ":quit\r");
	pty_expect(&s, LEFT);
	CHECK_INT(pty_finish(&s), 0);
}

static void q_leaves_with_status_0(void **state)
{
	struct pty s;

	(void)state;
	start(&s, 20);
	pty_expect(&s, ENTERED);
	pty_expect(&s, "Once");
	pty_type(&s, "q");
	pty_expect(&s, LEFT);
	CHECK_INT(pty_finish(&s), 0);
}

static void any_size_at_any_moment(void **state)
{
	struct pty s;

	(void)state;
	start(&s, 3600 * 1000);
	pty_expect(&s, "timeline");
	pty_resize(&s, 5, 20);
	pty_expect(&s, "clampmeter");
	pty_resize(&s, 24, 80);
	pty_expect(&s, "timeline");
	pty_resize(&s, 60, 200);
	pty_expect(&s, "sampler");
	for (int i = 0; i < 40; i++)
		pty_resize(&s, 1 + i * 7 % 60, 1 + i * 31 % 200);
	pty_resize(&s, 30, 100);
	pty_type(&s, ":quit\r");
	pty_expect(&s, LEFT);
	CHECK_INT(pty_finish(&s), 0);
}

static void interrupt_holds_then_leaves(void **state)
{
	struct pty s;
	int status;

	(void)state;
	start(&s, 3600 * 1000);
	pty_expect(&s, "reading");
	pty_type(&s, "\003");
	pty_expect(&s, "again");
	pty_type(&s, "\003");
	pty_expect(&s, LEFT);
	status = pty_finish(&s);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), ERR_INTERRUPTED);
}

static void a_signal_gives_the_terminal_back(void **state)
{
	static const int signals[] = { SIGTERM, SIGHUP, SIGSEGV, SIGABRT };

	(void)state;
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		struct pty s;
		int status;

		start(&s, 3600 * 1000);
		pty_expect(&s, "timeline");
		kill(s.pid, signals[i]);
		pty_expect(&s, LEFT);
		status = pty_finish(&s);
		CHECK(WIFSIGNALED(status));
		CHECK_INT(WTERMSIG(status), signals[i]);
	}
}

static void suspension_gives_the_terminal_back_and_takes_it_again(void **state)
{
	struct pty s;
	int status;

	(void)state;
	start(&s, 3600 * 1000);
	pty_expect(&s, "timeline");
	/* An orphaned group is not stopped by SIGTSTP, and the child of a test is
	 * one; what shows is that the terminal went and came. */
	kill(s.pid, SIGTSTP);
	pty_expect(&s, LEFT);
	if (waitpid(s.pid, &status, WUNTRACED | WNOHANG) == s.pid)
		CHECK(WIFSTOPPED(status));
	kill(s.pid, SIGCONT);
	pty_expect(&s, ENTERED);
	pty_expect(&s, "timeline");
	pty_type(&s, "\014");               /* ^L */
	pty_expect(&s, "timeline");
	pty_type(&s, "q");
	pty_expect(&s, LEFT);
	CHECK_INT(pty_finish(&s), 0);
}

static void y_asks_the_terminal_for_its_clipboard(void **state)
{
	struct pty s;

	(void)state;
	start(&s, 3600 * 1000);
	pty_expect(&s, "timeline");
	pty_type(&s, "4y");             /* the first head */
	pty_expect(&s, "\033]52;c;TDAuSDA=\a");
	pty_expect(&s, "copied: L0.H0");
	pty_type(&s, "q");
	pty_expect(&s, LEFT);
	CHECK_INT(pty_finish(&s), 0);
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
		TEST(y_asks_the_terminal_for_its_clipboard),
		TEST(without_a_terminal_it_says_what_to_use),
	};

	return RUN(tests);
}
