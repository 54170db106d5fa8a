#include "app/frame.h"

#include <stdio.h>
#include <string.h>

#include "app/keymap.h"
#include "app/lineedit.h"
#include "app/pairs.h"
#include "app/quanting.h"
#include "views/key.h"
#include "views/prompt.h"
#include "views/status.h"

enum { HINTS = 24, MENU_ROWS = 8 };

static void smallest_panes(struct layout_min *min)
{
	for (int p = 0; p < N_PANES; p++)
		min[p] = (struct layout_min){ panes[p]->min_rows + 1, panes[p]->min_cols + 3 };
}

/* The layout for a size: the user's, else the first of the table that fits. */
static bool layout_for(const struct app *a, int rows, int cols, struct layout *out)
{
	static const struct { int rows, cols; const char *text; } table[] = {
#define LAYOUT_OF(rows, cols, text) { rows, cols, text },
#include "app/layouts.def"
#undef LAYOUT_OF
	};
	struct err e;

	if (a->own_layout) {
		*out = a->layout;
		return true;
	}
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (rows >= table[i].rows && cols >= table[i].cols)
			return layout_parse(out, table[i].text, pane_find, &e);
	return false;
}

static bool place_panes(struct app *a, struct rect room)
{
	struct layout_min min[N_PANES];
	struct layout l;

	smallest_panes(min);
	if (a->zoomed) {
		a->placed.n = 1;
		a->placed.at[0] = (struct placed){ .pane = (int)a->focus, .rect = room };
		return room.rows > 1 && room.cols > 4;
	}
	if (!layout_for(a, room.rows, room.cols, &l) || !layout_place(&l, room, min, &a->placed))
		return false;
	for (int i = 0; i < a->placed.n; i++)
		a->placed.at[i].pane = (int)a->stand_in[a->placed.at[i].pane];
	return true;
}

/* Before anything has been drawn, a usual screen stands for the one to come. */
void frame_place(struct app *a)
{
	struct rect usual = { 0, 0, 38, 120 };

	if (!place_panes(a, a->area.rows > 0 ? a->area : usual))
		a->placed.n = 0;
}

/* Keys go to a pane that can be seen. */
static void focus_in_sight(struct app *a)
{
	for (int i = 0; i < a->placed.n; i++)
		if (a->placed.at[i].pane == (int)a->focus)
			return;
	a->focus = (enum pane_id)a->placed.at[0].pane;
}

static void draw_panes(struct app *a, struct canvas *c, const struct view *v)
{
	struct canvas area = canvas_sub(c, a->area);

	for (int pass = 0; pass < 2; pass++)    /* the focused last: its line lies on top */
		for (int i = 0; i < a->placed.n; i++) {
			const struct placed *at = &a->placed.at[i];
			bool focused = at->pane == (int)a->focus;

			if (focused == (pass == 1))
				pane_lines(&area, at->rect, at->line_left, focused);
		}
	for (int i = 0; i < a->placed.n; i++) {
		const struct placed *at = &a->placed.at[i];
		enum pane_id p = (enum pane_id)at->pane;
		struct choice want = *app_choice(a, p);

		want.focused = p == a->focus;
		pane_draw(&area, panes[p], at->rect, at->line_left, p < 9 ? (int)p + 1 : 0, want.focused, v, &want);
	}
}

static int gather_hints(const struct app *a, struct key_hint *hints, char names[][16])
{
	struct binding b;
	int n = 0;

	for (int pass = 0; pass < 2; pass++)    /* of the focused pane first */
		for (size_t i = 0; keymap_at(a->keys, i, &b) && n < HINTS; i++) {
			if (!*b.label || !*b.line || (pass == 0) != (b.pane == (int)a->focus) || (pass && b.pane >= 0))
				continue;
			key_text(b.key, names[n], 16);
			hints[n] = (struct key_hint){ .key = names[n], .does = b.label };
			n++;
		}
	return n;
}

