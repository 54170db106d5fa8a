#include "views/prompt.h"

#include <string.h>

#include "engine/base/utf8.h"

/* Bytes to leave out on the left so that the cursor is in sight. */
static size_t scrolled(const struct prompt_view *p, int room)
{
	size_t from = 0, n = strlen(p->text);

	while (from < p->point && text_width(p->text + from, p->point - from) >= room) {
		uint32_t cp;
		int len = utf8_decode(p->text + from, n - from, &cp);

		from += len > 0 ? (size_t)len : 1;
	}
	return from;
}

int prompt_draw(struct canvas *c, const struct prompt_view *p)
{
	int y = c->rows - 1, x = canvas_str(c, y, 0, STYLE_KEY, p->prompt);
	size_t from = scrolled(p, c->cols - x - 1);
	int cursor = x + text_width(p->text + from, p->point - from);
	struct buf shown = { 0 };

	utf8_escape(p->text + from, strlen(p->text + from), &shown);
	x = canvas_str(c, y, x, STYLE_TEXT, shown.len ? shown.data : "");
	if (p->hint && x + 3 < c->cols)
		canvas_fit(c, y, x + 2, c->cols - x - 3, STYLE_DIM, p->hint);
	buf_free(&shown);
	return cursor < c->cols ? cursor : c->cols - 1;
}

static int column_width(const struct prompt_view *p)
{
	int width = 4;

	for (int i = 0; i < p->n_matches; i++) {
		int w = text_width(p->matches[i], strlen(p->matches[i]));

		width = w > width ? w : width;
	}
	return width + 2;
}

int prompt_menu_rows(const struct prompt_view *p, int cols, int most)
{
	int width = column_width(p), across = cols / width > 0 ? cols / width : 1;
	int rows = (p->n_matches + across - 1) / across;

	return rows < most ? rows : most;
}

void prompt_draw_menu(struct canvas *c, const struct prompt_view *p)
{
	int width = column_width(p), across = c->cols / width > 0 ? c->cols / width : 1;

	canvas_fill(c, (struct rect){ 0, 0, c->rows, c->cols }, STYLE_TEXT, ' ');
	for (int i = 0; i < p->n_matches && i / across < c->rows; i++) {
		bool last = i == c->rows * across - 1 && i + 1 < p->n_matches;

		if (last)
			canvas_printf(c, i / across, i % across * width, STYLE_DIM, "and %d more", p->n_matches - i);
		else
			canvas_fit(c, i / across, i % across * width + 1, width - 1, STYLE_KEYTEXT, p->matches[i]);
	}
}
