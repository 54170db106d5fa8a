/*
 * layout -- screen size and a description in, rectangles out; nothing else.
 *
 *      [(text:3 candidates:2) timeline=9]
 *
 * Names in (round) brackets stand side by side, in [square] ones above each
 * other.  `:n` is a share of what is free (1 when not said), `=n` a number of
 * rows or columns that is kept where there is room.  A pane below its smallest
 * size is left out and its neighbours take the room; the later in the text, the
 * sooner.  Each pane has one row of title on top, and one column for the line to
 * its left unless it touches the left edge; both are part of its rectangle.
 */
#ifndef VIEWS_LAYOUT_H
#define VIEWS_LAYOUT_H

#include "engine/base/err.h"
#include "views/canvas.h"

enum { LAYOUT_PANES = 16, LAYOUT_NODES = 32, LAYOUT_MIN_ROWS = 9, LAYOUT_MIN_COLS = 36 };

struct layout_node {
	int pane;               /* index into panes[], -1 for a bracket */
	bool stacked;           /* square bracket */
	int share, fixed;       /* one of them is 0 */
	int n_children, first;  /* nodes first, then along `next` */
	int next;               /* -1: last of its bracket */
};

struct layout {
	int n, root;
	struct layout_node node[LAYOUT_NODES];
};

struct placed {
	int pane;
	struct rect rect;
	bool line_left;
};

struct placement {
	int n;
	struct placed at[LAYOUT_PANES];
};

/* `find` turns a name into an index (-1: none).  A pane may appear once. */
bool layout_parse(struct layout *l, const char *text, int (*find)(const char *name), struct err *e) MUST_CHECK;

/* Smallest rectangle of pane i, its title and line included. */
struct layout_min {
	int rows, cols;
};

/* Fills `room` with the panes that fit, edge to edge.  False when not even the
 * first one does. */
bool layout_place(const struct layout *l, struct rect room, const struct layout_min *min, struct placement *out);

#endif
