/*
 * script -- a file of command lines, run as if they were typed.
 *
 * One line after the other: each is settled before the next begins, so that a
 * script does the same every time.  `run N' and `until' hold it until the tokens
 * are there, `wait' until steps have come, `pause N' for seconds and `ask' until
 * somebody goes on.  `include' reads another file, named from the folder of the
 * one that includes it, at most SCRIPT_DEPTH deep.  An error stops the script and
 * names file and line.  The config file is a script that may not wait.
 *
 * Owns     the texts of its files, from script_start() to the end or script_free()
 */
#ifndef APP_SCRIPT_H
#define APP_SCRIPT_H

#include "app/app.h"

enum { SCRIPT_DEPTH = 8, SCRIPT_LINES = 1000000 };

/* Reads the whole file and runs its first lines. */
bool script_start(struct app *a, const char *path, struct err *e) MUST_CHECK;
/* Runs lines until the end or something to wait for; called after news. */
void script_go_on(struct app *a);
/* Ends a pause; *wait is lowered to the time until then. */
void script_tick(struct app *a, uint64_t now, uint64_t *wait);
void script_free(struct script *s);
/* What the last script that failed failed with; code 0 while none has. */
const struct err *script_error(const struct app *a);

/* For commands: true while a line of a script is being run. */
bool script_speaks(const struct app *a);
/* steps 0: until generation has stopped. */
bool script_wait(struct app *a, int steps, struct err *e) MUST_CHECK;
bool script_pause(struct app *a, double seconds, struct err *e) MUST_CHECK;
bool script_ask(struct app *a, const char *question, struct err *e) MUST_CHECK;
bool script_include(struct app *a, const char *path, struct err *e) MUST_CHECK;
/* The user pressed the key that goes on or holds: true when it was the script's. */
bool script_toggled(struct app *a);
/* "FILE:LINE" of the line being run or waited for; empty without a script. */
void script_place(const struct app *a, char *out, size_t room);
/* The user holds it. */
bool script_is_held(const struct app *a);
/* What went wrong later than its line was run; only a message without a script. */
void script_fail(struct app *a, enum err_code code, const char *what, const char *found);

/* A file that is not there is no error; `path` NULL: $XDG_CONFIG_HOME/clampmeter/config. */
bool script_config(struct app *a, const char *path, struct err *e) MUST_CHECK;

#endif
