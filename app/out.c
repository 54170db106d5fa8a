#include "app/out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/pace.h"
#include "engine/base/utf8.h"

enum { BAR = 24, BETWEEN_NS = 100000000 };

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

bool out_file(const char *path, const void *p, size_t n, struct err *e)
{
	struct buf beside = { .data = NULL };
	struct stat st;
	bool plain = stat(path, &st) || S_ISREG(st.st_mode), ok;
	int fd;

	if (!strcmp(path, "-"))
		return out_write(p, n, e);
	/* Devices and pipes are written as they are. */
	buf_printf(&beside, plain ? "%s.%ld" : "%s", path, (long)getpid());
	fd = open(beside.data, O_WRONLY | O_CLOEXEC | (plain ? O_CREAT | O_EXCL : 0), 0666);
	ok = fd >= 0 && out_fd_write(fd, path, p, n, e);
	if (fd < 0 || (close(fd) && ok) || (ok && plain && rename(beside.data, path)))
		ok = err_set(e, ERR_RUN, "%.200s: %s", path, strerror(errno));
	if (!ok && fd >= 0 && plain)
		unlink(beside.data);
	buf_free(&beside);
	return ok;
}

static int drawn_lines;

static bool fits_terminal(const char *s, size_t n, int *lines)
{
	struct winsize ws = { .ws_row = 0 };
	const char *term = getenv("TERM");
	size_t width = 0;

	*lines = 0;
	if (!isatty(STDOUT_FILENO) || !term || !strcmp(term, "dumb") || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws))
		return false;
	for (size_t i = 0; i < n; i++) {
		width = s[i] == '\n' ? 0 : width + 1;
		*lines += s[i] == '\n';
		if (width > ws.ws_col)
			return false;
	}
	/* One line is the progress of standard error. */
	return *lines + 1 < ws.ws_row;
}

void out_draw(const char *s, size_t n)
{
	static uint64_t drawn_ns;
	uint64_t now = clock_ns();
	int lines;

	if ((drawn_lines && now - drawn_ns < BETWEEN_NS) || !fits_terminal(s, n, &lines))
		return;
	drawn_ns = now;
	out_draw_end();
	fwrite(s, 1, n, stdout);
	fflush(stdout);
	drawn_lines = lines;
}

void out_draw_end(void)
{
	out_progress_end();
	if (drawn_lines) {
		printf("\r\033[%dA\033[J", drawn_lines);
		fflush(stdout);
	}
	drawn_lines = 0;
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

/* Cells of the terminal, so that a line never wraps: `\r' would not take it back. */
static size_t stderr_cols(void)
{
	struct winsize w;

	return !ioctl(STDERR_FILENO, TIOCGWINSZ, &w) && w.ws_col > 1 ? w.ws_col - 1u : 79;
}

static void show_progress(char *line)
{
	size_t n, cols = stderr_cols();

	if (strlen(line) > cols)
		line[cols] = 0;
	n = strlen(line);
	fprintf(stderr, "\r%s%*s", line, n < progress_width ? (int)(progress_width - n) : 0, "");
	progress_width = n;
}

void out_progress(const char *fmt, ...)
{
	char line[160];
	va_list ap;

	if (!isatty(STDERR_FILENO))
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	show_progress(line);
}

void out_bar(double done, const char *fmt, ...)
{
	static struct pace pace;
	static const char *of;          /* the form of the line: what the pace is about */
	static uint64_t shown_ns;
	char words[120], bar[BAR + 1], left[32], line[240];
	uint64_t now = clock_ns();
	va_list ap;

	if (!isatty(STDERR_FILENO))
		return;
	if (of != fmt)
		pace = (struct pace){ .since_ns = 0 };
	of = fmt;
	pace_at(&pace, done, now);
	if (!pace_is_slow(&pace, now) || (progress_width && now - shown_ns < BETWEEN_NS))
		return;
	shown_ns = now;
	va_start(ap, fmt);
	vsnprintf(words, sizeof words, fmt, ap);
	va_end(ap);
	for (int i = 0; i < BAR; i++)
		bar[i] = i < (int)(done * BAR) ? '#' : '.';
	bar[BAR] = 0;
	snprintf(line, sizeof line, "%s [%s] %.0f %%  %s", words, bar, 100 * done,
	    pace_text(pace_left_s(&pace, now), left, sizeof left));
	show_progress(line);
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
	out_bar(done, "reading the model file to know it by its fingerprint");
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
