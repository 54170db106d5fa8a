/*
 * draw_table -- rows of text in columns: a head, alignment, scrolling.
 *
 * Widths are given by the caller or grow with the room: a column of width 0
 * takes what is left.  The chosen row is kept in sight.
 */
#ifndef VIEWS_DRAW_TABLE_H
#define VIEWS_DRAW_TABLE_H

#include "views/canvas.h"

enum { TABLE_COLUMNS = 8 };

struct table_column {
	const char *name;
	int width;
	bool right;
};

struct table_cell {
	const char *text;               /* NULL: a hole */
	style_bits style;
	float bar;                      /* 0..1: a bar instead of text; used where text is NULL */
};

struct table {
	const struct table_column *columns;
	int n_columns, n_rows, chosen;  /* chosen -1: none */
	bool lit;                       /* show which is chosen */
	/* Fills cells[n_columns] of a row; texts are used before the next call. */
	void (*row)(void *of, int row, struct table_cell *cells);
	void *of;
};

void draw_table(struct canvas *c, const struct table *t);
/* Row under y, or -1. */
int draw_table_pick(int rows, const struct table *t, int y);

#endif
