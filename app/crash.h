/*
 * crash -- the terminal is given back whatever happens, and signals become bytes
 * that the loop polls.
 *
 * A fatal signal (SEGV, BUS elsewhere than in a mapped file, FPE, ILL, ABRT) writes a constant string, puts the
 * terminal's modes back and is raised again, so that the shell sees the truth.
 * Everything in the handlers is on POSIX's list of what may be called there.
 */
#ifndef APP_CRASH_H
#define APP_CRASH_H

#include "engine/base/err.h"

/* From now on a mapped file that somebody cuts short is one line that names it and
 * status 3 (ERR_FILE), with the terminal given back; for the whole program. */
void crash_watch_files(void);
/* Remembers the terminal's modes and takes the signals; before term_start(). */
bool crash_arm(struct err *e) MUST_CHECK;
/* Puts the old handlers back. */
void crash_disarm(void);

/* Readable while signals wait: poll it, then crash_next(). */
int crash_fd(void);
/* The number of a signal that came (INT, TERM, HUP, WINCH, TSTP), or 0. */
int crash_next(void);

/* Stops the process as SIGTSTP would; returns when it goes on. */
void crash_suspend(void);
/* Gives the terminal back at once; for the memory hook. */
void crash_restore(void);

#endif
