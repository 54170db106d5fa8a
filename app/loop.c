#include "app/loop.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/crash.h"
#include "app/frame.h"
#include "app/lineedit.h"
#include "app/pairing.h"
#include "app/quantlab.h"
#include "engine/base/clock.h"
#include "views/key.h"
#include "views/term.h"

enum {
	FPS = 30,
	NEWS_A_WAKE = 64,       /* steps taken before keys are looked at again */
	KEYS_A_WAKE = 64,
};

#define SECOND 1000000000ull

struct loop {
	struct app *app;
	struct canvas canvas;
	uint64_t frame_ns;      /* least time between two frames */
	uint64_t drawn_ns;      /* when the last one was drawn; 0: none yet */
	uint64_t interrupted_ns;
	const struct theme *theme;
	int ended_by;
	bool hung_up;
};

static void draw(struct loop *lp)
{
	struct app *a = lp->app;
	int rows, cols;

	term_size(&rows, &cols);
	if (lp->canvas.rows != rows || lp->canvas.cols != cols) {
		canvas_free(&lp->canvas);
		if (!canvas_new(&lp->canvas, rows, cols))
			return;
	}
	if (lp->theme != a->theme)
		term_theme(lp->theme = a->theme);
	if (a->redraw)
		term_redraw();
	a->redraw = a->dirty = false;
	struct frame_cursor at = frame_draw(a, &lp->canvas);

	term_show(&lp->canvas, at.y, at.x);
	lp->drawn_ns = clock_ns();
}

/* The first holds generation (or leaves the prompt), a second within a second
 * ends the program. */
static void interrupted(struct loop *lp)
{
	struct app *a = lp->app;
	uint64_t now = clock_ns();

	if (lp->interrupted_ns && now - lp->interrupted_ns < SECOND) {
		a->quit = true;
		lp->ended_by = SIGINT;
	}
	lp->interrupted_ns = now;
	if (a->line && lineedit_active(a->line))
		lineedit_cancel(a->line);
	else if (a->work.shown)
		work_cancel(a);
	else if (a->going)
		app_line(a, "pause");
	app_say(a, "press ^C again to leave");
}

static void on_signal(struct loop *lp, int sig)
{
	struct app *a = lp->app;

	a->dirty = true;
	switch (sig) {
	case SIGINT:
		interrupted(lp);
		break;
	case SIGWINCH:
		term_resized();
		lp->drawn_ns = 0;
		break;
	case SIGTSTP:
		term_leave();
		crash_suspend();
		term_return();
		break;
	default:
		a->quit = true;
		lp->ended_by = sig;
	}
}

static void take_signals(struct loop *lp)
{
	int sig;

	while ((sig = crash_next()) != 0)
		on_signal(lp, sig);
}

static void take_keys(struct loop *lp)
{
	struct term_event ev;

	for (int i = 0; i < KEYS_A_WAKE && !lp->app->quit && term_event(&ev); i++)
		if (ev.key == KEY_IS_MOUSE)
			app_click(lp->app, ev.y, ev.x, ev.wheel);
		else
			app_key(lp->app, ev.key);
}

static void take_news(struct loop *lp)
{
	struct news *n;

	for (int i = 0; i < NEWS_A_WAKE && (n = source_take(lp->app->source)); i++)
		app_news(lp->app, n);
}

/* Milliseconds until something has to be done without being woken; -1: never. */
static int until_due(struct loop *lp)
{
	uint64_t wait = app_tick(lp->app), now = clock_ns();

	if (lp->app->dirty) {
		uint64_t next = lp->drawn_ns + lp->frame_ns, frame = next > now ? next - now : 0;

		wait = frame < wait ? frame : wait;
	}
	if (wait == UINT64_MAX)
		return -1;
	wait = (wait + 999999) / 1000000;
	return wait > 60000 ? 60000 : (int)wait;
}

static bool frame_due(const struct loop *lp)
{
	return lp->app->dirty && (!lp->drawn_ns || clock_ns() - lp->drawn_ns >= lp->frame_ns);
}

static void turn(struct loop *lp)
{
	struct pollfd fds[9] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = crash_fd(), .events = POLLIN },
		{ .fd = source_fd(lp->app->source), .events = POLLIN },
		{ .fd = words_fd(lp->app->words), .events = POLLIN },
		{ .fd = lab_fd(lp->app->lab), .events = POLLIN },
		{ .fd = quantlab_fd(lp->app->quant), .events = POLLIN },
		{ .fd = atlas_fd(lp->app->neurons.atlas), .events = POLLIN },
		{ .fd = pairing_fd(lp->app->pair), .events = POLLIN },
		{ .fd = pairing_fd(lp->app->receipt), .events = POLLIN },
	};

	if (poll(fds, 9, until_due(lp)) > 0) {
		if (fds[1].revents)
			take_signals(lp);
		if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) {
			lp->app->quit = true;           /* the terminal is gone */
			lp->ended_by = SIGHUP;
		} else if (fds[0].revents) {
			take_keys(lp);
		}
		if (fds[2].revents)
			take_news(lp);
		if (fds[3].revents && words_take(lp->app->words))
			lp->app->dirty = true;
		if (fds[4].revents || fds[5].revents || fds[7].revents || fds[8].revents)
			app_lab(lp->app);
		if (fds[6].revents)
			neuronpane_take(lp->app);
	}
	app_tick(lp->app);
	if (!lp->app->quit && frame_due(lp))
		draw(lp);
}

int loop_run(struct app *a, const struct loop_options *o)
{
	struct loop lp = { .app = a, .theme = a->theme };

	lp.frame_ns = SECOND / (uint64_t)(o->max_fps > 0 ? o->max_fps : FPS);
	while (!a->quit)
		turn(&lp);
	canvas_free(&lp.canvas);
	return lp.ended_by;
}