static void draw_keys(const struct app *a, struct canvas *c)
{
	struct canvas line = canvas_sub(c, (struct rect){ c->rows - 1, 0, 1, c->cols });
	struct key_hint hints[HINTS + 2];
	char names[HINTS][16];
	int n = gather_hints(a, hints + 1, names) + 1;

	hints[0] = (struct key_hint){ a->ascii ? "<- ->" : "\xe2\x86\x90 \xe2\x86\x92", "time" };
	hints[n++] = (struct key_hint){ "Tab", "pane" };
	keyline_draw(&line, hints, n);
}

static struct frame_cursor draw_prompt(const struct app *a, struct canvas *c)
{
	struct prompt_view p = lineedit_view(a->line);
	int x = prompt_draw(c, &p), rows;

	if (p.n_matches > 1) {
		rows = prompt_menu_rows(&p, c->cols, c->rows - 3 < MENU_ROWS ? c->rows - 3 : MENU_ROWS);
		struct canvas menu = canvas_sub(c, (struct rect){ c->rows - 2 - rows, 0, rows, c->cols });

		prompt_draw_menu(&menu, &p);
	}
	return (struct frame_cursor){ c->rows - 1, x };
}

static void too_small(struct canvas *c)
{
	char text[64];

	canvas_clear(c);
	canvas_fit(c, 0, 0, c->cols, STYLE_TEXT, "clampmeter: the terminal is too small");
	if (c->rows > 1) {
		(void)snprintf(text, sizeof text, "(%dx%d; %dx%d at least)", c->cols, c->rows, LAYOUT_MIN_COLS, LAYOUT_MIN_ROWS);
		canvas_fit(c, 1, 0, c->cols, STYLE_DIM, text);
	}
}

static bool in_sight(const struct app *a, enum pane_id p)
{
	for (int i = 0; i < a->placed.n; i++)
		if (a->placed.at[i].pane == (int)p)
			return true;
	return false;
}

/* What the panes in sight want computed for the step under the cursor. */
void frame_view(struct app *a, struct view *v)
{
	/* At full speed under a cursor that follows, the next token is worth more. */
	bool may = !a->engine_running || !a->follow;
	unsigned needs = 0;

	app_view(a, v);
	for (int i = 0; i < a->placed.n; i++) {
		needs |= panes[a->placed.at[i].pane]->needs;
		if (a->placed.at[i].pane == PANE_neurons && a->neurons.page.shows == NEURONS_FOUND)
			needs |= LOOK_NEURONS;
		if (a->placed.at[i].pane == PANE_neurons)
			neuronpane_refresh(a, v, may);
	}
	v->words = words_cache(a->words);
	v->layer = app_choice(a, PANE_heads)->row;
	v->head = app_choice(a, PANE_heads)->col;
	v->look = looks_get(&a->looks, a->source, v->step, needs, v->layer, may);
	v->look_why = !a->source->info.live ? "not in the recording" : v->step && a->looks.failed == v->step->index ?
	    a->looks.why : may ? "computing..." : "pause, or move the cursor back, to compute this";
}

struct frame_cursor frame_draw(struct app *a, struct canvas *c)
{
	struct frame_cursor hidden = { -1, 0 };
	struct view v;

	canvas_clear(c);
	c->ascii = a->ascii;
	c->mono = a->mono;
	a->area = (struct rect){ 0, 0, c->rows - 2, c->cols };
	if (c->rows < LAYOUT_MIN_ROWS || c->cols < LAYOUT_MIN_COLS || !place_panes(a, a->area)) {
		a->placed.n = 0;
		too_small(c);
		return hidden;
	}
	focus_in_sight(a);
	/* What these bring up to date, the view must not have seen before. */
	if (in_sight(a, PANE_quant))
		quanting_in_sight(a);
	pairs_in_sight(a, in_sight(a, PANE_lockstep), in_sight(a, PANE_quant) || in_sight(a, PANE_edits));
	frame_view(a, &v);
	draw_panes(a, c, &v);
	struct canvas status = canvas_sub(c, (struct rect){ c->rows - 2, 0, 1, c->cols });

	status_draw(&status, &v);
	if (a->line && lineedit_active(a->line))
		return draw_prompt(a, c);
	draw_keys(a, c);
	return hidden;
}
