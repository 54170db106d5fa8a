/*
 * draw_chart -- values along positions: columns of eighth blocks, horizontal
 * bars, and a braille line for charts that have room.
 */
#ifndef VIEWS_DRAW_CHART_H
#define VIEWS_DRAW_CHART_H

#include "views/scale.h"

/* One value a column from x on, `rows` high, growing upwards from row y + rows - 1.
 * Each column has the colour of its value; a hole is a dot on the ground line. */
void draw_columns(struct canvas *c, struct rect r, const float *v, int n, struct scale s);
/* A bar of `cols` cells, `unit` (0..1) of it filled, the rest a track. */
void draw_bar(struct canvas *c, int y, int x, int cols, float unit, style_bits st);
/* A line through the values, two values a column and four dots a row; in ASCII
 * it falls back to columns. */
void draw_line(struct canvas *c, struct rect r, const float *v, int n, struct scale s, style_bits st);

#endif
