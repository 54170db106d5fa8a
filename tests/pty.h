/*
 * pty -- a program in a pseudo-terminal, for tests: keys go in, what it writes is
 * kept, and what must appear is waited for.  Nothing is timed; what does not come
 * is given up after so many seconds.
 *
 * Owns     the child and what it wrote, from pty_fork() to pty_finish()
 */
#ifndef TESTS_PTY_H
#define TESTS_PTY_H

#include <stdbool.h>
#include <sys/types.h>

#include "engine/base/buf.h"

struct pty {
	int master;
	pid_t pid;
	struct buf seen;                /* all that was written; a NUL is kept as a blank */
	size_t from;                    /* what came before has been looked at */
};

/* True in the child, whose terminal is a new one of that size: xterm-256color in
 * UTF-8, signals as a user's shell leaves them. */
bool pty_fork(struct pty *s, int rows, int cols);

/* Waits for `text` behind what was looked at before. */
void pty_expect(struct pty *s, const char *text);
/* Waits until `holds` says so; asked again whenever something was written. */
void pty_until(struct pty *s, bool (*holds)(struct pty *s, void *of), void *of, const char *what);
void pty_type(struct pty *s, const char *keys);
void pty_resize(struct pty *s, int rows, int cols);
/* Waits for the child; its status as of waitpid(). */
int pty_finish(struct pty *s);

#endif
