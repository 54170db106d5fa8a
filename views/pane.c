#include "views/pane.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PANE(name) extern const struct pane_def pane_##name;
#include "views/panes/panes.def"
#undef PANE

const struct pane_def *const panes[N_PANES] = {
#define PANE(name) &pane_##name,
#include "views/panes/panes.def"
#undef PANE
};

int pane_find(const char *name)
{
	for (int i = 0; i < N_PANES; i++)
		if (!strcmp(panes[i]->name, name))
			return i;
	return -1;
}

struct rect pane_inside(struct rect r, bool line_left)
{
	int left = line_left ? 2 : 1;

	return (struct rect){ .y = r.y + 1, .x = r.x + left, .rows = r.rows - 1, .cols = r.cols - left - 1 };
}

static void draw_title(struct canvas *c, const struct pane_def *p, int x, int number, bool focused,
    const struct view *v)
{
	style_bits title = focused ? STYLE_FOCUS : STYLE_TITLE;
	struct buf sub = { 0 };
	int end = c->cols - 1;

	x = canvas_put(c, 0, x, STYLE_TEXT, ' ');
	if (number > 0)
		x = canvas_printf(c, 0, x, focused ? STYLE_FOCUS : STYLE_DIM, "%d ", number);
	x = canvas_fit(c, 0, x, end - x - 1, title, p->title);
	x = canvas_put(c, 0, x, STYLE_TEXT, ' ');
	if (p->legend) {
		int begin = p->legend(c, x + 2, end - 1, v);

		if (begin < end - 1) {
			canvas_put(c, 0, begin - 1, STYLE_TEXT, ' ');
			canvas_put(c, 0, end - 1, STYLE_TEXT, ' ');
			end = begin - 2;
		}
	}
	if (p->subtitle)
		p->subtitle(v, &sub);
	if (sub.len && end - x > 8) {
		x = canvas_fit(c, 0, x, end - x - 2, STYLE_DIM, sub.data);
		canvas_put(c, 0, x, STYLE_TEXT, ' ');
	}
	buf_free(&sub);
}

/* Each line reaches one cell into the next pane's, where they join. */
void pane_lines(struct canvas *area, struct rect r, bool line_left, bool focused)
{
	if (line_left)
		canvas_vline(area, r.y, r.x, r.rows + (r.y + r.rows < area->rows ? 1 : 0), STYLE_RULE);
	canvas_hline(area, r.y, r.x, r.cols + (r.x + r.cols < area->cols ? 1 : 0), focused ? STYLE_FOCUSRULE : STYLE_RULE);
}

void pane_draw(struct canvas *screen, const struct pane_def *p, struct rect r, bool line_left, int number,
    bool focused, const struct view *v, const struct choice *at)
{
	struct canvas c = canvas_sub(screen, r), inside = canvas_sub(screen, pane_inside(r, line_left));

	draw_title(&c, p, line_left ? 2 : 1, number, focused, v);
	if (inside.rows > 0 && inside.cols > 0)
		p->draw(&inside, v, at);
}

int pane_scroll(int n, int shown, int row)
{
	int first = row - shown / 2;

	if (first > n - shown)
		first = n - shown;
	return first < 0 ? 0 : first;
}

void pane_figure(struct buf *out, float value)
{
	buf_char(out, '\t');
	if (!isnan(value))
		buf_printf(out, "%.9g", (double)value);
}

void pane_empty(struct canvas *c, const char *why)
{
	int width = text_width(why, strlen(why)), x = (c->cols - width) / 2;

	canvas_fit(c, c->rows / 3, x < 0 ? 0 : x, c->cols, STYLE_DIM, why);
}
