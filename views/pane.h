/*
 * pane -- one rectangle of the screen with one thing to show.
 *
 * A pane draws from a view into a canvas and keeps nothing.  Where it has
 * something to choose from, `extent` says how much; the floor above keeps the
 * choice and moves it.  `subject` names what is chosen (a site), `enter` the
 * command line for Enter: panes speak in command lines and do nothing else.
 * To add one: panes/NAME.c with `const struct pane_def pane_NAME`, a line in
 * panes.def, and a screen in tests/screens.
 */
#ifndef VIEWS_PANE_H
#define VIEWS_PANE_H

#include "engine/base/buf.h"
#include "views/canvas.h"
#include "views/view.h"

/* What is chosen in a pane; `extent` bounds it. */
struct choice {
	int row, col;
	bool focused;           /* the pane has the keys: show what is chosen */
};

struct pane_def {
	const char *name;       /* as typed */
	const char *title;
	const char *doc;        /* one sentence: what is shown */
	const char *read_it;    /* how to read it, in plain words, for a student */
	const char *source;     /* where figures are from: paper, or "" */
	int min_rows, min_cols; /* of the inside; layout leaves it out below this */
	unsigned needs;         /* LOOK_...: what it wants computed for the step under the cursor */
	void (*draw)(struct canvas *c, const struct view *v, const struct choice *at);
	/* Behind the title: what is on (a lens, a unit).  May be NULL. */
	void (*subtitle)(const struct view *v, struct buf *out);
	/* Draws a legend that ends before column x of the title row. */
	int (*legend)(struct canvas *c, int from, int x, const struct view *v);
	/* Rows and columns to choose from.  NULL: nothing to choose. */
	void (*extent)(const struct view *v, int *rows, int *cols);
	/* Appends a site (or nothing), a command line (or nothing). */
	void (*subject)(const struct view *v, const struct choice *at, struct buf *out);
	void (*enter)(const struct view *v, const struct choice *at, struct buf *out);
	/* Row i of what is shown as values between tabs, -1: their names; false behind the
	 * last.  For `copy`: exact, a hole is empty, text from the model escaped. */
	bool (*values)(const struct view *v, int row, struct buf *out);
	/* The choice under (y, x) of the inside, for the mouse; false: none. */
	bool (*pick)(const struct view *v, struct rect inside, int y, int x, struct choice *at);
};

enum pane_id {
#define PANE(name) PANE_##name,
#include "views/panes/panes.def"
#undef PANE
	N_PANES,
};

extern const struct pane_def *const panes[N_PANES];

int pane_find(const char *name);        /* -1 */
/* The command line for a click at (y, x) of the inside; empty when there is none. */

/* The lines of all panes first, on the area they share; then each pane. */
void pane_lines(struct canvas *area, struct rect r, bool line_left, bool focused);
/* The title and the inside. */
void pane_draw(struct canvas *screen, const struct pane_def *p, struct rect r, bool line_left, int number,
    bool focused, const struct view *v, const struct choice *at);
struct rect pane_inside(struct rect r, bool line_left);

/* For panes: the first of `shown` rows out of n so that `row` is in sight. */
int pane_scroll(int n, int shown, int row);
/* A figure for `values`, behind a tab; nothing for NAN. */
void pane_figure(struct buf *out, float value);
/* "nothing yet" in the middle of an empty pane. */
void pane_empty(struct canvas *c, const char *why);

#endif
