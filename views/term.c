#include "views/term.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>
/* curses defines these as macros; this program has functions of such names. */
#undef lines
#undef columns
#undef tab
#undef newline

#include "engine/base/mem.h"
#include "views/clipboard.h"
#include "views/key.h"
#include "views/terminfo.h"

/* SGR off, mouse off, cursor on, keypad off, main screen, new line. */
const char term_restore_bytes[] = "\033[0m\033[?1000l\033[?1002l\033[?1006l\033[?25h\033[?1l\033>\033[?1049l\r\n";
const unsigned long term_restore_length = sizeof term_restore_bytes - 1;

static struct {
	SCREEN *screen;
	const struct theme *theme;
	enum color_mode mode;
	bool ascii, mouse;
	struct canvas shown;            /* what curses was last given */
	bool stale;                     /* `shown` says nothing */
	attr_t attrs[512];              /* by style id; from 256 on, lit */
	short pair[512];
	int n_pairs;
	struct { int fg, bg; } pairs[256];
} T;

bool term_usable(struct err *e)
{
	const char *name = getenv("TERM");

	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
		return err_set(e, ERR_USAGE, "the screen needs a terminal; use `clampmeter run` without one");
	if (!name || !*name || !strcmp(name, "dumb"))
		return err_set(e, ERR_USAGE, "this terminal (TERM=%s) cannot show the screen; use `clampmeter run`",
		    name && *name ? name : "unset");
	return true;
}

int term_choose_entry(enum color_wish wish, int colors, const char *colorterm)
{
	bool says_direct = colorterm && (!strcmp(colorterm, "truecolor") || !strcmp(colorterm, "24bit"));

	if (colors > 256)               /* a "-direct" entry of the user's choice */
		return 0;
	if (wish == WISH_DIRECT || (wish == WISH_AUTO && says_direct))
		return TERMINFO_DIRECT;
	return wish == WISH_256 && colors < 256 ? TERMINFO_256 : 0;
}

enum color_mode term_choose_colors(enum color_wish wish, int colors, bool direct)
{
	static const enum color_mode most[] = {
		[WISH_AUTO] = COLOR_DIRECT, [WISH_DIRECT] = COLOR_DIRECT, [WISH_256] = COLOR_256, [WISH_16] = COLOR_16,
		[WISH_8] = COLOR_8, [WISH_NONE] = COLOR_NONE,
	};
	enum color_mode has = colors < 8 ? COLOR_NONE : direct ? COLOR_DIRECT : colors >= 256 ? COLOR_256 :
	    colors >= 16 ? COLOR_16 : COLOR_8;

	/* Its numbers mean colours, not places in a palette. */
	if (has == COLOR_DIRECT)
		return wish == WISH_NONE ? COLOR_NONE : COLOR_DIRECT;
	return has < most[wish] ? has : most[wish];
}

/* Colours of the terminal's own description; 0 when there is none. */
static int colors_of(const char *name)
{
	int found, n = 0;

	if (setupterm(name, STDOUT_FILENO, &found) == OK) {
		n = tigetnum("colors");
		del_curterm(cur_term);
	}
	return n;
}

/* A screen on a description of our own; TERMINFO is the user's again afterwards. */
static SCREEN *open_made(const char *name, int colors)
{
	const char *was = getenv("TERMINFO");
	char *kept = was ? mem_strdup(was) : NULL;
	struct buf entry = { 0 };
	SCREEN *s = NULL;

	if (terminfo_with(name, colors, &entry)) {
		setenv("TERMINFO", entry.data, 1);
		s = newterm(name, stdout, stdin);
		if (kept)
			setenv("TERMINFO", kept, 1);
		else
			unsetenv("TERMINFO");
	}
	free(kept);
	buf_free(&entry);
	return s;
}

static SCREEN *open_screen(enum color_wish wish, bool *direct)
{
	const char *name = getenv("TERM");
	int entry = term_choose_entry(wish, colors_of(name), getenv("COLORTERM"));
	SCREEN *s = entry ? open_made(name, entry) : NULL;

	if (!s)
		s = newterm(NULL, stdout, stdin);
	*direct = s && tigetflag("RGB") > 0 && tigetnum("colors") > 256;
	return s;
}

