/*
 * text -- the text, each generated token in the colour of the chosen lens.
 *
 * A token is coloured by the step that made it: the distribution the model gave
 * before it was drawn.  Without colour, underline and bold stand for the levels,
 * and with colour the highest third is underlined too.
 */
#include <math.h>
#include <string.h>

#include "views/draw_text.h"
#include "views/pane.h"
#include "views/scale.h"

enum { WINDOW = 1024 };         /* tokens by which the window on a long text moves */

struct colours {
	const struct view *v;
	struct scale scale;
	bool mono;
};

static style_bits level_style(float u, bool mono)
{
	static const style_bits plain[4] = {
		STYLE_TEXT, STYLE_TEXT | STYLE_UNDERLINE, STYLE_TEXT | STYLE_BOLD,
		STYLE_TEXT | STYLE_BOLD | STYLE_UNDERLINE,
	};

	if (mono)
		return plain[u >= 1 ? 3 : (int)(u * 4)];
	return (style_bits)(style_heat(scale_step(u)) | (u > 0.667f ? STYLE_UNDERLINE : 0));
}

static style_bits token_style(void *of, int token)
{
	const struct colours *k = of;
	float u;

	if (token == k->v->at + 1)
		return STYLE_CURSOR;
	if (source_is_mark(k->v->source, timeline_token(k->v->steps, token)))
		return STYLE_DIM;
	if (timeline_why(k->v->steps, token) == WHY_PROMPT)
		return STYLE_PROMPT;
	u = scale_unit(k->scale, timeline_scalar(k->v->steps, token - 1, k->v->text_lens));
	return isnan(u) ? STYLE_TEXT : level_style(u, k->mono);
}

/* In a conversation what the user says and what the model answers begin lines of
 * their own, and so does a mark behind a mark ("<|eot_id|><|start_header_id|>"). */
static bool begins_turn(const struct view *v, int token, const char *bytes)
{
	bool given = timeline_why(v->steps, token) == WHY_PROMPT;

	if (!v->chat || token < 2 || *bytes == '\n')
		return false;
	return given != (timeline_why(v->steps, token - 1) == WHY_PROMPT) ||
	    (source_is_mark(v->source, timeline_token(v->steps, token - 1)) &&
	    source_is_mark(v->source, timeline_token(v->steps, token)));
}

/* The tokens that can be in sight; the window moves in large steps so that lines
 * break at the same places from frame to frame. */
static void fill(struct text *t, const struct view *v, int cells)
{
	int n = timeline_n_tokens(v->steps), from = (v->at - cells) / WINDOW * WINDOW, to = v->at + 2 + cells;

	for (int i = from > 0 ? from : 0; i < n && i < to; i++) {
		size_t len = 0;
		int32_t id = timeline_token(v->steps, i);
		const char *bytes = id >= 0 ? source_piece(v->source, id, &len) : NULL;

		if (bytes && len && begins_turn(v, i, bytes))
			text_break(t);
		if (bytes)
			text_add(t, i, bytes, len);
	}
	if (v->state == STATE_ENDED || v->state == STATE_YOUR_TURN)     /* before that, half a character may yet be completed */
		text_end(t, n - 1);
}

/* The newest line stays at the bottom while the cursor follows; elsewhere the
 * cursor is kept in the middle. */
static int first_line(const struct text *t, const struct view *v, int rows)
{
	int line = text_line_of(t, v->at + 1), first = t->n_lines - rows;

	if (t->n_lines <= rows)
		return 0;
	if (line < first + rows / 4)
		first = line - rows / 2;
	return first < 0 ? 0 : first;
}

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	struct colours k = { .v = v, .scale = view_scale(v, v->text_lens), .mono = c->mono };
	struct text t = { .ascii = c->ascii };
	int first;

	(void)at;
	if (!timeline_n_tokens(v->steps)) {
		pane_empty(c, v->state == STATE_READING ? "the text is being read" : v->chat ? "your turn: type :chat TEXT" : "no text yet: type :prompt TEXT");
		return;
	}
	fill(&t, v, c->rows * c->cols);
	text_wrap(&t, c->cols);
	first = first_line(&t, v, c->rows);
	draw_text(c, &t, first, token_style, &k);
	if (v->find && *v->find)
		draw_text_find(c, &t, first, v->find);
	text_free(&t);
}

static bool pick(const struct view *v, struct rect inside, int y, int x, struct choice *at)
{
	struct text t = { 0 };

	fill(&t, v, inside.rows * inside.cols);
	text_wrap(&t, inside.cols);
	at->row = text_token_at(&t, first_line(&t, v, inside.rows), y, x) - 1;
	text_free(&t);
	return at->row >= 0;
}

static bool values(const struct view *v, int row, struct buf *out)
{
	static const char *const why[] = { [WHY_PROMPT] = "prompt", [WHY_SAMPLED] = "sampled", [WHY_FORCED] = "forced" };

	if (row < 0)
		buf_printf(out, "position\ttoken\tid\twhy\t%s", lenses[v->text_lens]->probe.name);
	if (row < 0 || row >= timeline_n_tokens(v->steps))
		return row < 0;
	buf_printf(out, "%d\t", row);
	view_piece(v, timeline_token(v->steps, row), out);
	buf_printf(out, "\t%d\t%s", (int)timeline_token(v->steps, row), why[timeline_why(v->steps, row)]);
	pane_figure(out, row ? timeline_scalar(v->steps, row - 1, v->text_lens) : NAN);
	return true;
}

static void enter(const struct view *v, const struct choice *at, struct buf *out)
{
	(void)v;
	buf_printf(out, "cursor %d", at->row);
}

static void subtitle(const struct view *v, struct buf *out)
{
	buf_printf(out, "coloured by %s", lenses[v->text_lens]->probe.name);
}

static int legend(struct canvas *c, int from, int x, const struct view *v)
{
	return scale_legend(c, 0, from, x, view_scale(v, v->text_lens), lenses[v->text_lens]->unit);
}

const struct pane_def pane_text = {
	.name = "text",
	.title = "text",
	.doc = "the text, each generated token in the colour of the chosen lens",
	.read_it = "What was given is plain. A generated token is dark where the model was sure of it and bright (and "
		   "underlined) where it was not. The marked token is the one the step under the cursor made: "
		   "Left and Right move it, and every pane follows. `lens NAME` colours by another signal. Special tokens, "
		   "such as the marks around the turns of a conversation, are dim; in a conversation each turn begins a line.",
	.min_rows = 3, .min_cols = 20,
	.draw = draw, .subtitle = subtitle, .legend = legend, .pick = pick, .enter = enter, .values = values,
};
