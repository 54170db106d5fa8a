/*
 * Commands that change what is shown and how: panes, signals, colours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/command.h"
#include "app/frame.h"
#include "app/quanting.h"

/* A lens by name, or the one behind `now` with the same axes for "next". */
static int lens_wanted(const char *name, enum lens_id now, enum probe_axes axes, struct err *e)
{
	int id = lens_find(name);

	if (!strcmp(name, "next"))
		for (int i = 1; i <= N_LENSES; i++) {
			id = ((int)now + i) % N_LENSES;
			if (lenses[id]->probe.axes == axes)
				return id;
		}
	if (id >= 0 && lenses[id]->probe.axes == axes)
		return id;
	err_set(e, ERR_USAGE, id < 0 ? "no signal is called \"%.40s\"" : "%.40s has other axes than this pane", name);
	return -1;
}

bool cmd_lens(struct app *a, const struct args *args, struct err *e)
{
	int id = lens_wanted(args->text[0], a->text_lens, PROBE_SCALAR, e);

	if (id < 0)
		return false;
	a->text_lens = (enum lens_id)id;
	app_say(a, "%s: %s", lenses[id]->probe.name, lenses[id]->doc);
	return true;
}

bool cmd_grid(struct app *a, const struct args *args, struct err *e)
{
	int id = lens_wanted(args->text[0], a->grid_lens, PROBE_HEADS, e);

	if (id < 0)
		return false;
	a->grid_lens = (enum lens_id)id;
	app_say(a, "%s: %s", lenses[id]->probe.name, lenses[id]->doc);
	return true;
}

bool cmd_series(struct app *a, const struct args *args, struct err *e)
{
	enum lens_id ids[VIEW_SERIES] = { 0 };
	char name[48];
	int n = 0, id;

	for (const char *s = args->text[0]; *s; s += strspn(s, " ")) {
		size_t len = strcspn(s, " ");

		if (n == VIEW_SERIES || len >= sizeof name)
			return err_set(e, ERR_USAGE, "at most %d signals", VIEW_SERIES);
		memcpy(name, s, len);
		name[len] = 0;
		id = lens_wanted(name, 0, PROBE_SCALAR, e);
		if (id < 0)
			return false;
		ids[n++] = (enum lens_id)id;
		s += len;
	}
	memcpy(a->series, ids, (size_t)n * sizeof *ids);
	a->n_series = n;
	return true;
}

bool cmd_show(struct app *a, const struct args *args, struct err *e)
{
	(void)e;
	app_show(a, (enum pane_id)pane_find(args->text[0]));
	return true;
}

bool cmd_focus(struct app *a, const struct args *args, struct err *e)
{
	int way = !strcmp(args->text[0], "previous") ? -1 : 1, at = 0;

	if (way > 0 && strcmp(args->text[0], "next") != 0)
		return err_set(e, ERR_USAGE, "`next' or `previous'");
	frame_place(a);
	if (!a->placed.n)
		return true;
	if (a->zoomed) {
		a->focus = (enum pane_id)(((int)a->focus + way + N_PANES) % N_PANES);
		return true;
	}
	for (int i = 0; i < a->placed.n; i++)
		if (a->placed.at[i].pane == (int)a->focus)
			at = i;
	a->focus = (enum pane_id)a->placed.at[(at + way + a->placed.n) % a->placed.n].pane;
	return true;
}

bool cmd_zoom(struct app *a, const struct args *args, struct err *e)
{
	(void)args;
	(void)e;
	a->zoomed = !a->zoomed;
	return true;
}

bool cmd_layout(struct app *a, const struct args *args, struct err *e)
{
	struct layout l;

	if (!strcmp(args->text[0], "auto")) {
		a->own_layout = false;
		return true;
	}
	if (!layout_parse(&l, args->text[0], pane_find, e))
		return false;
	a->layout = l;
	a->own_layout = true;
	for (int p = 0; p < N_PANES; p++)
		a->stand_in[p] = (enum pane_id)p;
	return true;
}

