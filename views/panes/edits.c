/*
 * edits -- what is being held, scaled or added, and since when.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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

/* What is said below the table, in this order; where there is little room those of
 * the highest rank go first. */
struct note {
	char *text;             /* its own; NULL: the receipt of the swaps */
	style_bits style;
	int rank;
};

struct notes {
	struct note note[12];
	int n;
};

static void add_note(struct notes *all, int rank, style_bits style, struct buf *text)
{
	if (all->n < 12)
		all->note[all->n++] = (struct note){ text->data, style, rank };
	else
		buf_free(text);
	*text = (struct buf){ .data = NULL };
}

/* The step under the cursor, made once more without any edit. */
static void note_comparison(struct notes *all, const struct view *v, int cols, bool ascii)
{
	const struct look *k = v->look;
	struct buf b = { 0 }, likeliest = { 0 };

	if (!k || isnan(k->jsd)) {
		buf_str(&b, v->look_why ? v->look_why : "");
		add_note(all, 1, STYLE_DIM, &b);
		return;
	}
	buf_printf(&b, "without edits here: JSD %.3g, KL %.3g nats", (double)k->jsd, (double)k->kl);
	name_token(v, k->best[1], ascii, &likeliest);
	buf_printf(&likeliest, " %.1f %% -> ", (double)k->best_p[1] * 100);
	name_token(v, k->best[0], ascii, &likeliest);
	buf_printf(&likeliest, " %.1f %%", (double)k->best_p[0] * 100);
	/* On one line where it fits. */
	if (text_width(b.data, b.len) + text_width(likeliest.data, likeliest.len) + 2 <= cols) {
		buf_printf(&b, "; %s", likeliest.data);
		add_note(all, 1, STYLE_TEXT, &b);
	} else {
		add_note(all, 1, STYLE_TEXT, &b);
		buf_printf(&b, "likeliest: %s", likeliest.data);
		add_note(all, 5, STYLE_TEXT, &b);
	}
	buf_free(&likeliest);
}

/* The tokens that are tracked, and the pair of them against each other. */
static void note_tracked(struct notes *all, const struct view *v, bool ascii)
{
	const struct look *k = v->look;
	struct buf b = { 0 };

	for (int i = 0; i < k->asked.n_track; i++) {
		buf_str(&b, "ln p ");
		name_token(v, k->asked.track[i], ascii, &b);
		buf_printf(&b, " %.2f (%+.2f by the edits)", (double)k->tracked[i][0],
		    (double)k->tracked[i][0] - (double)k->tracked[i][1]);
		add_note(all, 3 + i, STYLE_TEXT, &b);
	}
	if (k->asked.n_track == 2) {
		double with = (double)k->tracked[0][0] - (double)k->tracked[1][0];

		buf_printf(&b, "first over second %+.2f (%+.2f)", with,
		    with - ((double)k->tracked[0][1] - (double)k->tracked[1][1]));
		add_note(all, 6, STYLE_TEXT, &b);
	}
}

static bool is_probed(const struct view *v)
{
	return v->probing || !isnan(v->probe_after);
}

/* The perplexity of the probe text: the alarm. */
static void note_probe(struct notes *all, const struct view *v)
{
	double times = v->probe_after / v->probe_before;
	struct buf b = { 0 };

	if (isnan(v->probe_after)) {
		buf_str(&b, "perplexity of the probe text: measuring...");
		add_note(all, 7, STYLE_DIM, &b);
		return;
	}
	buf_printf(&b, "probe text: perplexity %.3g -> %.3g, %.3g times", v->probe_before, v->probe_after, times);
	add_note(all, times >= ALARM_AMBER ? 0 : 7, times >= ALARM_RED ? STYLE_BAD : times >= ALARM_AMBER ? STYLE_PEAK :
	    STYLE_GOOD, &b);
}

/* A swap whose matrices are being made. */
static void note_making(struct notes *all, const struct view *v)
{
	struct buf b = { 0 };

	buf_printf(&b, "making %s: %.0f %%", v->making, 100 * (double)v->made);
	if (v->n_making > 1)
		buf_printf(&b, ", %d more wait", v->n_making - 1);
	add_note(all, 0, STYLE_EDITED, &b);
}

