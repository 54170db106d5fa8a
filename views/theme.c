#include "views/theme.h"

#include <stdlib.h>
#include <string.h>

const struct theme themes[] = {
#define THEME(name, light, doc, ...) { #name, doc, light, { __VA_ARGS__ } },
#include "views/themes.def"
#undef THEME
};
const int n_themes = (int)(sizeof themes / sizeof *themes);

static const struct row {
	int dark, dark_on, light, light_on, ansi, ansi_on;
	style_bits attr, mono;
} rows[N_STYLES] = {
#define STYLE(id, dark, dark_on, light, light_on, ansi, ansi_on, attr, mono, doc) \
	[STYLE_##id] = { dark, dark_on, light, light_on, ansi, ansi_on, attr, mono },
#include "views/styles.def"
#undef STYLE
};

const struct theme *theme_find(const char *name)
{
	for (int i = 0; i < n_themes; i++)
		if (!strcmp(themes[i].name, name))
			return &themes[i];
	return NULL;
}

const struct theme *theme_detect(const char *colorfgbg)
{
	const char *ground = colorfgbg ? strrchr(colorfgbg, ';') : NULL;
	int bg = ground ? atoi(ground + 1) : 0;

	/* 7 and 9 to 15 are the light ones of the sixteen. */
	return theme_find(bg == 7 || bg > 8 ? "light" : "dark");
}

static int squared(int a)
{
	return a * a;
}

static int distance(int a, int b)
{
	return squared((a >> 16 & 255) - (b >> 16 & 255)) + squared((a >> 8 & 255) - (b >> 8 & 255)) +
	    squared((a & 255) - (b & 255));
}

static int xterm_rgb(int n)
{
	static const int level[6] = { 0, 95, 135, 175, 215, 255 };

	if (n >= 232)
		return (8 + 10 * (n - 232)) * 0x10101;
	n -= 16;
	return level[n / 36] << 16 | level[n / 6 % 6] << 8 | level[n % 6];
}

int theme_256(int rgb)
{
	int best = 16;

	for (int n = 16; n < 256; n++)
		if (distance(rgb, xterm_rgb(n)) < distance(rgb, xterm_rgb(best)))
			best = n;
	return best;
}

/* Letters on a coloured ground: black or white, whichever is further away. */
static int contrast(int rgb)
{
	double light = 0.299 * (rgb >> 16 & 255) + 0.587 * (rgb >> 8 & 255) + 0.114 * (rgb & 255);

	return light > 128 ? 0x10131a : 0xffffff;
}

/* Four colours that a sixteen-colour terminal puts in order of lightness. */
static int ansi_step(const struct theme *t, int step)
{
	static const int dark[4] = { 4, 6, 3, 11 }, light[4] = { 3, 6, 4, 5 };

	return (t->light ? light : dark)[step * 4 / RAMP];
}

static struct paint paint_ramp(const struct theme *t, enum color_mode mode, int id)
{
	bool ground = id >= STYLE_GROUND_FIRST;
	int step = (id - (ground ? STYLE_GROUND_FIRST : STYLE_HEAT_FIRST)) & (RAMP - 1), rgb = t->ramp[step];
	struct paint k = { .fg = -1, .bg = -1 };

	if (mode == COLOR_NONE)
		return k;
	if (mode >= COLOR_256) {
		k.fg = ground ? contrast(rgb) : rgb;
		k.bg = ground ? rgb : -1;
	} else {
		k.fg = ground ? 0 : ansi_step(t, step);
		k.bg = ground ? ansi_step(t, step) & 7 : -1;
	}
	return k;
}

static struct paint paint_role(const struct theme *t, enum color_mode mode, int id)
{
	const struct row *r = &rows[id < N_STYLES ? id : STYLE_TEXT];
	bool rich = mode >= COLOR_256;

	if (mode == COLOR_NONE)
		return (struct paint){ .fg = -1, .bg = -1, .attrs = r->mono };
	return (struct paint){
		.fg = rich ? (t->light ? r->light : r->dark) : r->ansi,
		.bg = rich ? (t->light ? r->light_on : r->dark_on) : r->ansi_on,
		.attrs = r->attr,
	};
}

/* Colours 8 to 15 do not exist on eight colours: bold stands in, except for the
 * grey, which is the terminal's own colour then. */
static void fit_8(struct paint *k)
{
	if (k->fg >= 8) {
		k->attrs |= k->fg == 8 ? 0 : STYLE_BOLD;
		k->fg = k->fg == 8 ? -1 : k->fg - 8;
	}
	if (k->bg >= 8)
		k->bg -= 8;
}

struct paint theme_paint(const struct theme *t, enum color_mode mode, style_bits st)
{
	int id = st & STYLE_ID;
	struct paint k = id >= STYLE_HEAT_FIRST ? paint_ramp(t, mode, id) : paint_role(t, mode, id);

	if (mode == COLOR_256) {
		k.fg = k.fg < 0 ? -1 : theme_256(k.fg);
		k.bg = k.bg < 0 ? -1 : theme_256(k.bg);
	} else if (mode == COLOR_8) {
		fit_8(&k);
	}
	k.attrs = (style_bits)(k.attrs | (st & STYLE_ATTRS));
	if (st & STYLE_LIT) {
		struct paint row = theme_paint(t, mode, STYLE_SELECTED);

		k.bg = k.bg < 0 ? row.bg : k.bg;
		k.attrs |= row.attrs;
	}
	return k;
}
