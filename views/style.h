/*
 * style -- what a cell means; how that looks is the theme's business.
 *
 * A style is a role of styles.def, or a step of the heat ramp (as letter colour,
 * or as ground), with attributes on top.
 */
#ifndef VIEWS_STYLE_H
#define VIEWS_STYLE_H

#include <stdint.h>

enum style_role {
#define STYLE(id, dark, dark_on, light, light_on, ansi, ansi_on, attr, mono, doc) STYLE_##id,
#include "views/styles.def"
#undef STYLE
	N_STYLES,
};

enum {
	RAMP = 16,                      /* steps of the heat ramp */
	STYLE_HEAT_FIRST = 64,          /* + step: letters in the colour */
	STYLE_GROUND_FIRST = 96,        /* + step: ground in the colour, letters in contrast */
	STYLE_ID = 0xff,
	STYLE_BOLD = 0x100,
	STYLE_UNDERLINE = 0x200,
	STYLE_REVERSE = 0x400,
	STYLE_ATTRS = 0x700,
	STYLE_LIT = 0x800,              /* on the ground of STYLE_SELECTED */
};

typedef uint16_t style_bits;

static inline style_bits style_heat(int step)
{
	return (style_bits)(STYLE_HEAT_FIRST + step);
}

static inline style_bits style_ground(int step)
{
	return (style_bits)(STYLE_GROUND_FIRST + step);
}

#endif
