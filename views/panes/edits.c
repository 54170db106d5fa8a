/*
 * edits -- what is being held, scaled or added, and since when.
 */
#include <math.h>
#include <stdio.h>

#include "analysis/account.h"
#include "analysis/alarm.h"
#include "views/draw_table.h"
#include "views/pane.h"

struct drawn {
	const struct view *v;
	char number[12], text[128], times[16], last[24], mean[24];
};

static void fill_receipt(struct drawn *r, const struct account *a, bool on, struct table_cell *cells)
{
	style_bits st = on && a->asked && !a->applied ? STYLE_BAD : STYLE_NUMBER;

	snprintf(r->times, sizeof r->times, "%ld", a->applied);
	snprintf(r->last, sizeof r->last, "%.3g", (double)a->last_change);
	snprintf(r->mean, sizeof r->mean, "%.3g", a->mean_change);
	cells[3] = (struct table_cell){ .text = a->asked ? r->times : NULL, .style = st };
	cells[4] = (struct table_cell){ .text = a->positions ? r->last : NULL, .style = STYLE_NUMBER };
	cells[5] = (struct table_cell){ .text = a->positions ? r->mean : NULL, .style = STYLE_DIM };
}

static void fill_row(void *of, int row, struct table_cell *cells)
{
	struct drawn *r = of;
	const struct edit *ed = edit_set_at(r->v->edits, row);
	struct account a = account_of(r->v->steps, ed->number, r->v->at);

	snprintf(r->number, sizeof r->number, "%d", ed->number);
	cells[0] = (struct table_cell){ .text = r->number, .style = STYLE_DIM };
	cells[1] = (struct table_cell){ .text = edit_format(ed, r->text, sizeof r->text),
		.style = ed->on ? STYLE_EDITED : STYLE_CUT };
	cells[2] = (struct table_cell){ .text = !ed->on ? "off" : a.asked && !a.applied ? "idle" : "on",
		.style = !ed->on ? STYLE_DIM : a.asked && !a.applied ? STYLE_BAD : STYLE_GOOD };
	fill_receipt(r, &a, ed->on, cells);
}

static const struct table_column columns[] = {
	{ "no", 3, true }, { "edit", 0, false }, { "", 4, false }, { "times", 6, true }, { "moved", 7, true },
	{ "mean", 7, true },
};

static void name_token(const struct view *v, int32_t id, bool ascii, struct buf *out)
{
	if (id >= 0)
		view_token(v, id, ascii, out);
}

/* The step under the cursor, made once more without any edit. */
static void draw_comparison(struct canvas *c, int y, const struct view *v)
{
	const struct look *k = v->look;
	struct buf b = { 0 };

	if (!k || isnan(k->jsd)) {
		canvas_fit(c, y, 0, c->cols, STYLE_DIM, v->step ? v->look_why : "");
		return;
	}
	buf_printf(&b, "without edits here: JSD %.4f, KL %.4f nats; ", (double)k->jsd, (double)k->kl);
	name_token(v, k->best[1], c->ascii, &b);
	buf_printf(&b, " %.1f %% -> ", (double)k->best_p[1] * 100);
	name_token(v, k->best[0], c->ascii, &b);
	buf_printf(&b, " %.1f %%", (double)k->best_p[0] * 100);
	canvas_fit(c, y, 0, c->cols, STYLE_TEXT, b.data);
	buf_free(&b);
}

/* The tokens that are tracked, and the pair of them against each other. */
static void draw_tracked(struct canvas *c, int y, const struct view *v)
{
	const struct look *k = v->look;
	struct buf b = { 0 };

	for (int i = 0; i < k->asked.n_track; i++) {
		buf_str(&b, i ? "; " : "ln p ");
		name_token(v, k->asked.track[i], c->ascii, &b);
		buf_printf(&b, " %.2f (%+.2f by the edits)", (double)k->tracked[i][0],
		    (double)k->tracked[i][0] - (double)k->tracked[i][1]);
	}
	if (k->asked.n_track == 2) {
		double with = (double)k->tracked[0][0] - (double)k->tracked[1][0];

		buf_printf(&b, "; first over second %+.2f (%+.2f)", with,
		    with - ((double)k->tracked[0][1] - (double)k->tracked[1][1]));
	}
	canvas_fit(c, y, 0, c->cols, STYLE_TEXT, b.data);
	buf_free(&b);
}

static bool is_probed(const struct view *v)
{
	return v->probing || !isnan(v->probe_after);
}