/* An edit that was in force and wrote nothing. */
static int count_idle(const struct view *v)
{
	int n = 0;

	for (int i = 0; i < edit_set_n(v->edits); i++) {
		const struct edit *ed = edit_set_at(v->edits, i);
		struct account a = account_of(v->steps, ed->number, v->at);

		n += ed->on && a.asked && !a.applied;
	}
	return n;
}

static void collect_notes(struct notes *all, const struct view *v, int cols, bool ascii)
{
	struct buf none = { 0 };

	if (edit_set_n(v->edits) && v->step && v->step->edits) {
		note_comparison(all, v, cols, ascii);
		if (v->look && v->look->asked.n_track && !isnan(v->look->jsd))
			note_tracked(all, v, ascii);
	}
	if (edit_set_n(v->edits) && is_probed(v))
		note_probe(all, v);
	if (v->receipt.other)
		add_note(all, 2, STYLE_TEXT, &none);
	if (v->n_making > 0)
		note_making(all, v);
}

/* The last of the highest rank goes. */
static void drop_note(struct notes *all)
{
	int worst = 0;

	for (int i = 0; i < all->n; i++)
		if (all->note[i].rank >= all->note[worst].rank)
			worst = i;
	free(all->note[worst].text);
	all->n--;
	for (int i = worst; i < all->n; i++)
		all->note[i] = all->note[i + 1];
}

/* Draws what fits below the table; returns how many rows it took. */
static int draw_notes(struct canvas *c, const struct view *v)
{
	struct notes all = { .n = 0 };
	int spare = c->rows - 1 - edit_set_n(v->edits), least = c->rows > 6 ? 2 : c->rows > 3;

	collect_notes(&all, v, c->cols, c->ascii);
	while (all.n > (spare > least ? spare : least))
		drop_note(&all);
	for (int i = 0; i < all.n; i++) {
		if (all.note[i].text)
			canvas_fit(c, c->rows - all.n + i, 0, c->cols, all.note[i].style, all.note[i].text);
		else
			draw_receipt(c, c->rows - all.n + i, &v->receipt);
		free(all.note[i].text);
	}
	return all.n;
}

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	struct drawn r = { .v = v };
	int notes = draw_notes(c, v);
	struct canvas table = canvas_sub(c, (struct rect){ 0, 0, c->rows - notes, c->cols });

	if (!edit_set_n(v->edits)) {
		pane_empty(c, "no edits: c on a head or a neuron, or :clamp SITE = VALUE");
		return;
	}
	draw_table(&table, &(struct table){ .columns = columns, .n_columns = c->cols < 44 ? 4 : 6,
	    .n_rows = edit_set_n(v->edits), .chosen = at->row, .lit = at->focused, .row = fill_row, .of = &r });
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
	int idle = count_idle(v);

	buf_printf(out, "revision %u", (unsigned)edit_set_revision(v->edits));
	if (idle)
		buf_printf(out, ", %d idle", idle);
	if (edit_set_n(v->edits) && !isnan(v->probe_after))
		buf_printf(out, ", perplexity x%.3g", v->probe_after / v->probe_before);
}

const struct pane_def pane_edits = {
	.name = "edits",
	.title = "edits",
	.doc = "what writes into the forward pass, in the order it was asked for",
	.read_it = "An edit holds (=), scales (*), adds (+) or bounds (max, min) one place of the model from the next "
		   "step on. Its receipt: how many times it wrote, how far it moved what stood there (L2 length) at the "
		   "last position and on average. `idle' is a warning: it is in force and wrote nothing. The lines below "
		   "compute the step under the cursor again without any edit and say how far the next-token "
		   "distributions are apart; `track' adds what that did to a token or two, "
		   "`receipt' reads the whole text with and without. A swap counts matrices, and what it moved is weights. "
		   "The perplexity of a short fixed text "
		   "is measured in the background after each change, as if every edit were for all positions: twice the "
		   "usual is a warning, ten times a broken model. Enter turns the chosen one off and on, z takes the last change back, Z "
		   "repeats it.",
	.min_rows = 3, .min_cols = 24, .needs = LOOK_COMPARE,
	.draw = draw, .subtitle = subtitle, .extent = extent, .enter = enter, .subject = subject,
};
