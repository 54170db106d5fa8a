/*
 * Signals and the terminal: what is told becomes bytes, what is fatal gives the
 * terminal back first and is then as fatal as it was.
 */
#include "app/crash.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/pty.h"
#include "tests/test.h"
#include "views/term.h"

static bool waits(void)
{
	struct pollfd p = { .fd = crash_fd(), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void signals_become_bytes_in_their_order(void **state)
{
	struct err e = { 0 };

	(void)state;
	CHECK(crash_arm(&e));
	CHECK(!waits());
	CHECK_INT(crash_next(), 0);
	raise(SIGWINCH);
	raise(SIGTERM);
	raise(SIGINT);
	CHECK(waits());
	CHECK_INT(crash_next(), SIGWINCH);
	CHECK_INT(crash_next(), SIGTERM);
	CHECK_INT(crash_next(), SIGINT);
	CHECK_INT(crash_next(), 0);
	CHECK(!waits());
	/* More than a pipe holds: no handler waits, none is lost that could still matter. */
	for (int i = 0; i < 100000; i++)
		raise(SIGWINCH);
	CHECK_INT(crash_next(), SIGWINCH);
	crash_disarm();
}

static int heard;

static void hear(int sig)
{
	heard = sig;
}

static void the_old_handlers_come_back(void **state)
{
	struct err e = { 0 };

	(void)state;
	signal(SIGTERM, hear);
	CHECK(crash_arm(&e));
	raise(SIGTERM);
	CHECK_INT(heard, 0);
	crash_disarm();
	crash_disarm();                 /* twice does nothing */
	raise(SIGTERM);
	CHECK_INT(heard, SIGTERM);
	signal(SIGTERM, SIG_DFL);
}

/* Far enough down, the stack is gone and the handler needs its own. */
static int fall(int depth)
{
	volatile char room[4096];

	room[0] = (char)depth;
	return depth < 0 ? room[0] : fall(depth + 1) + room[0];
}

static void be_struck(int sig)
{
	struct rlimit no_core = { 0, 0 };
	struct termios raw;
	struct err e = { 0 };

	setrlimit(RLIMIT_CORE, &no_core);
	tcgetattr(STDIN_FILENO, &raw);
	if (!crash_arm(&e))
		_exit(1);
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);      /* as curses does */
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	if (write(STDOUT_FILENO, "armed", 5) < 0)
		_exit(2);
	if (sig == SIGSEGV)
		_exit(fall(1));
	raise(sig);
	_exit(3);
}

static void a_fatal_signal_restores_the_terminal_and_stays_fatal(void **state)
{
	static const int fatal[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV };

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	SKIP("a sanitizer keeps fatal signals for itself");
#endif
	for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) {
		struct termios t;
		struct pty s;
		int status;

		if (pty_fork(&s, 10, 40))
			be_struck(fatal[i]);
		pty_expect(&s, "armed");
		pty_expect(&s, "\033[?25h");    /* the cursor */
		pty_expect(&s, "\033[?1049l");  /* the screen that was there */
		CHECK(tcgetattr(s.master, &t) == 0);
		CHECK(t.c_lflag & ICANON && t.c_lflag & ECHO);
		status = pty_finish(&s);
		CHECK(WIFSIGNALED(status));
		CHECK_INT(WTERMSIG(status), fatal[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(signals_become_bytes_in_their_order),
		TEST(the_old_handlers_come_back),
		TEST(a_fatal_signal_restores_the_terminal_and_stays_fatal),
	};

	return RUN(tests);
}