bool cmd_move(struct app *a, const struct args *args, struct err *e)
{
	static const struct { const char *way; int rows, cols; } ways[] = {
		{ "up", -1, 0 }, { "down", 1, 0 }, { "left", 0, -1 }, { "right", 0, 1 },
		{ "page-up", -10, 0 }, { "page-down", 10, 0 }, { "top", -100000, 0 }, { "bottom", 100000, 0 },
	};
	struct choice *at = app_choice(a, a->focus);
	int n = args->n > 1 ? (int)args->number[1] : 1;

	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (!strcmp(ways[i].way, args->text[0])) {
			at->row += ways[i].rows * n;
			at->col += ways[i].cols * n;
			app_choice(a, a->focus);
			return true;
		}
	return err_set(e, ERR_USAGE, "up, down, left, right, top, bottom, page-up or page-down");
}

bool cmd_enter(struct app *a, const struct args *args, struct err *e)
{
	struct buf line = { 0 };
	struct view v;
	bool ok = true;

	(void)args;
	app_view(a, &v);
	if (panes[a->focus]->extent && panes[a->focus]->enter)
		panes[a->focus]->enter(&v, app_choice(a, a->focus), &line);
	if (line.len)
		ok = command_line(a, line.data, e);
	buf_free(&line);
	return ok;
}

bool cmd_theme(struct app *a, const struct args *args, struct err *e)
{
	const struct theme *t = theme_find(args->text[0]);

	if (!args->n || !strcmp(args->text[0], "next"))
		t = &themes[(a->theme - themes + 1) % n_themes];
	if (!t)
		return err_set(e, ERR_USAGE, "no theme is called \"%.40s\"", args->text[0]);
	a->theme = t;
	a->redraw = true;
	return true;
}

bool cmd_help(struct app *a, const struct args *args, struct err *e)
{
	const char *about = args->text[0];
	struct err none;

	if (*about && pane_find(about) < 0 && lens_find(about) < 0 && strcmp(about, "samplers") != 0 &&
	    !sampler_find(about, strlen(about)) && !command_find(about, strlen(about), &none))
		return err_set(e, ERR_USAGE, "no pane, command, signal or sampler stage is called \"%.40s\"", about);
	if (a->focus != PANE_help) {
		a->before_help = a->focus;
		a->zoomed_before_help = a->zoomed;
	}
	snprintf(a->help_topic, sizeof a->help_topic, "%s", strcmp(about, "help") != 0 ? about : "");
	a->choice[PANE_help] = (struct choice){ 0 };
	a->focus = PANE_help;
	a->zoomed = true;
	return true;
}

static bool stands_in(const struct app *a, enum pane_id *slot)
{
	for (int s = 0; s < N_PANES; s++)
		if (a->stand_in[s] == a->focus && s != (int)a->focus) {
			*slot = (enum pane_id)s;
			return true;
		}
	return false;
}

bool cmd_cancel(struct app *a, const struct args *args, struct err *e)
{
	(void)args;
	return work_cancel(a) || err_set(e, ERR_USAGE, "nothing is under way that takes a while");
}

bool cmd_leave(struct app *a, const struct args *args, struct err *e)
{
	bool gently = args->n && !strcmp(args->text[0], "gently");
	enum pane_id slot;

	if (args->n && !gently)
		return err_set(e, ERR_USAGE, "`gently', or nothing");
	if (a->focus == PANE_help && a->zoomed) {
		a->focus = a->before_help;
		a->zoomed = a->zoomed_before_help;
	} else if (a->focus == PANE_quant && quanting_leave(a)) {
		a->dirty = true;
	} else if (a->focus == PANE_neurons && neuronpane_back(a)) {
		return true;
	} else if (a->zoomed) {
		a->zoomed = false;
	} else if (stands_in(a, &slot)) {
		a->stand_in[slot] = slot;
		a->focus = slot;
	} else if (a->find) {
		free(a->find);
		a->find = NULL;
	} else if (gently && work_cancel(a)) {
		return true;
	} else if (a->leave_quits) {
		a->quit = true;
	}
	return true;
}

bool cmd_redraw(struct app *a, const struct args *args, struct err *e)
{
	(void)args;
	(void)e;
	a->redraw = true;
	return true;
}