/* Pairs are few on small terminals, so equal ones are shared. */
static short pair_of(int fg, int bg)
{
	if (fg < 0 && bg < 0)
		return 0;
	for (int i = 1; i < T.n_pairs; i++)
		if (T.pairs[i].fg == fg && T.pairs[i].bg == bg)
			return (short)i;
	if (T.n_pairs >= 255 || T.n_pairs >= COLOR_PAIRS)
		return 0;
	init_extended_pair(T.n_pairs, fg, bg);
	T.pairs[T.n_pairs].fg = fg;
	T.pairs[T.n_pairs].bg = bg;
	return (short)T.n_pairs++;
}

static attr_t curses_attrs(style_bits st)
{
	return (st & STYLE_BOLD ? A_BOLD : 0) | (st & STYLE_UNDERLINE ? A_UNDERLINE : 0) |
	    (st & STYLE_REVERSE ? A_REVERSE : 0);
}

void term_theme(const struct theme *t)
{
	T.theme = t;
	T.n_pairs = 1;
	for (int i = 0; i < 512; i++) {
		int id = i & STYLE_ID;
		bool ramp = (id >= STYLE_HEAT_FIRST && id < STYLE_HEAT_FIRST + RAMP) ||
		    (id >= STYLE_GROUND_FIRST && id < STYLE_GROUND_FIRST + RAMP);

		if (id >= N_STYLES && !ramp)
			continue;
		struct paint k = theme_paint(t, T.mode, (style_bits)(id | (i > STYLE_ID ? STYLE_LIT : 0)));

		T.attrs[i] = curses_attrs(k.attrs);
		T.pair[i] = T.mode == COLOR_NONE ? 0 : pair_of(k.fg, k.bg);
	}
	T.stale = true;
}

const struct theme *term_theme_now(void)
{
	return T.theme;
}

static void modes(bool mouse)
{
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	/* Else curses breaks a frame off when a key waits, and nothing sends the rest. */
	typeahead(-1);
	curs_set(0);
	leaveok(stdscr, FALSE);
	if (mouse) {
		mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
		mouseinterval(0);
	}
}

bool term_start(const struct term_options *opt, struct err *e)
{
	bool direct;

	if (!term_usable(e))
		return false;
	memset(&T, 0, sizeof T);
	T.ascii = opt->ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	T.mouse = !opt->no_mouse;
	T.screen = open_screen(opt->color, &direct);
	if (!T.screen)
		return err_set(e, ERR_USAGE, "no description of terminal \"%s\"; use `clampmeter run`", getenv("TERM"));
	if (has_colors()) {
		start_color();
		use_default_colors();
	}
	T.mode = term_choose_colors(opt->color, has_colors() ? COLORS : 0, direct);
	modes(T.mouse);
	term_theme(opt->theme ? opt->theme : theme_detect(getenv("COLORFGBG")));
	return true;
}

void term_stop(void)
{
	if (!T.screen)
		return;
	endwin();
	delscreen(T.screen);
	T.screen = NULL;
	canvas_free(&T.shown);
}

void term_size(int *rows, int *cols)
{
	getmaxyx(stdscr, *rows, *cols);
}

void term_resized(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 0 && w.ws_col > 0)
		resizeterm(w.ws_row, w.ws_col);
	T.stale = true;
}

bool term_ascii(void)
{
	return T.ascii;
}

enum color_mode term_color_mode(void)
{
	return T.mode;
}

static void show_cell(int y, int x, const struct cell *cell)
{
	wchar_t text[2] = { (wchar_t)cell_char(cell, T.ascii), 0 };
	int id = (cell->style & STYLE_ID) + (cell->style & STYLE_LIT ? 256 : 0);
	cchar_t cc;

	setcchar(&cc, text, T.attrs[id] | curses_attrs(cell->style), T.pair[id], NULL);
	mvadd_wch(y, x, &cc);
}

static bool same_cell(const struct cell *a, const struct cell *b)
{
	return a->ch == b->ch && a->style == b->style && a->lines == b->lines;
}

/* A wide character is drawn by its left half; when one half changed both are sent. */
static void show_row(const struct canvas *c, int y)
{
	const struct cell *now = c->cells + (size_t)y * (size_t)c->stride;
	struct cell *was = T.shown.cells + (size_t)y * (size_t)T.shown.stride;

	for (int x = 0; x < c->cols; x++) {
		bool wide = x + 1 < c->cols && !now[x + 1].ch;

		if (now[x].ch && (T.stale || !same_cell(&now[x], &was[x]) || (wide && !same_cell(&now[x + 1], &was[x + 1]))))
			show_cell(y, x, &now[x]);
	}
	memcpy(was, now, (size_t)c->cols * sizeof *was);
}

