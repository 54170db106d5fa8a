#include "app/out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/utf8.h"

/* Lock-free, so a handler may set it and any thread may look. */
static atomic_bool asked_to_stop;
static size_t progress_width;

void out_init(void)
{
	/* Read-only in the place of standard output: a write says EBADF. */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY) != fd)
			return;
}

/* True when the write may be tried again. */
static bool wait_for_room(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	if (errno == EINTR)
		return true;
	return (errno == EAGAIN || errno == EWOULDBLOCK) && poll(&p, 1, -1) >= 0;
}

bool out_fd_write(int fd, const char *name, const void *p, size_t n, struct err *e)
{
	const char *s = p;

	while (n) {
		ssize_t w = write(fd, s, n);

		if (w >= 0) {
			s += w;
			n -= (size_t)w;
		} else if (errno == EPIPE) {
			return err_set(e, ERR_RUN, "%s", "");
		} else if (!wait_for_room(fd)) {
			return err_set(e, ERR_RUN, "writing %s: %s", name, strerror(errno));
		}
	}
	return true;
}

bool out_write(const void *p, size_t n, struct err *e)
{
	return out_fd_write(STDOUT_FILENO, "standard output", p, n, e);
}

/* Text between two bytes that get a treatment of their own. */
static void add_stretch(struct buf *to, const char *s, size_t n, bool terminal)
{
	if (terminal)
		utf8_escape(s, n, to);
	else
		buf_add(to, s, n);
}

void out_text(struct buf *to, const char *s, size_t n)
{
	bool terminal = isatty(STDOUT_FILENO);
	size_t from = 0;

	for (size_t i = 0; i < n; i++) {
		bool passes = terminal && (s[i] == '\n' || s[i] == '\t');

		if (!passes && s[i] != '\x1b')
			continue;
		add_stretch(to, s + from, i - from, terminal);
		if (passes)
			buf_char(to, s[i]);
		else
			buf_str(to, "\\x1B");
		from = i + 1;
	}
	add_stretch(to, s + from, n - from, terminal);
}

void out_note(const char *fmt, ...)
{
	va_list ap;

	out_progress_end();
	fputs("clampmeter: note: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void out_progress(const char *fmt, ...)
{
	char line[120];
	va_list ap;
	size_t n;

	if (!isatty(STDERR_FILENO))
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	n = strlen(line);
	fprintf(stderr, "\r%s%*s", line, n < progress_width ? (int)(progress_width - n) : 0, "");
	progress_width = n;
}

void out_progress_end(void)
{
	if (progress_width)
		fprintf(stderr, "\r%*s\r", (int)progress_width, "");
	progress_width = 0;
}

bool out_hashing(void *to, double done)
{
	(void)to;
	out_progress("reading the model file to know it by its fingerprint: %.0f%%", 100 * done);
	return !out_interrupted();
}

static void on_interrupt(int sig)
{
	(void)sig;
	atomic_store_explicit(&asked_to_stop, true, memory_order_relaxed);
}

void out_catch_interrupt(void)
{
	struct sigaction sa = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};

	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
}

bool out_interrupted(void)
{
	return atomic_load_explicit(&asked_to_stop, memory_order_relaxed);
}

const atomic_bool *out_interrupt_flag(void)
{
	return &asked_to_stop;
}
