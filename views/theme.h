/*
 * theme -- how a style looks: colours as rows of styles.def, and the ramp.
 *
 * The ramp is perceptually ordered: in OKLCH its lightness rises evenly from
 * 0.60 to 0.92 (dark theme; 0.72 down to 0.32 on light) while the hue turns from
 * violet through teal to yellow, away from the red-green axis, so that it keeps
 * its order for colour-blind eyes and in grey.
 */
#ifndef VIEWS_THEME_H
#define VIEWS_THEME_H

#include <stdbool.h>

#include "views/style.h"

enum color_mode { COLOR_NONE, COLOR_8, COLOR_16, COLOR_256, COLOR_DIRECT };

struct theme {
	const char *name, *doc;
	bool light;
	int ramp[RAMP];         /* 0xRRGGBB */
};

extern const struct theme themes[];
extern const int n_themes;
const struct theme *theme_find(const char *name);       /* NULL */
/* From COLORFGBG ("15;0"): dark unless the ground is a light colour. */
const struct theme *theme_detect(const char *colorfgbg);

/* What a terminal of `mode` is told: colours as its palette has them (0xRRGGBB
 * when direct), -1 for its own; attributes as STYLE_ bits. */
struct paint {
	int fg, bg;
	style_bits attrs;
};
struct paint theme_paint(const struct theme *t, enum color_mode mode, style_bits st);

/* The nearest of xterm's 256 (never one of the first 16, which users change). */
int theme_256(int rgb);

#endif
