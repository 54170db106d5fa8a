/*
 * draw_grid -- a reading with two axes as a heat map.
 *
 * Cells are as wide as the room allows: from four columns on the figure itself
 * stands on a ground of its colour, below that a block whose height says the
 * same as its colour.  A hole is a dot.  Rows scroll so that the chosen one is in
 * sight.
 */
#ifndef VIEWS_DRAW_GRID_H
#define VIEWS_DRAW_GRID_H

#include "analysis/reading.h"
#include "views/canvas.h"

struct grid_options {
	char row_letter, col_letter;    /* 'L' and 'H' */
	int row, col;                   /* the chosen cell, -1: none */
	/* Beside each row, where there is room: how many of its values lie in each
	 * quarter of [0, the largest value of the reading], and a mark where more
	 * than half lie in the highest. */
	bool quarters;
	/* True where a cell is held by an edit; NULL: none is. */
	bool (*marked)(void *of, int row, int col);
	void *of;
};

void draw_grid(struct canvas *c, const struct reading *r, const struct grid_options *o);
/* The cell under (y, x); false beside the grid. */
bool draw_grid_pick(const struct canvas *c, const struct reading *r, int chosen_row, int y, int x, int *row, int *col);

#endif
