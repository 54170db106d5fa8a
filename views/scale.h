/*
 * scale -- from a value to a step of the ramp, to eighths of a cell, to digits.
 */
#ifndef VIEWS_SCALE_H
#define VIEWS_SCALE_H

#include "views/canvas.h"

struct scale {
	float lo, hi;           /* hi > lo */
	float near;             /* above 0: logarithmic in hi - value, down to this distance */
};

/* Range of a lens; where it says NAN, the range of what was measured. */
struct lens_def;
struct reading;
struct scale scale_of(const struct reading *r);

/* 0..1, clamped; NAN stays NAN. */
float scale_unit(struct scale s, float v);
/* unit 0..1 -> step of the ramp, 0..RAMP-1. */
int scale_step(float unit);
/* A value in at most `room` - 1 letters, as short as it can be read:
 * 0.07 -> ".07", 12.3, 1.2k.  NAN gives an empty text. */
const char *scale_short(float v, char *out, size_t room);

/* A value of a lens with three decimals; close below its ceiling as the distance from
 * it, in so many letters: "ln2-.0033" in 9. */
const char *scale_figure(const struct lens_def *d, float v, int letters, char *out, size_t room);

/* "0 ▁▂▃▄▅▆▇█ 5 nats": draws so that it ends before column x; returns where it
 * begins, or x when there is no room behind column `from`. */
int scale_legend(struct canvas *c, int y, int from, int x, struct scale s, const char *unit);

#endif
