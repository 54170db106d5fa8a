/*
 * The screen as it plays, as an asciicast (version 2: a header line, then lines
 * of [seconds, "o", what the terminal is sent]).
 *
 * It is the real screen: the app runs on the replay with a clock that is moved by
 * hand, and what changes from frame to frame is written as escape sequences.  A
 * recorded command that only looks (show, cursor, lens...) is done again; a
 * caption stays as long as it takes to read.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/lens.h"
#include "app/app.h"
#include "app/command.h"
#include "app/export.h"
#include "app/frame.h"
#include "app/running.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/base/utf8.h"
#include "engine/replay.h"

#define SECOND 1000000000ull
/* Where the hand-moved clock begins: 0 would be the real one. */
#define BEGIN  SECOND

struct cast {
	struct export *x;
	struct app *app;
	struct canvas now, before;
	bool drawn;             /* `before` is what the terminal shows */
	uint64_t ns;            /* the clock */
	struct buf frame;
	struct err *e;
};

/* ---------------------------------------------------------------- frames */

static void put_colour(struct buf *out, int layer, int rgb)
{
	if (rgb >= 0)
		buf_printf(out, ";%d;2;%d;%d;%d", layer, rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255);
}

static void put_style(struct buf *out, const struct theme *t, style_bits st)
{
	struct paint p = theme_paint(t, COLOR_DIRECT, st);

	buf_str(out, "\033[0");
	if (p.attrs & STYLE_BOLD)
		buf_str(out, ";1");
	if (p.attrs & STYLE_UNDERLINE)
		buf_str(out, ";4");
	if (p.attrs & STYLE_REVERSE)
		buf_str(out, ";7");
	put_colour(out, 38, p.fg);
	put_colour(out, 48, p.bg);
	buf_char(out, 'm');
}

static const struct cell *cell_of(const struct canvas *c, int y, int x)
{
	return &c->cells[(size_t)y * (size_t)c->stride + (size_t)x];
}

static bool differs(const struct cast *k, int y, int x)
{
	const struct cell *a = cell_of(&k->now, y, x), *b = cell_of(&k->before, y, x);

	return !k->drawn || a->style != b->style || cell_char(a, false) != cell_char(b, false) || (a->ch == 0) != (b->ch == 0);
}

/* Cells that changed, from the left; the pen is moved where others lie between. */
static void put_row(struct cast *k, int y, int *style)
{
	int pen = -1;

	for (int x = 0; x < k->now.cols; x++) {
		const struct cell *c = cell_of(&k->now, y, x);
		char utf8[4];

		if (!differs(k, y, x) || c->ch == 0)
			continue;
		if (pen != x)
			buf_printf(&k->frame, "\033[%d;%dH", y + 1, x + 1);
		if (*style != c->style)
			put_style(&k->frame, k->app->theme, (style_bits)(*style = c->style));
		buf_add(&k->frame, utf8, (size_t)utf8_encode(cell_char(c, false), utf8));
		pen = x + glyph_width(cell_char(c, false));
	}
}

static bool put_event(struct cast *k, const struct buf *what)
{
	buf_printf(&k->x->text, "[%.6f, \"o\", ", (double)(k->ns - BEGIN) / 1e9);
	buf_json(&k->x->text, what->data, what->len);
	buf_str(&k->x->text, "]\n");
	return k->x->text.len < 1 << 16 || export_flush(k->x, k->e);
}

/* What the screen shows now, for a while. */
static bool show(struct cast *k, uint64_t for_ns)
{
	struct canvas shown = k->before;
	int style = -1;
	bool ok = true;

	frame_draw(k->app, &k->now);
	buf_clear(&k->frame);
	for (int y = 0; y < k->now.rows; y++)
		put_row(k, y, &style);
	if (k->frame.len)
		ok = put_event(k, &k->frame);
	k->before = k->now;
	k->now = shown;
	k->drawn = true;
	k->ns += for_ns;
	clock_fake(k->ns);
	app_tick(k->app);
	return ok;
}

/* ---------------------------------------------------------------- playing */

static uint64_t step_ns(const struct cast *k, const struct step *s)
{
	double ms = s->ms_forward > 0 ? (double)s->ms_forward : 0;

	if (s->why != WHY_SAMPLED)
		return 0;
	/* As the meter plays a recording: to be read along. */
	return k->x->pace > 0 ? SECOND / (uint64_t)k->x->pace : (uint64_t)(1e6 * fmin(fmax(ms, 100), 2000));
}

/* Two seconds, and more for long ones: fifteen letters a second. */
static uint64_t words_ns(const char *words)
{
	size_t n = strlen(words);

	return 2 * SECOND + (n < 300 ? n : 300) * SECOND / 15;
}

static bool play_one(struct cast *k, struct news *n)
{
	uint64_t wait = n->kind == NEWS_STEP ? step_ns(k, n->step) : n->kind == NEWS_WORDS ? words_ns(n->text) : 0;
	char *line = n->kind == NEWS_COMMAND && command_only_looks(n->text) ? mem_strdup(n->text) : NULL;
	struct err ignored;

	/* Going another way from the past brings the reader back to the end. */
	k->app->follow |= n->kind == NEWS_CUT;
	app_news(k->app, n);
	if (line && command_line(k->app, line, &ignored))
		wait = SECOND * 7 / 10;
	free(line);
	return !wait || show(k, wait);
}

static bool play(struct cast *k)
{
	struct news *n;
	bool ok = true;

	app_go(k->app, 0);
	while (ok && (n = source_take(k->app->source)))
		ok = play_one(k, n);
	return ok && show(k, 3 * SECOND) && show(k, 0);
}

static bool begin(struct cast *k)
{
	static const char clear[] = "\033[?25l\033[2J";
	const struct theme *t = k->app->theme;
	struct buf first = { 0 };
	bool ok;

	buf_printf(&k->x->text, "{\"version\": 2, \"width\": %d, \"height\": %d, \"title\": ", k->x->cols, k->x->rows);
	buf_json(&k->x->text, k->x->header->model_name, strlen(k->x->header->model_name));
	buf_printf(&k->x->text, ", \"env\": {\"TERM\": \"xterm-direct\"}, \"theme\": {\"fg\": \"%s\", \"bg\": \"%s\", \"palette\": "
	    "\"#1d232b:#c2410c:#15803d:#a16207:#3b75af:#7c3aed:#0e7490:#c7cdd8\"}}\n", t->light ? "#1d232b" : "#d5dae3",
	    t->light ? "#ffffff" : "#10131a");
	buf_str(&first, clear);
	ok = put_event(k, &first);
	buf_free(&first);
	return ok;
}

bool export_cast(struct export *x, struct err *e)
{
	struct cast k = { .x = x, .ns = BEGIN, .e = e };
	const struct probe *probes[N_LENSES];
	struct source *source;
	bool ok = false;

	for (int i = 0; i < N_LENSES; i++)
		probes[i] = &lenses[i]->probe;
	if (!(source = replay_open(x->path, probes, N_LENSES, e)))
		return false;
	clock_fake(k.ns);
	k.app = app_new(&(struct app_options){ .source = source, .theme = x->theme });
	k.app->pace = 0;
	k.app->speed = 0;
	if (!canvas_new(&k.now, x->rows, x->cols) || !canvas_new(&k.before, x->rows, x->cols))
		err_set(e, ERR_RUN, "no memory for a screen");
	else
		ok = begin(&k) && play(&k);
	canvas_free(&k.now);
	canvas_free(&k.before);
	buf_free(&k.frame);
	app_free(k.app);
	source_close(source);
	clock_fake(0);
	return ok;
}
