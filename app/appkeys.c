/*
 * The user's side of app: keys and clicks become command lines, choices stay
 * inside what there is to choose from, panes come to the front.
 */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/frame.h"
#include "app/keymap.h"
#include "app/lineedit.h"

struct choice *app_choice(struct app *a, enum pane_id p)
{
	struct choice *at = &a->choice[p];
	struct view v;
	int rows = 0, cols = 0;

	if (panes[p]->extent) {
		app_view(a, &v);
		panes[p]->extent(&v, &rows, &cols);
	}
	at->row = at->row >= rows ? rows - 1 : at->row;
	at->col = at->col >= cols ? cols - 1 : at->col;
	at->row = at->row < 0 ? 0 : at->row;
	at->col = at->col < 0 ? 0 : at->col;
	return at;
}

static bool on_screen(const struct app *a, enum pane_id p)
{
	for (int i = 0; i < a->placed.n; i++)
		if (a->placed.at[i].pane == (int)p)
			return true;
	return false;
}

void app_show(struct app *a, enum pane_id p)
{
	a->dirty = true;
	frame_place(a);
	if (a->zoomed || on_screen(a, p)) {
		a->focus = p;
		return;
	}
	for (int slot = 0; slot < N_PANES; slot++)
		if (a->stand_in[slot] == a->focus && on_screen(a, a->focus))
			a->stand_in[slot] = p;
	a->focus = p;
}

/* {site} and {pane} in the line of a key. */
static void expand(struct app *a, const char *line, struct buf *out)
{
	struct view v;

	app_view(a, &v);
	for (const char *s = line; *s;) {
		if (!strncmp(s, "{site}", 6)) {
			if (panes[a->focus]->subject)
				panes[a->focus]->subject(&v, app_choice(a, a->focus), out);
			s += 6;
		} else if (!strncmp(s, "{pane}", 6)) {
			buf_str(out, panes[a->focus]->name);
			s += 6;
		} else {
			buf_char(out, *s++);
		}
	}
}

void app_key(struct app *a, int key)
{
	const char *line;
	struct buf full = { 0 };

	a->dirty = true;
	if (a->line && lineedit_active(a->line)) {
		lineedit_key(a->line, key);
		return;
	}
	line = keymap_line(a->keys, a->focus, key);
	if (!line)
		return;
	a->message_until_ns = 0;        /* what was said has been read */
	app_tick(a);
	expand(a, line, &full);
	app_line(a, full.data ? full.data : "");
	buf_free(&full);
}

static void scroll(struct app *a, enum pane_id p, int wheel)
{
	if (p == PANE_timeline || p == PANE_text)
		app_line(a, wheel < 0 ? "cursor -1" : "cursor +1");
	else
		app_choice(a, p)->row += wheel;
	app_choice(a, p);
}

void app_click(struct app *a, int y, int x, int wheel)
{
	struct buf line = { 0 };
	struct view v;

	a->dirty = true;
	for (int i = 0; i < a->placed.n; i++) {
		const struct placed *at = &a->placed.at[i];
		struct rect in = pane_inside(at->rect, at->line_left);
		enum pane_id p = (enum pane_id)at->pane;
		struct choice want = *app_choice(a, p);

		if (y < at->rect.y || y >= at->rect.y + at->rect.rows || x < at->rect.x || x >= at->rect.x + at->rect.cols)
			continue;
		if (wheel) {
			scroll(a, p, wheel);
			return;
		}
		a->focus = p;
		app_view(a, &v);
		if (!panes[p]->pick || !panes[p]->pick(&v, in, y - in.y, x - in.x, &want))
			return;
		a->choice[p] = want;
		/* A click in time goes there; elsewhere it chooses, and Enter acts. */
		if (!panes[p]->extent && panes[p]->enter)
			panes[p]->enter(&v, &want, &line);
		if (line.len)
			app_line(a, line.data);
		buf_free(&line);
		return;
	}
}
