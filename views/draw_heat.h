/*
 * draw_heat -- a table of figures as a heat map whose rows, columns and cells say
 * their own names: quantization errors, drift.
 *
 * Cells share the room; where the figure as text fits, it stands on a ground of
 * its colour, else a block whose height says the same as the colour.  A hole is
 * a dot.  Rows and columns scroll so that the chosen cell is in sight.
 */
#ifndef VIEWS_DRAW_HEAT_H
#define VIEWS_DRAW_HEAT_H

#include "views/scale.h"

enum { HEAT_TEXT = 32 };

struct heat {
	int n_rows, n_cols;
	int row, col;           /* the chosen cell; its row is in sight */
	bool lit;               /* show which is chosen */
	int label;              /* columns for the names of rows */
	int least, most, tall;  /* width of a cell; its height at most */
	struct scale scale;
	bool down;              /* bright is low */
	bool head;              /* the first row names columns */
	/* NAN is a hole. */
	float (*value)(void *of, int row, int col);
	/* The figure in at most `cols` cells; an empty text: there is no room. */
	void (*text)(void *of, float v, int cols, char out[HEAT_TEXT]);
	/* Names; may depend on the room. */
	style_bits (*row_name)(void *of, int row, int cols, char out[HEAT_TEXT]);
	void (*col_name)(void *of, int col, int cols, char out[HEAT_TEXT]);
	/* A sum, without a ground of its own; NULL: none is. */
	bool (*plain)(void *of, int row, int col);
	/* The cell to be found at once (NULL: none is). */
	bool (*marked)(void *of, int row, int col);
	/* Where an edit is in force (NULL: nowhere). */
	bool (*held)(void *of, int row, int col);
	void *of;
};

/* Rows used, with the head. */
int draw_heat(struct canvas *c, const struct heat *h);
/* The cell under (y, x); false beside the map. */
bool draw_heat_pick(const struct canvas *c, const struct heat *h, int y, int x, int *row, int *col);
/* Columns one cell takes, and how many of them are in sight, in a canvas so wide. */
int draw_heat_cell(const struct canvas *c, const struct heat *h);

/* A figure of at most three digits in `cols` cells: "21.3", ".074", "3e-5". */
void heat_number(float v, int cols, char out[HEAT_TEXT]);
/* scale_legend() for a map whose bright end may be the low one. */
int heat_legend(struct canvas *c, int from, int x, struct scale s, bool down, const char *unit);

#endif
