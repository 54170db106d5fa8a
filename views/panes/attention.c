/*
 * attention -- one head's row: which tokens it reads at the step under the cursor.
 *
 * The head is the one chosen in the heads pane.  On top the figures of the row,
 * below them the row along the text, then the keys it looks at most.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/headrow.h"
#include "engine/base/mem.h"
#include "views/draw_chart.h"
#include "views/draw_table.h"
#include "views/pane.h"

enum { CHART_ROWS = 3 };

struct key {
	int at;
	float p;
};

struct keys {
	const struct view *v;
	int n;
	struct key *key;        /* [n], by falling probability */
	struct buf token;
	char pos[12], share[12];
};

static const float *row_of(const struct view *v)
{
	const struct look *k = v->look;

	return k && k->attention && v->head < k->n_heads ? k->attention + (size_t)v->head * (size_t)k->n_keys : NULL;
}

static int by_share(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->p != y->p)
		return x->p > y->p ? -1 : 1;
	return x->at - y->at;
}

static void fill_row(void *of, int row, struct table_cell *cells)
{
	struct keys *k = of;
	int t = k->key[row].at;
	float p = k->key[row].p;

	buf_clear(&k->token);
	if (t < timeline_n_tokens(k->v->steps))
		view_token(k->v, timeline_token(k->v->steps, t), false, &k->token);
	snprintf(k->pos, sizeof k->pos, "%d", t);
	snprintf(k->share, sizeof k->share, "%.1f", (double)p * 100);
	cells[0] = (struct table_cell){ .text = k->pos, .style = STYLE_DIM };
	cells[1] = (struct table_cell){ .text = k->token.data ? k->token.data : "", .style = STYLE_TEXT };
	cells[2] = (struct table_cell){ .text = k->share, .style = STYLE_NUMBER };
	cells[3] = (struct table_cell){ .bar = p, .style = STYLE_BAR };
}

static const struct table_column columns[] = {
	{ "at", 5, true }, { "token", 14, false }, { "share %", 7, true }, { "", 0, false },
};

static int draw_figures(struct canvas *c, const float *p, int n)
{
	struct headrow r = headrow_of(p, n);
	double sharp = r.entropy > 0 ? r.bound / r.entropy : 1;

	canvas_printf(c, 0, 0, STYLE_NUMBER, "%.3f nats", r.entropy);
	canvas_printf(c, 0, 12, STYLE_TEXT, "%.1f of %d keys in effect, %.1f %% on the first", r.effective, n, r.sink * 100);
	if (c->rows < 8)
		return 1;
	canvas_printf(c, 1, 0, STYLE_DIM, "%.3f nats at least for scores this strong (%.0f %% as sharp as they allow)", r.bound,
	    fmin(sharp, 1) * 100);
	return 2;
}

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	const float *p = row_of(v);
	struct keys k = { .v = v };
	int y;

	if (!p) {
		pane_empty(c, v->step ? v->look_why : "nothing yet");
		return;
	}
	k.n = v->look->n_keys;
	k.key = mem_array((size_t)k.n, sizeof *k.key);
	for (int i = 0; i < k.n; i++)
		k.key[i] = (struct key){ i, p[i] };
	qsort(k.key, (size_t)k.n, sizeof *k.key, by_share);
	y = draw_figures(c, p, k.n);
	if (c->rows >= y + CHART_ROWS + 4) {
		int shown = k.n < c->cols ? k.n : c->cols;

		draw_columns(c, (struct rect){ y, 0, CHART_ROWS, shown }, p + k.n - shown, shown,
		    (struct scale){ .lo = 0, .hi = fmaxf(k.key[0].p, 1e-6f) });
		canvas_printf(c, y + CHART_ROWS, 0, STYLE_DIM, "positions %d to %d", k.n - shown, k.n - 1);
		y += CHART_ROWS + 1;
	}
	struct canvas rest = canvas_sub(c, (struct rect){ y, 0, c->rows - y, c->cols });
	draw_table(&rest, &(struct table){ .columns = columns, .n_columns = 4, .n_rows = k.n, .chosen = at->row,
	    .lit = at->focused, .row = fill_row, .of = &k });
	buf_free(&k.token);
	free(k.key);
}

/* By position, not by share: the row of the head as it is. */
static bool values(const struct view *v, int row, struct buf *out)
{
	const float *p = row_of(v);

	if (row < 0)
		buf_printf(out, "position\ttoken\tL%d.H%d", v->layer, v->head);
	if (row < 0 || !p || row >= v->look->n_keys)
		return row < 0;
	buf_printf(out, "%d\t", row);
	if (row < timeline_n_tokens(v->steps))
		view_piece(v, timeline_token(v->steps, row), out);
	pane_figure(out, p[row]);
	return true;
}

static void extent(const struct view *v, int *rows, int *cols)
{
	*rows = v->look && v->look->attention ? v->look->n_keys : 0;
	*cols = 1;
}

static void subject(const struct view *v, const struct choice *at, struct buf *out)
{
	(void)at;
	buf_printf(out, "L%d.H%d", v->layer, v->head);
}

static void enter(const struct view *v, const struct choice *at, struct buf *out)
{
	(void)v, (void)at;
	buf_str(out, "show heads");
}

static void subtitle(const struct view *v, struct buf *out)
{
	buf_printf(out, "of L%d.H%d", v->layer, v->head);
}

const struct pane_def pane_attention = {
	.name = "attention",
	.title = "attention",
	.doc = "where one head looks at the step under the cursor: its share on every token before it",
	.read_it = "A head spreads one unit of attention over the tokens it can see. `keys in effect' is e to its entropy: "
		   "1 means a single token, the number of keys means all alike. Much on the first token is a sink: the head "
		   "rests. The smallest entropy its scores allow tells a head that cannot be sharper from one that is not. "
		   "Choose the head in the heads pane; the row is computed again for this step alone.",
	.source = "entropy bound: Zhai et al. 2023",
	.min_rows = 4, .min_cols = 36, .needs = LOOK_ATTENTION,
	.draw = draw, .subtitle = subtitle, .extent = extent, .subject = subject, .enter = enter,
	.values = values,
};
