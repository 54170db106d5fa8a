#include "app/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "views/term.h"

static const int told[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGQUIT };
static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

enum { N_TOLD = sizeof told / sizeof *told, N_FATAL = sizeof fatal / sizeof *fatal };

static struct {
	bool armed;
	int pipe[2];
	struct termios modes;
	struct sigaction old_told[N_TOLD], old_fatal[N_FATAL];
	stack_t old_stack;
	void *stack;
} C = { .pipe = { -1, -1 } };

void crash_restore(void)
{
	if (!C.armed)
		return;
	if (write(STDOUT_FILENO, term_restore_bytes, term_restore_length) < 0) { /* nothing left to try */ }
	tcsetattr(STDIN_FILENO, TCSANOW, &C.modes);
}

static void on_fatal(int sig)
{
	crash_restore();
	/* SA_RESETHAND: the default action is back, and ends the process. */
	raise(sig);
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
