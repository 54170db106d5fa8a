#include "tests/pty.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/utf8.h"
#include "tests/test.h"

/* A screen that shows a waiting token never falls silent, so what does not come
 * is given up after so many seconds; nothing else depends on time. */
enum { PATIENCE = 20 };

static void be_the_child(const char *slave)
{
	int fd;

	setsid();
	/* Whoever runs the tests may ignore them (nohup does); a user's shell does not. */
	signal(SIGHUP, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
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
	unsetenv("COLORFGBG");
	unsetenv("NO_COLOR");
	unsetenv("TMUX");
}

bool pty_fork(struct pty *s, int rows, int cols)
{
	struct winsize w = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };

	*s = (struct pty){ .master = posix_openpt(O_RDWR | O_NOCTTY) };
	CHECK(s->master >= 0 && grantpt(s->master) == 0 && unlockpt(s->master) == 0);
	ioctl(s->master, TIOCSWINSZ, &w);
	s->pid = fork();
	CHECK(s->pid >= 0);
	if (s->pid == 0)
		be_the_child(ptsname(s->master));
	return s->pid == 0;
}

static void give_up(struct pty *s, const char *what)
{
	struct buf tail = { 0 };

	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	if (s->seen.len)
		utf8_escape(s->seen.data + s->from, s->seen.len - s->from, &tail);
	print_error("what came last: %s\n", tail.len ? tail.data + (tail.len > 900 ? tail.len - 900 : 0) : "nothing");
	fail_msg("\"%s\" did not appear", what + (*what == '\033'));
}

void pty_until(struct pty *s, bool (*holds)(struct pty *s, void *of), void *of, const char *what)
{
	char bytes[8192];

	for (uint64_t end = clock_ns() + PATIENCE * 1000000000ull; !holds(s, of);) {
		struct pollfd p = { .fd = s->master, .events = POLLIN };
		ssize_t n;

		if (clock_ns() > end || poll(&p, 1, 10000) <= 0 || (n = read(s->master, bytes, sizeof bytes)) <= 0)
			give_up(s, what);
		else
			for (ssize_t i = 0; i < n; i++)         /* a NUL would end strstr */
				buf_char(&s->seen, bytes[i] ? bytes[i] : ' ');
	}
}

static bool has_come(struct pty *s, void *of)
{
	const char *text = of, *at = s->seen.data ? strstr(s->seen.data + s->from, text) : NULL;

	if (at)
		s->from = (size_t)(at - s->seen.data) + strlen(text);
	return at != NULL;
}

void pty_expect(struct pty *s, const char *text)
{
	pty_until(s, has_come, (void *)(uintptr_t)text, text);
}

void pty_type(struct pty *s, const char *keys)
{
	CHECK(write(s->master, keys, strlen(keys)) == (ssize_t)strlen(keys));
}

void pty_resize(struct pty *s, int rows, int cols)
{
	struct winsize w = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };

	ioctl(s->master, TIOCSWINSZ, &w);
}

int pty_finish(struct pty *s)
{
	int status;

	CHECK(waitpid(s->pid, &status, 0) == s->pid);
	close(s->master);
	buf_free(&s->seen);
	return status;
}
