/*
 * tour METER -- a user's first minutes with the installed program, in a
 * pseudo-terminal: open the built-in model, hold, step, clamp, go back, search, zoom,
 * resize, copy, leave.  What the keys do is looked up on the screen as a terminal
 * shows it (tests/vt.h), and at the end the terminal must be as it was.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/pty.h"
#include "tests/test.h"
#include "tests/vt.h"

static const char *meter;
static bool arrived;

struct visit {
	struct pty pty;
	struct vt vt;
	size_t fed;
	const char *wanted, *gone;      /* text that must stand on the screen; that must not */
	int tokens;                     /* number in the status line; -1: any */
};

/* "45/512 tokens" of the status line; -1 when it is not there. */
static int tokens_shown(const struct vt *v)
{
	struct buf line = { 0 };
	int n = -1;
	const char *at;

	vt_line(v, v->rows - 2, &line);
	at = line.len ? strstr(line.data, " tokens") : NULL;
	if (at) {
		while (at > line.data && at[-1] != ' ')
			at--;
		n = strchr(at, '/') ? atoi(at) : -1;
	}
	buf_free(&line);
	return n;
}

static bool stands(struct pty *s, void *of)
{
	struct visit *t = of;

	vt_feed(&t->vt, s->seen.data + t->fed, s->seen.len - t->fed);
	t->fed = s->seen.len;
	if (t->vt.unknown)
		fail_msg("sent to the terminal: %s", t->vt.what + (t->vt.what[0] == '\033'));
	return (!t->wanted || vt_find(&t->vt, t->wanted) >= 0) && (!t->gone || vt_find(&t->vt, t->gone) < 0) &&
	    (t->tokens < 0 || tokens_shown(&t->vt) == t->tokens);
}

/* Types keys, then waits for the screen to be so. */
static void see(struct visit *t, const char *keys, const char *wanted, const char *gone, int tokens)
{
	char what[200];

	t->wanted = wanted;
	t->gone = gone;
	t->tokens = tokens;
	snprintf(what, sizeof what, "%s (without %s, tokens %d) after %s", wanted ? wanted : "-", gone ? gone : "-", tokens,
	    *keys == '\033' ? "an escape" : keys);
	pty_type(&t->pty, keys);
	pty_until(&t->pty, stands, t, what);
}

static void size(struct visit *t, int rows, int cols)
{
	vt_resize(&t->vt, rows, cols);
	pty_resize(&t->pty, rows, cols);
}

static void open_meter(struct visit *t)
{
	if (pty_fork(&t->pty, 40, 120)) {
		if (write(STDOUT_FILENO, "before\r\n", 8) == 8)
			execl(meter, "clampmeter", "--seed", "3", "-n", "8", (char *)NULL);
		_exit(127);
	}
	vt_new(&t->vt, 40, 120);
	t->fed = 0;
}

#define LEFT "\033OD"

static void look_around(struct visit *t)
{
	char keep[32];
	int n;

	see(t, "", "Answer:", NULL, -1);
	see(t, "", "paused", NULL, -1);         /* after the eight that were asked for */
	CHECK(t->vt.alternate && t->vt.cursor_hidden && t->vt.mouse);
	CHECK(vt_find(&t->vt, "before") < 0);
	n = tokens_shown(&t->vt);
	CHECK(n > 0);
	see(t, ".", "paused", NULL, n + 1);
	see(t, ".", NULL, NULL, n + 2);
	see(t, ".", NULL, NULL, n + 3);
	see(t, LEFT LEFT, "at step", NULL, n + 3);
	see(t, "b", "paused", NULL, n + 1);
	see(t, " ", "running", NULL, -1);
	see(t, " ", "paused", "running", -1);
	snprintf(keep, sizeof keep, ":keep %d\r", n);
	see(t, keep, "paused", NULL, n);
}

static void clamp_and_step(struct visit *t)
{
	int n = tokens_shown(&t->vt);

	see(t, ":clamp L4.mlp[55", ":clamp L4.mlp[55", NULL, -1);
	see(t, "9] = 360\r", "1 edit", NULL, n);
	see(t, "f.", NULL, NULL, n + 1);
	see(t, ".", NULL, NULL, n + 2);
	see(t, "8", "L4.mlp[559] = 360", NULL, -1);
	see(t, "q", "neurons", "L4.mlp[559] = 360", -1);
	see(t, "z", NULL, "1 edit", -1);
	see(t, "Z", "1 edit", NULL, -1);
}

static void search_and_zoom(struct visit *t)
{
	see(t, "f", NULL, "at step", -1);
	see(t, "/", ":find ", NULL, -1);
	see(t, "uestion\r", "at step", ":find", -1);
	see(t, "1w", "1 text", "timeline", -1);
	see(t, "?", "What was given is plain", "at step 9", -1);
	see(t, "q", "1 text", "What was given is plain", -1);
	see(t, "w", "timeline", NULL, -1);
}

static void resize(struct visit *t)
{
	size(t, 24, 80);
	see(t, "", "3 timeline", "sampler ──", -1);
	size(t, 60, 200);
	see(t, "", "7 sampler", NULL, -1);
	size(t, 5, 60);
	see(t, "", "too small", "timeline", -1);
	size(t, 40, 120);
	see(t, "", "3 timeline", "too small", -1);
	see(t, "4y", "copied: L0.H0", NULL, -1);
	CHECK_STR(t->vt.clipboard.data, "52;c;TDAuSDA=");
}

static void a_tour(void **state)
{
	static struct visit t;
	struct termios before, after;
	int status;

	*state = &t;
	open_meter(&t);
	CHECK(tcgetattr(t.pty.master, &before) == 0);
	look_around(&t);
	clamp_and_step(&t);
	search_and_zoom(&t);
	resize(&t);
	see(&t, ":quit\r", "before", "timeline", -1);
	CHECK(!t.vt.alternate && !t.vt.cursor_hidden && !t.vt.mouse && !t.vt.application_keys && !t.vt.painted);
	CHECK_INT(vt_find(&t.vt, "before"), 0);
	CHECK(tcgetattr(t.pty.master, &after) == 0);
	CHECK_INT(after.c_lflag, before.c_lflag);
	CHECK_INT(after.c_iflag, before.c_iflag);
	CHECK_INT(after.c_oflag, before.c_oflag);
	status = pty_finish(&t.pty);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
	vt_free(&t.vt);
	arrived = true;
}

/* Where it got lost. */
static int show_the_screen(void **state)
{
	struct visit *t = *state;
	struct buf screen = { 0 };

	if (arrived || !t)
		return 0;
	vt_screen(&t->vt, &screen);
	print_error("%s", screen.len ? screen.data : "nothing\n");
	buf_free(&screen);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_teardown(a_tour, show_the_screen) };

	if (argc != 2)
		return 2;
	meter = argv[1];
	return RUN(tests);
}
