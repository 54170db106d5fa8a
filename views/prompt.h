/*
 * prompt -- the line that is being typed, and what could complete it.
 */
#ifndef VIEWS_PROMPT_H
#define VIEWS_PROMPT_H

#include <stddef.h>

#include "views/canvas.h"

struct prompt_view {
	const char *prompt;             /* ":", or what readline shows while it searches */
	const char *text;
	size_t point;                   /* byte offset of the cursor */
	const char *hint;               /* arguments of the command typed; NULL: none */
	const char *const *matches;     /* [n_matches] */
	int n_matches;
};

/* Draws on the last row of c; returns the column of the cursor. */
int prompt_draw(struct canvas *c, const struct prompt_view *p);
/* Rows of the menu of matches, at most `most`. */
int prompt_menu_rows(const struct prompt_view *p, int cols, int most);
void prompt_draw_menu(struct canvas *c, const struct prompt_view *p);

#endif
