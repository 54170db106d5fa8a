/*
 * logitlens -- what the model would say if it stopped after each layer.
 *
 * Final norm and LM head are applied to the residual stream behind every layer
 * (nostalgebraist 2020).  A mark stands from the first layer whose favourite
 * stays the favourite to the end.
 */
#include <math.h>
#include <stdio.h>

#include "views/draw_table.h"
#include "views/pane.h"

struct drawn {
	const struct view *v;
	struct buf token[2];
	char layer[16], p[2][12], entropy[12], kl[12];
};

static void put(struct drawn *d, int i, const struct look_candidate *w)
{
	buf_clear(&d->token[i]);
	if (w->id >= 0)
		view_token(d->v, w->id, false, &d->token[i]);
	snprintf(d->p[i], sizeof d->p[i], "%.1f", (double)w->p * 100);
}

static void fill_row(void *of, int row, struct table_cell *cells)
{
	struct drawn *d = of;
	const struct look *k = d->v->look;
	/* The last layer on top: it is the one whose words come out. */
	int l = k->n_layers - 1 - row;
	const struct look_layer *at = &k->lens[l];
	bool settled = l >= k->settled;

	put(d, 0, &at->top[0]);
	put(d, 1, &at->top[1]);
	snprintf(d->layer, sizeof d->layer, "%sL%d", settled ? "=" : " ", l);
	snprintf(d->entropy, sizeof d->entropy, "%.2f", (double)(at->softmax.lse - at->softmax.mean));
	snprintf(d->kl, sizeof d->kl, "%.2f", (double)at->kl);
	cells[0] = (struct table_cell){ .text = d->layer, .style = settled ? STYLE_GOOD : STYLE_DIM };
	cells[1] = (struct table_cell){ .text = d->token[0].data ? d->token[0].data : "",
		.style = settled ? STYLE_CHOSEN : STYLE_TEXT };
	cells[2] = (struct table_cell){ .text = d->p[0], .style = STYLE_NUMBER };
	cells[3] = (struct table_cell){ .text = d->token[1].data ? d->token[1].data : "", .style = STYLE_DIM };
	cells[4] = (struct table_cell){ .text = d->entropy, .style = STYLE_NUMBER };
	cells[5] = (struct table_cell){ .text = d->kl, .style = STYLE_NUMBER };
}

static const struct table_column columns[] = {
	{ "", 5, false }, { "says", 13, false }, { "%", 6, true }, { "then", 0, false }, { "nats", 6, true }, { "KL", 6, true },
};

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	struct drawn d = { .v = v };

	if (!v->look || !v->look->lens) {
		pane_empty(c, v->step ? v->look_why : "nothing yet");
		return;
	}
	draw_table(c, &(struct table){ .columns = columns, .n_columns = 6, .n_rows = v->look->n_layers, .chosen = at->row,
	    .lit = at->focused, .row = fill_row, .of = &d });
	buf_free(&d.token[0]);
	buf_free(&d.token[1]);
}

static bool values(const struct view *v, int row, struct buf *out)
{
	const struct look *k = v->look;
	const struct look_layer *at;

	if (row < 0)
		buf_str(out, "layer\tsays\tp\tthen\tp\tentropy\tKL");
	if (row < 0 || !k || !k->lens || row >= k->n_layers)
		return row < 0;
	at = &k->lens[k->n_layers - 1 - row];
	buf_printf(out, "L%d", k->n_layers - 1 - row);
	for (int i = 0; i < 2; i++) {
		buf_char(out, '\t');
		view_piece(v, at->top[i].id, out);
		pane_figure(out, at->top[i].p);
	}
	pane_figure(out, (float)(at->softmax.lse - at->softmax.mean));
	pane_figure(out, at->kl);
	return true;
}

static void extent(const struct view *v, int *rows, int *cols)
{
	*rows = v->info->hp.n_layers;
	*cols = 1;
}

static void subject(const struct view *v, const struct choice *at, struct buf *out)
{
	buf_printf(out, "L%d.resid", v->info->hp.n_layers - 1 - at->row);
}

static void subtitle(const struct view *v, struct buf *out)
{
	const struct look *k = v->look;

	if (k && k->lens && k->settled < k->n_layers)
		buf_printf(out, "settled from L%d on", k->settled);
}

const struct pane_def pane_logitlens = {
	.name = "logitlens",
	.title = "logit lens",
	.doc = "what the model would say next if it stopped after each layer, last layer on top",
	.read_it = "The residual stream behind a layer, read through the final norm and the LM head as if it were the last. "
		   "`=' marks the layers from which the favourite no longer changes. nats is how open the choice is there; KL is "
		   "how far that layer still is from the final answer, 0 at the end. Early layers of most models speak nonsense: "
		   "their vectors are not made to be read yet.",
	.source = "nostalgebraist 2020",
	.min_rows = 4, .min_cols = 44, .needs = LOOK_LENS,
	.draw = draw, .subtitle = subtitle, .extent = extent, .subject = subject, .values = values,
};
