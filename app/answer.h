/*
 * answer -- what a command found out, for who asked: in the status line and the
 * log, and where no screen is, as a line on standard error and as JSON.
 *
 * Owns     part of app's state
 * Threads  the UI thread
 */
#ifndef APP_ANSWER_H
#define APP_ANSWER_H

enum { FIGURES = 10 };

struct app;

struct figure {
	const char *name;       /* a key of the JSON object */
	double value;           /* NAN: null */
};

/* `what` is the command that asked. */
void app_answer(struct app *a, const char *what, const char *text, const struct figure *figures, int n_figures);

#endif