void term_show(const struct canvas *c, int y, int x)
{
	if (T.shown.rows != c->rows || T.shown.cols != c->cols) {
		canvas_free(&T.shown);
		if (!canvas_new(&T.shown, c->rows, c->cols))
			return;
		T.stale = true;
	}
	if (T.stale)
		erase();
	for (int row = 0; row < c->rows; row++)
		show_row(c, row);
	T.stale = false;
	curs_set(y >= 0);
	if (y >= 0)
		move(y, x);
	refresh();
}

void term_redraw(void)
{
	T.stale = true;
	clearok(stdscr, TRUE);
}

static bool write_all(const char *bytes, size_t n)
{
	while (n) {
		ssize_t done = write(STDOUT_FILENO, bytes, n);

		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		bytes += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
	return true;
}

/* Between two frames: curses has sent all it had with the last refresh(). */
bool term_copy(const char *bytes, size_t n, const char **note, struct err *e)
{
	const char *tmux = getenv("TMUX"), *screen = getenv("STY");
	struct buf b = { 0 };
	bool ok;

	*note = tmux && *tmux ? "tmux obeys when its set-clipboard is `on'" :
	    screen && *screen ? "screen passes nothing on" : NULL;
	if (n > CLIPBOARD_MOST)
		return err_set(e, ERR_USAGE, "%zu bytes are more than the %d a terminal takes", n, CLIPBOARD_MOST);
	clipboard_sequence(bytes, n, tmux && *tmux, &b);
	ok = write_all(b.data, b.len);
	buf_free(&b);
	return ok || err_set(e, ERR_RUN, "the terminal: %s", strerror(errno));
}

void term_leave(void)
{
	endwin();
}

void term_return(void)
{
	modes(T.mouse);
	term_resized();
	term_redraw();
	refresh();
}

static int named_key(int code)
{
	static const struct { int code, key; } map[] = {
		{ KEY_LEFT, KEY_IS_LEFT }, { KEY_RIGHT, KEY_IS_RIGHT }, { KEY_UP, KEY_IS_UP }, { KEY_DOWN, KEY_IS_DOWN },
		{ KEY_HOME, KEY_IS_HOME }, { KEY_END, KEY_IS_END }, { KEY_PPAGE, KEY_IS_PAGE_UP },
		{ KEY_NPAGE, KEY_IS_PAGE_DOWN }, { KEY_IC, KEY_IS_INSERT }, { KEY_DC, KEY_IS_DELETE },
		{ KEY_BTAB, KEY_IS_BACKTAB }, { KEY_SLEFT, KEY_IS_S_LEFT }, { KEY_SRIGHT, KEY_IS_S_RIGHT },
		{ KEY_BACKSPACE, KEY_BACKSPACE_KEY }, { KEY_ENTER, KEY_ENTER_KEY },
	};

	for (size_t i = 0; i < sizeof map / sizeof *map; i++)
		if (map[i].code == code)
			return map[i].key;
	return code >= KEY_F(1) && code <= KEY_F(10) ? KEY_IS_F1 + code - KEY_F(1) : KEY_NONE;
}

static bool take_mouse(struct term_event *ev)
{
	MEVENT m;

	if (getmouse(&m) != OK)
		return false;
	ev->key = KEY_IS_MOUSE;
	ev->y = m.y;
	ev->x = m.x;
	ev->wheel = m.bstate & BUTTON4_PRESSED ? -1 : m.bstate & BUTTON5_PRESSED ? 1 : 0;
	return true;
}

bool term_event(struct term_event *ev)
{
	wint_t ch;
	int got;

	*ev = (struct term_event){ .key = KEY_NONE };
	for (;;) {
		got = get_wch(&ch);
		if (got == ERR)
			return false;
		if (got == KEY_CODE_YES && ch == KEY_MOUSE) {
			if (take_mouse(ev))
				return true;
			continue;
		}
		ev->key = got == KEY_CODE_YES ? named_key((int)ch) : (int)ch;
		if (ev->key == KEY_NONE)        /* KEY_RESIZE, and what nobody bound */
			continue;
		if (ev->key == '\n')
			ev->key = KEY_ENTER_KEY;
		if (ev->key == 8)
			ev->key = KEY_BACKSPACE_KEY;
		/* Escape with something right behind it is Alt. */
		if (ev->key == KEY_ESC && get_wch(&ch) == OK)
			ev->key = (int)ch | KEY_ALT;
		return true;
	}
}
