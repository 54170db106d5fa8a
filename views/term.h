/*
 * term -- the terminal: the only place that knows curses.
 *
 * A canvas is shown whole; only cells that differ from what was shown before are
 * touched, and curses sends only what differs on the glass.  Nothing here waits:
 * the loop polls stdin and then takes events until there is none.
 *
 * Threads  the UI thread; term_restore_bytes is for signal handlers
 */
#ifndef VIEWS_TERM_H
#define VIEWS_TERM_H

#include "engine/base/err.h"
#include "views/canvas.h"
#include "views/theme.h"

/* In the order of the words of --color. */
enum color_wish { WISH_AUTO, WISH_DIRECT, WISH_256, WISH_16, WISH_8, WISH_NONE };

struct term_options {
	enum color_wish color;          /* over what the terminal says of itself */
	bool ascii, no_mouse;
	const struct theme *theme;      /* NULL: detected */
};

struct term_event {
	int key;                /* KEY_IS_MOUSE: y, x and wheel hold */
	int y, x;
	int wheel;              /* -1 up, 1 down, 0 a click */
};

/* False, status 2, with what to use instead: no terminal, or one that cannot
 * move its cursor. */
bool term_usable(struct err *e) MUST_CHECK;

bool term_start(const struct term_options *opt, struct err *e) MUST_CHECK;
void term_stop(void);                   /* may be called twice */

void term_size(int *rows, int *cols);
/* After SIGWINCH. */
void term_resized(void);
bool term_ascii(void);
enum color_mode term_color_mode(void);
void term_theme(const struct theme *t);
const struct theme *term_theme_now(void);

/* The cursor is put at (y, x), or hidden when y is negative. */
void term_show(const struct canvas *c, int y, int x);
/* Everything is sent again with the next term_show(). */
void term_redraw(void);
/* Asks the terminal to put text into its clipboard (clipboard.h); `note` says what
 * may keep it from that, or is NULL.  False when there is too much of it. */
bool term_copy(const char *bytes, size_t n, const char **note, struct err *e) MUST_CHECK;
/* Gives the terminal to the shell, and takes it back. */
void term_leave(void);
void term_return(void);

/* False when there is none now. */
bool term_event(struct term_event *ev);

/* Pure, for tests: which description is wanted of a terminal that has `colors` in
 * its own and says `colorterm`: TERMINFO_..., or 0 for its own. */
int term_choose_entry(enum color_wish wish, int colors, const char *colorterm);
/* How colours are sent to a terminal whose description has so many, and whether
 * they are 24-bit values there. */
enum color_mode term_choose_colors(enum color_wish wish, int colors, bool direct);

/* Leaves the alternate screen and shows the cursor, whatever state things are in. */
extern const char term_restore_bytes[];
extern const unsigned long term_restore_length;

#endif
