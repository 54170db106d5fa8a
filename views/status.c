#include "views/status.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/pace.h"

static int draw_state(struct canvas *c, const struct view *v)
{
	static const struct { enum glyph glyph; style_bits style; const char *word; } states[] = {
		[STATE_PAUSED] = { GLYPH_PAUSE, STYLE_PAUSED, "paused" },
		[STATE_RUNNING] = { GLYPH_RUN, STYLE_RUNNING, "running" },
		[STATE_READING] = { GLYPH_RUN, STYLE_RUNNING, "reading" },
		[STATE_ENDED] = { GLYPH_END, STYLE_PAUSED, "ended" },
		[STATE_YOUR_TURN] = { GLYPH_END, STYLE_PAUSED, "your turn" },
	};
	int x = canvas_glyph(c, 0, 1, states[v->state].style, states[v->state].glyph);

	return canvas_printf(c, 0, x + 1, states[v->state].style, "%-7s", states[v->state].word);
}

/* " NAME VALUE" when it fits; parts further right give way first. */
static int part(struct canvas *c, int x, int end, const char *value, const char *unit)
{
	int width = text_width(value, strlen(value)) + (*unit ? 1 + text_width(unit, strlen(unit)) : 0);

	if (x + 2 + width > end)
		return x;
	x = canvas_str(c, 0, x + 2, STYLE_STATUS, value);
	return *unit ? canvas_printf(c, 0, x, STYLE_STATDIM, " %s", unit) : x;
}

static int draw_speed(struct canvas *c, int x, int end, const struct view *v)
{
	char text[48];

	if (v->waited_s >= 1) {
		snprintf(text, sizeof text, "%.0f s", v->waited_s);
		return part(c, x, end, text, "on this token");
	}
	if (isnan(v->tokens_per_s))
		return part(c, x, end, "-", "tok/s");
	snprintf(text, sizeof text, v->tokens_per_s < 99.5 ? "%.1f" : "%.0f", v->tokens_per_s);
	x = part(c, x, end, text, "tok/s");
	if (v->pace > 0) {
		snprintf(text, sizeof text, "%d", v->pace);
		x = part(c, x, end, text, "pace");
	}
	return x;
}

static void draw_work_bar(struct canvas *c, int x, int cols, double done)
{
	int halves = (int)lrint(done * cols * 2);

	for (int i = 0; i < cols; i++, halves -= 2)
		canvas_put(c, 0, x + i, halves > 0 ? STYLE_RUNNING : STYLE_STATDIM,
		    glyph_bar(halves > 2 ? 2 : halves > 0 ? halves : 0, c->ascii));
}

/* What takes a while, at the right end: "read 312 of 2048 tokens ━━━───── 15 % 0:14
 * left  Esc cancels"; the words stay longest.  Returns where it begins. */
static int draw_work(struct canvas *c, int from, int end, const struct view *v)
{
	char cancel[32];
	int bar = isnan(v->work_done) ? 0 : c->cols < 100 ? 10 : 20, words = text_width(v->work, strlen(v->work)), x;
	char tail[64] = "", left[32];

	snprintf(cancel, sizeof cancel, "  %s cancels", v->work_key);

	pace_text(v->work_left_s, left, sizeof left);
	if (bar)
		snprintf(tail, sizeof tail, " %.0f %%%s%s", floor(100 * v->work_done), *left ? " " : "", left);
	int width = words + (bar ? 1 + bar : 0) + (int)strlen(tail) + 1;

	if (from + 2 + width + (int)strlen(cancel) <= end) {
		end -= (int)strlen(cancel);
		canvas_str(c, 0, end - 1, STYLE_STATDIM, cancel);
	}
	if (from + 2 + width > end) {
		width -= bar + (bar > 0);
		bar = 0;
	}
	x = end - width > from + 2 ? end - width : from + 2;
	end = canvas_fit(c, 0, x, end - x, STYLE_STATUS, v->work);
	if (bar) {
		draw_work_bar(c, end + 1, bar, v->work_done);
		end += 1 + bar;
	}
	canvas_str(c, 0, end, STYLE_STATDIM, tail);
	return x;
}

static int draw_parts(struct canvas *c, int x, int end, const struct view *v)
{
	int on = 0;
	char text[64];

	if (v->state == STATE_READING && !v->work) {
		snprintf(text, sizeof text, "%d of %d", v->n_read, v->n_tokens);
		x = part(c, x, end, text, "tokens read");
	}
	if (!v->follow) {
		snprintf(text, sizeof text, "%d", v->at);
		x = part(c, x, end, "at step", text);
	}
	snprintf(text, sizeof text, "%d/%d", timeline_n_tokens(v->steps), v->info->n_ctx);
	x = part(c, x, end, text, "tokens");
	x = draw_speed(c, x, end, v);
	/* A device is worth a word: it may hold some of the layers only. */
	if (v->info->kernels && !strncmp(v->info->kernels, "cuda", 4))
		x = part(c, x, end, v->info->kernels, "");
	for (int i = 0; v->edits && i < edit_set_n(v->edits); i++)
		on += edit_set_at(v->edits, i)->on;
	if (on) {
		snprintf(text, sizeof text, "%d", on);
		x = part(c, x, end, text, on == 1 ? "edit" : "edits");
	}
	if (v->chain)
		x = part(c, x, end, chain_text(v->chain), "");
	return x;
}

void status_draw(struct canvas *c, const struct view *v)
{
	int x, end = c->cols;
	const char *file = v->info->file ? v->info->file : "", *slash = strrchr(file, '/');
	const char *name = *file ? (slash ? slash + 1 : file) : v->info->model_name ? v->info->model_name : "";

	canvas_fill(c, (struct rect){ 0, 0, 1, c->cols }, STYLE_STATUS, ' ');
	x = draw_state(c, v);
	/* What was just said goes first where there is no room for both. */
	if (v->work && (!v->message || text_width(v->message, strlen(v->message)) +
	    text_width(v->work, strlen(v->work)) + 24 < end - x))
		end = draw_work(c, x, end, v) - 1;
	if (v->message) {
		canvas_fit(c, 0, x + 2, end - x - 3, v->message_is_error ? STYLE_ERROR : STYLE_STATUS, v->message);
		return;
	}
	if (!v->work && text_width(name, strlen(name)) + 40 < end - x) {
		end -= text_width(name, strlen(name)) + 3;
		canvas_str(c, 0, end + 2, STYLE_STATDIM, name);
	}
	draw_parts(c, x, end, v);
}

void keyline_draw(struct canvas *c, const struct key_hint *hints, int n)
{
	int x = 1;

	for (int i = 0; i < n; i++) {
		int width = text_width(hints[i].key, strlen(hints[i].key)) + 1 +
		    text_width(hints[i].does, strlen(hints[i].does));

		if (x + width > c->cols)
			continue;
		x = canvas_str(c, 0, x, STYLE_KEY, hints[i].key);
		x = canvas_str(c, 0, x + 1, STYLE_KEYTEXT, hints[i].does) + 2;
	}
}
