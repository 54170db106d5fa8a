/*
 * lockstep: a second model that reads along.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/command.h"
#include "app/editing.h"
#include "app/pairing.h"
#include "app/pairs.h"

static bool set_threshold(struct app *a, const char *text, struct err *e)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || end[strspn(end, " ")] || !(v > 0 && v < 1e6))
		return err_set(e, ERR_USAGE, "a threshold is a number above 0: lockstep threshold 0.05");
	pairing_threshold(a->pair, v);
	return true;
}

static bool with_edits(struct app *a, struct err *e)
{
	if (!edit_set_n(app_edits(a)))
		return err_set(e, ERR_USAGE, "there are no edits");
	pairing_edits(a->pair, app_edits(a));
	return true;
}

/* A method is known by its name; anything else is a file. */
static bool with(struct app *a, const char *what, struct err *e)
{
	struct err no_method;

	if (!strcmp(what, "edits"))
		return with_edits(a, e);
	if (access(what, R_OK) == 0) {
		pairing_file(a->pair, what);
		return true;
	}
	return pairing_method(a->pair, what, &no_method) ||
	    err_set(e, ERR_USAGE, "\"%.120s\" is no file that can be read, and no method: %.200s", what, no_method.msg);
}

bool cmd_lockstep(struct app *a, const struct args *args, struct err *e)
{
	const char *what = args->text[0];

	if (!a->pair)
		return err_set(e, ERR_USAGE, "there is no model here: this is a recording");
	if (!strcmp(what, "stop")) {
		if (pairing_busy(a->pair))
			pairing_stop(a->pair);
		else
			pairing_resume(a->pair);
		return true;
	}
	if (!strcmp(what, "off")) {
		pairing_end(a->pair);
		return true;
	}
	if (!strncmp(what, "threshold ", 10))
		return set_threshold(a, what + 10, e);
	if (args->n && !with(a, what, e))
		return false;
	pairs_follow(a);
	app_show(a, PANE_lockstep);
	return true;
}
