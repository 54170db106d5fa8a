/*
 * script -- a file of command lines, run as if they were typed.
 *
 * `wait` holds the script until steps have come or generation has stopped; the
 * rest runs without pause.  An error stops the script and names file and line.
 * The config file is a script that may not wait.
 */
#ifndef APP_SCRIPT_H
#define APP_SCRIPT_H

#include "app/app.h"

/* Reads the whole file and runs its first lines. */
bool script_start(struct app *a, const char *path, struct err *e) MUST_CHECK;
/* Runs lines until the end or a wait; called after news. */
void script_go_on(struct app *a);
/* steps 0: until generation has stopped. */
bool script_wait(struct app *a, int steps, struct err *e) MUST_CHECK;
void script_free(struct script *s);

/* A file that is not there is no error; `path` NULL: $XDG_CONFIG_HOME/clampmeter/config. */
bool script_config(struct app *a, const char *path, struct err *e) MUST_CHECK;

#endif