/* The perplexity of the probe text: the alarm. */
static void draw_probe(struct canvas *c, int y, const struct view *v)
{
	double times = v->probe_after / v->probe_before;
	char text[160];

	if (isnan(v->probe_after)) {
		canvas_fit(c, y, 0, c->cols, STYLE_DIM, "perplexity of the probe text: measuring...");
		return;
	}
	snprintf(text, sizeof text, "perplexity of the probe text: %.3g -> %.3g, %.3g times", v->probe_before, v->probe_after,
	    times);
	canvas_fit(c, y, 0, c->cols, times >= ALARM_RED ? STYLE_BAD : times >= ALARM_AMBER ? STYLE_PEAK : STYLE_GOOD, text);
}

/* A swap whose matrices are being made. */
static void draw_making(struct canvas *c, int y, const struct view *v)
{
	struct buf b = { 0 };

	buf_printf(&b, "making %s: %.0f %%", v->making, 100 * (double)v->made);
	if (v->n_making > 1)
		buf_printf(&b, ", %d more wait", v->n_making - 1);
	canvas_fit(c, y, 0, c->cols, STYLE_EDITED, b.data);
	buf_free(&b);
}

static void draw(struct canvas *whole, const struct view *v, const struct choice *at)
{
	struct drawn r = { .v = v };
	bool making = v->n_making > 0 && whole->rows > 1, swapped = v->receipt.other && whole->rows > 3 + making;
	struct canvas rest = canvas_sub(whole, (struct rect){ 0, 0, whole->rows - making - swapped, whole->cols }), *c = &rest;
	bool compare = c->rows > 3 && v->step && v->step->edits, probe = c->rows > 5 && is_probed(v);
	bool track = c->rows > 4 && compare && v->look && v->look->asked.n_track && !isnan(v->look->jsd);
	struct canvas table = canvas_sub(c, (struct rect){ 0, 0, c->rows - compare - probe - track, c->cols });

	if (making)
		draw_making(whole, whole->rows - 1, v);
	if (swapped)
		draw_receipt(whole, whole->rows - 1 - making, &v->receipt);
	if (!edit_set_n(v->edits)) {
		pane_empty(c, "no edits: c on a head or a neuron, or :clamp SITE = VALUE");
		return;
	}
	draw_table(&table, &(struct table){ .columns = columns, .n_columns = c->cols < 44 ? 4 : 6,
	    .n_rows = edit_set_n(v->edits), .chosen = at->row, .lit = at->focused, .row = fill_row, .of = &r });
	if (compare)
		draw_comparison(c, c->rows - 1 - track - probe, v);
	if (track)
		draw_tracked(c, c->rows - 1 - probe, v);
	if (probe)
		draw_probe(c, c->rows - 1, v);
}

static void extent(const struct view *v, int *rows, int *cols)
{
	*rows = edit_set_n(v->edits);
	*cols = 1;
}

static void enter(const struct view *v, const struct choice *at, struct buf *out)
{
	if (at->row < edit_set_n(v->edits))
		buf_printf(out, "toggle-edit %d", edit_set_at(v->edits, at->row)->number);
}

static void subject(const struct view *v, const struct choice *at, struct buf *out)
{
	char text[ADDRESS_TEXT];

	if (at->row < edit_set_n(v->edits) && !edit_set_at(v->edits, at->row)->swap)
		buf_str(out, address_format(&edit_set_at(v->edits, at->row)->at, text));
}

static void subtitle(const struct view *v, struct buf *out)
{
	buf_printf(out, "revision %u", (unsigned)edit_set_revision(v->edits));
	if (edit_set_n(v->edits) && !isnan(v->probe_after))
		buf_printf(out, ", perplexity x%.3g", v->probe_after / v->probe_before);
}

const struct pane_def pane_edits = {
	.name = "edits",
	.title = "edits",
	.doc = "what writes into the forward pass, in the order it was asked for",
	.read_it = "An edit holds (=), scales (*), adds (+) or bounds (max, min) one place of the model from the next "
		   "step on. Its receipt: how many times it wrote, how far it moved what stood there (L2 length) at the "
		   "last position and on average. `idle' is a warning: it is in force and wrote nothing. The last line "
		   "computes the step under the cursor again without any edit and says how far the next-token "
		   "distributions are apart; `track' adds what that did to a token or two. The perplexity of a short fixed text "
		   "is measured in the background after each change, as if every edit were for all positions: twice the "
		   "usual is a warning, ten times a broken model. Enter turns the chosen one off and on, z takes the last change back, Z "
		   "repeats it.",
	.min_rows = 3, .min_cols = 24, .needs = LOOK_COMPARE,
	.draw = draw, .subtitle = subtitle, .extent = extent, .enter = enter, .subject = subject,
};
