#include "app/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "engine/base/mapfile.h"
#include "views/term.h"

static const int told[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGQUIT };
static const int fatal[] = { SIGSEGV, SIGFPE, SIGILL, SIGABRT };

enum { N_TOLD = sizeof told / sizeof *told, N_FATAL = sizeof fatal / sizeof *fatal };

static struct {
	bool armed;
	int pipe[2];
	struct termios modes;
	struct sigaction old_told[N_TOLD], old_fatal[N_FATAL];
	stack_t old_stack;
	void *stack;
} C = { .pipe = { -1, -1 } };

static atomic_flag telling = ATOMIC_FLAG_INIT;

void crash_restore(void)
{
	if (!C.armed)
		return;
	tcsetattr(STDIN_FILENO, TCSANOW, &C.modes);
	if (write(STDOUT_FILENO, term_restore_bytes, term_restore_length) < 0) { /* nothing left to try */ }
}

static void on_fatal(int sig)
{
	crash_restore();
	/* SA_RESETHAND: the default action is back, and ends the process. */
	raise(sig);
}

/* snprintf() may not be called in a handler. */
static void add(char *line, size_t *n, size_t room, const char *s)
{
	while (*s && *n + 1 < room)
		line[(*n)++] = *s++;
}

static void add_number(char *line, size_t *n, size_t room, unsigned long long v)
{
	char digits[24];
	int at = sizeof digits;

	digits[--at] = 0;
	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	add(line, n, room, digits + at);
}

/* Bytes of a mapping that are gone: the file was cut short, or its disk fails.  Several
 * threads may find out at once; the first tells, the others wait for the end. */
static void on_bus(int sig, siginfo_t *info, void *context)
{
	enum { ROOM = 800 };
	char line[ROOM];
	size_t n = 0, size = 0;
	struct stat st;
	const char *path = mapfile_at(info->si_addr, &size);

	(void)context;
	while (atomic_flag_test_and_set(&telling))
		pause();
	crash_restore();
	if (!path) {
		signal(sig, SIG_DFL);   /* raised when this returns */
		raise(sig);
		return;
	}
	add(line, &n, ROOM, "clampmeter: ");
	add(line, &n, ROOM, path);
	if (!stat(path, &st) && (unsigned long long)st.st_size < size) {
		add(line, &n, ROOM, ": was cut short while it was in use: ");
		add_number(line, &n, ROOM, (unsigned long long)st.st_size);
		add(line, &n, ROOM, " bytes, expected ");
		add_number(line, &n, ROOM, size);
	} else {
		add(line, &n, ROOM, ": cannot be read any more: its disk failed, or it was replaced");
	}
	add(line, &n, ROOM, "\n");
	if (write(STDERR_FILENO, line, n) < 0) { /* nobody to tell */ }
	_exit(ERR_FILE);
}

void crash_watch_files(void)
{
	struct sigaction die = { .sa_sigaction = on_bus, .sa_flags = (int)(SA_SIGINFO | SA_ONSTACK) };

	sigemptyset(&die.sa_mask);
	sigaction(SIGBUS, &die, NULL);
}

static void on_told(int sig)
{
	int saved = errno;
	unsigned char byte = (unsigned char)sig;

	if (write(C.pipe[1], &byte, 1) < 0) { /* full: the loop is awake already */ }
	errno = saved;
}

/* A handler of its own stack, so that a stack overflow is survived long enough. */
static void use_own_stack(void)
{
	size_t size = 65536;

	C.stack = malloc(size);
	if (C.stack)
		sigaltstack(&(stack_t){ .ss_sp = C.stack, .ss_size = size }, &C.old_stack);
}

bool crash_arm(struct err *e)
{
	struct sigaction tell = { .sa_handler = on_told, .sa_flags = SA_RESTART };
	struct sigaction die = { .sa_handler = on_fatal, .sa_flags = (int)(SA_RESETHAND | SA_ONSTACK | SA_NODEFER) };

	if (pipe(C.pipe))
		return err_set(e, ERR_RUN, "cannot make a pipe: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		fcntl(C.pipe[i], F_SETFL, O_NONBLOCK);
		fcntl(C.pipe[i], F_SETFD, FD_CLOEXEC);
	}
	tcgetattr(STDIN_FILENO, &C.modes);
	sigemptyset(&tell.sa_mask);
	sigemptyset(&die.sa_mask);
	use_own_stack();
	crash_watch_files();
	C.armed = true;
	for (int i = 0; i < N_TOLD; i++)
		sigaction(told[i], &tell, &C.old_told[i]);
	for (int i = 0; i < N_FATAL; i++)
		sigaction(fatal[i], &die, &C.old_fatal[i]);
	return true;
}

void crash_disarm(void)
{
	if (!C.armed)
		return;
	for (int i = 0; i < N_TOLD; i++)
		sigaction(told[i], &C.old_told[i], NULL);
	for (int i = 0; i < N_FATAL; i++)
		sigaction(fatal[i], &C.old_fatal[i], NULL);
	if (C.stack)
		sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL);
	free(C.stack);
	C.stack = NULL;
	close(C.pipe[0]);
	close(C.pipe[1]);
	C.armed = false;
}

int crash_fd(void)
{
	return C.pipe[0];
}

int crash_next(void)
{
	unsigned char byte;

	return read(C.pipe[0], &byte, 1) == 1 ? byte : 0;
}

void crash_suspend(void)
{
	struct sigaction stop = { .sa_handler = SIG_DFL }, mine;

	sigemptyset(&stop.sa_mask);
	sigaction(SIGTSTP, &stop, &mine);
	raise(SIGTSTP);
	sigaction(SIGTSTP, &mine, NULL);
}
