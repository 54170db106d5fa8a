/*
 * err -- what went wrong, in words a user can act on.
 *
 * A function that can fail takes a `struct err *` last and returns false or
 * NULL after filling it.  The deepest function says what happened; callers add
 * where, with err_wrap(), as the failure travels up.  Nobody prints and nobody
 * exits on the way: main(), the prompt or the script reader shows the message.
 *
 * Owns     nothing; lives on the caller's stack
 * Threads  one err belongs to one thread
 */
#ifndef ENGINE_BASE_ERR_H
#define ENGINE_BASE_ERR_H

#include <stdbool.h>

#if defined(__GNUC__)
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define MUST_CHECK             __attribute__((warn_unused_result))
#else
#define PRINTF_LIKE(fmt, args)
#define MUST_CHECK
#endif

/* The number is the exit status of a batch command that ends with the error. */
enum err_code {
	ERR_NONE = 0,
	ERR_RUN = 1,            /* failed while running: memory, disk, a full context */
	ERR_USAGE = 2,          /* asked for something that makes no sense */
	ERR_FILE = 3,           /* a file was rejected: missing, truncated, corrupt */
	ERR_UNSUPPORTED = 4,    /* valid, but not something this program does */
	ERR_MISMATCH = 5,       /* a comparison or expectation did not hold */
	ERR_INTERRUPTED = 130,  /* the user said stop */
};

struct err {
	enum err_code code;
	char msg[512];          /* one line, printable: control bytes arrive escaped */
};

/* Both return false, so that `return err_set(...)` reads as one thought. */
bool err_set(struct err *e, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts "WHERE: " in front of the message; the code stays. */
bool err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
