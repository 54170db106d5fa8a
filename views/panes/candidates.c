/*
 * candidates -- what could come next, before and after the sampler.
 *
 * Two probabilities stand side by side and are never mixed: raw is the softmax
 * of the model's logits, final what the sampler made of it.
 */
#include <math.h>
#include <stdio.h>

#include "views/draw_chart.h"
#include "views/pane.h"

struct columns {
	int token, raw, raw_bar, final, final_bar, bar;         /* x of each; width of a bar */
};

static struct columns columns_of(int cols)
{
	struct columns k = { .token = 5 };
	int spare = cols - 5 - 2 * 7 - 2, token = spare / 3;

	token = token < 10 ? 10 : token > 22 ? 22 : token;
	k.bar = (spare - token - 2) / 2;
	k.bar = k.bar < 3 ? 0 : k.bar > 30 ? 30 : k.bar;
	k.raw = k.token + token + 1;
	k.raw_bar = k.raw + 7;
	k.final = k.raw_bar + (k.bar ? k.bar + 2 : 0);
	k.final_bar = k.final + 7;
	return k;
}

static void percent(struct canvas *c, int y, int x, style_bits st, float p)
{
	if (isnan(p))
		canvas_glyph(c, y, x + 5, STYLE_HOLE, GLYPH_HOLE);
	else if (p > 0 && p < 0.0001f)
		canvas_str(c, y, x, st, " <0.01");
	else
		canvas_printf(c, y, x, st, "%6.2f", (double)p * 100);
}

static void draw_candidate(struct canvas *c, int y, const struct view *v, int rank, const struct columns *k, bool chosen_row)
{
	const struct step *s = v->step;
	const struct step_candidate *w = &s->top[rank];
	bool taken = w->id == s->token, given = s->why == WHY_PROMPT, cut = !given && w->p_final == 0;
	style_bits st = taken ? STYLE_CHOSEN : cut ? STYLE_CUT : STYLE_NUMBER;
	struct buf token = { 0 };

	view_token(v, w->id, c->ascii, &token);
	canvas_printf(c, y, 0, STYLE_DIM, "%2d", rank + 1);
	if (taken)
		canvas_glyph(c, y, 3, STYLE_CHOSEN, GLYPH_POINTER);
	canvas_fit(c, y, k->token, k->raw - k->token - 1, st, token.data ? token.data : "");
	percent(c, y, k->raw, st, w->p_raw);
	if (k->bar)
		draw_bar(c, y, k->raw_bar + 1, k->bar, w->p_raw, STYLE_BAR);
	if (cut)
		canvas_str(c, y, k->final, STYLE_CUT, "   cut");
	else
		percent(c, y, k->final, st, given ? NAN : w->p_final);
	if (k->bar && !cut && !given)
		draw_bar(c, y, k->final_bar + 1, k->bar, w->p_final, STYLE_BAR2);
	if (chosen_row)
		canvas_light(c, y, 0, c->cols);
	buf_free(&token);
}

/* How much of the distribution is out of sight. */
static void draw_rest(struct canvas *c, int y, const struct view *v, int shown)
{
	const struct step *s = v->step;
	double mass = 0;

	for (int i = 0; i < shown; i++)
		mass += (double)s->top[i].p_raw;
	canvas_printf(c, y, 5, STYLE_DIM, "the other %d hold %.2f %% raw", v->info->hp.n_vocab - shown,
	    mass < 1 ? (1 - mass) * 100 : 0);
}

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	const struct step *s = v->step;
	struct columns k = columns_of(c->cols);
	int shown, first;

	if (!s || !s->has_logits) {
		pane_empty(c, s ? "no distribution was computed here" : "nothing yet");
		return;
	}
	canvas_str(c, 0, k.token, STYLE_DIM, "token");
	canvas_str(c, 0, k.raw, STYLE_DIM, " raw %");
	canvas_str(c, 0, k.final, STYLE_DIM, "final %");
	shown = c->rows - 1 < s->n_top ? c->rows - 1 : s->n_top;
	first = pane_scroll(s->n_top, shown, at->row);
	for (int i = 0; i < shown; i++)
		draw_candidate(c, 1 + i, v, first + i, &k, at->row == first + i && at->focused);
	if (shown == s->n_top && shown + 1 < c->rows)
		draw_rest(c, shown + 1, v, shown);
}

static void extent(const struct view *v, int *rows, int *cols)
{
	*rows = v->step ? v->step->n_top : 0;
	*cols = 1;
}

static void enter(const struct view *v, const struct choice *at, struct buf *out)
{
	if (v->step && at->row < v->step->n_top)
		buf_printf(out, "pick %d", at->row + 1);
}

static bool values(const struct view *v, int row, struct buf *out)
{
	const struct step *s = v->step;

	if (row < 0)
		buf_str(out, "rank\ttoken\tid\tp_raw\tp_final\ttaken");
	if (row < 0 || !s || row >= s->n_top)
		return row < 0;
	buf_printf(out, "%d\t", row + 1);
	view_piece(v, s->top[row].id, out);
	buf_printf(out, "\t%d", (int)s->top[row].id);
	pane_figure(out, s->top[row].p_raw);
	pane_figure(out, s->why == WHY_PROMPT ? NAN : s->top[row].p_final);
	buf_printf(out, "\t%d", s->top[row].id == s->token);
	return true;
}

static bool pick(const struct view *v, struct rect inside, int y, int x, struct choice *at)
{
	int n = v->step ? v->step->n_top : 0, shown = inside.rows - 1 < n ? inside.rows - 1 : n;

	(void)x;
	at->row = pane_scroll(n, shown, at->row) + y - 1;
	return y >= 1 && y <= shown;
}

static void subtitle(const struct view *v, struct buf *out)
{
	if (v->step)
		buf_printf(out, "for position %d", v->step->pos + 1);
}

const struct pane_def pane_candidates = {
	.name = "candidates",
	.title = "candidates",
	.doc = "the tokens the model thought of for the next position, most probable first",
	.read_it = "raw is the model's own probability (softmax of its logits, nothing else). final is what was left "
		   "to draw from after the sampler: some are cut, the others share all of it. The pointer marks the token "
		   "that was taken. Enter takes the chosen one instead and goes on from there, as a new branch.",
	.min_rows = 3, .min_cols = 30,
	.draw = draw, .subtitle = subtitle, .extent = extent, .enter = enter, .values = values, .pick = pick,
};
