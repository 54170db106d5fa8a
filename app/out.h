/*
 * out -- standard output and standard error of the batch commands.
 *
 * Text goes out unbuffered by stdio, so that a full disk and a closed pipe are
 * noticed where they happen.  No escape byte is written where there is no terminal.
 *
 * Threads  the main thread
 */
#ifndef APP_OUT_H
#define APP_OUT_H

#include <stdatomic.h>
#include <stddef.h>

#include "engine/base/buf.h"
#include "engine/base/err.h"

/* Makes sure that descriptors 0 to 2 are taken, so that no file we open lands
 * on one of them; writing to a standard output that was closed then fails. */
void out_init(void);

/* All of it, or false.  A pipe whose reader has left gives ERR_RUN with an
 * empty message: that is the reader's choice, and nothing is said about it. */
bool out_write(const void *p, size_t n, struct err *e) MUST_CHECK;
bool out_fd_write(int fd, const char *name, const void *p, size_t n, struct err *e) MUST_CHECK;

/* All of a file, which appears whole or not at all; `-' is standard output. */
bool out_file(const char *path, const void *p, size_t n, struct err *e) MUST_CHECK;

/* Lines that take the place of those drawn before, while standard output is a
 * terminal large enough for them; elsewhere nothing is drawn.  Ten times a second at
 * most.  out_draw_end() clears them for what is then written. */
void out_draw(const char *s, size_t n);
void out_draw_end(void);

/* Appends generated or quoted text as standard output may have it: escaped when
 * that is a terminal (newline and tab pass), and as it is otherwise, except that
 * the escape character is written as \x1B. */
void out_text(struct buf *to, const char *s, size_t n);

/* "clampmeter: note: ..." on standard error. */
void out_note(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* A line on standard error that replaces the one before, when that is a
 * terminal; out_progress_end() takes it away. */
void out_progress(const char *fmt, ...) PRINTF_LIKE(1, 2);
void out_progress_end(void);
/* A fingerprint_go_on (engine/fingerprint.h): shows progress, gives up on Ctrl-C. */
bool out_hashing(void *to, double done);
/* The same for something that is `done` (0..1) of the way, with a bar and how long
 * it will yet take; silent for the first half second.  A line of another form, or one
 * that is less far, begins anew. */
void out_bar(double done, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Ctrl-C asks a batch command to stop after the pass it is in; a second one
 * kills it.  False as long as nobody has asked. */
void out_catch_interrupt(void);
bool out_interrupted(void);
/* The same, for work on other threads. */
const atomic_bool *out_interrupt_flag(void);

#endif
