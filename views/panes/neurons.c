/*
 * neurons -- the neurons that moved the residual stream most at this step.
 *
 * A step keeps the strongest few of each layer, by |activation| times the length
 * of the neuron's column in the down-projection: what it really wrote.
 */
#include <math.h>
#include <stdio.h>

#include "views/draw_table.h"
#include "views/pane.h"

enum { MOST = 256, NARROW = 46 };

struct ranked {
	const struct view *v;
	int n;
	struct {
		int layer;
		struct step_neuron neuron;
	} at[MOST];
	char site[32], activation[24], contribution[24];
	struct buf reads, writes;
	bool ascii, narrow;
};

static void insert(struct ranked *r, int layer, const struct step_neuron *nn)
{
	int i = r->n < MOST ? r->n++ : MOST - 1;

	if (i == MOST - 1 && r->at[i].neuron.contribution > nn->contribution)
		return;
	for (; i > 0 && r->at[i - 1].neuron.contribution < nn->contribution; i--)
		r->at[i] = r->at[i - 1];
	r->at[i].layer = layer;
	r->at[i].neuron = *nn;
}

static void rank(struct ranked *r, const struct view *v)
{
	const struct step *s = v->step;

	r->v = v;
	r->n = 0;
	for (int l = 0; s && l < s->n_layers; l++)
		for (int i = 0; i < STEP_NEURONS; i++) {
			const struct step_neuron *nn = &s->neurons[l * STEP_NEURONS + i];

			if (nn->index >= 0 && !isnan(nn->contribution))
				insert(r, l, nn);
		}
}

static bool is_edited(const struct view *v, int layer, int index)
{
	for (int i = 0; i < edit_set_n(v->edits); i++) {
		const struct edit *ed = edit_set_at(v->edits, i);

		if (ed->on && ed->at.layer == layer && ed->at.index == index && ed->at.head < 0)
			return true;
	}
	return false;
}

/* The tokens one side of a neuron stands for; false while they are not known. */
static bool name_tokens(struct ranked *r, const struct neuron_ref *ref, enum neuron_variant variant, struct buf *out)
{
	struct neuron_reading got;

	buf_clear(out);
	if (!r->v->words || !neuron_cache_find(r->v->words, ref, variant, &got))
		return false;
	for (int i = 0; i < got.n && i < 3; i++) {
		if (i)
			buf_char(out, ' ');
		view_token(r->v, got.top[i].id, r->ascii, out);
	}
	return got.n > 0;
}

/* Into two cells: what it writes, what it reads. */
static void fill_words(struct ranked *r, int row, struct table_cell *cells)
{
	int layer = r->at[row].layer, index = r->at[row].neuron.index;
	struct neuron_ref up = { layer, NEURON_UP, index }, down = { layer, NEURON_DOWN, index };

	cells[0] = (struct table_cell){ .style = STYLE_TEXT, .text = name_tokens(r, &down, NEURON_WRITE, &r->writes) ?
	    r->writes.data : "..." };
	cells[1] = (struct table_cell){ .style = STYLE_DIM, .text = name_tokens(r, &up, NEURON_RAW, &r->reads) ?
	    r->reads.data : "..." };
}

/* As many as fit beside the sign: large values keep their figures in front. */
static int decimals(float v)
{
	return fabsf(v) < 10 ? 3 : fabsf(v) < 100 ? 2 : 1;
}

static void fill_row(void *of, int row, struct table_cell *cells)
{
	struct ranked *r = of;
	const struct step_neuron *nn = &r->at[row].neuron;
	bool held = is_edited(r->v, r->at[row].layer, nn->index);
	float most = r->at[0].neuron.contribution;

	snprintf(r->site, sizeof r->site, "L%d.mlp[%d]", r->at[row].layer, (int)nn->index);
	snprintf(r->activation, sizeof r->activation, "%+.*f", decimals(nn->activation), (double)nn->activation);
	snprintf(r->contribution, sizeof r->contribution, "%.*f", decimals(nn->contribution), (double)nn->contribution);
	cells[0] = (struct table_cell){ .text = r->site, .style = held ? STYLE_EDITED : STYLE_TEXT };
	cells[1] = (struct table_cell){ .text = r->activation, .style = STYLE_NUMBER };
	cells[2] = (struct table_cell){ .text = r->contribution, .style = STYLE_NUMBER };
	/* Words need room more than the length does, which has ordered the rows. */
	if (r->v->words)
		fill_words(r, row, cells + (r->narrow ? 2 : 3));
	else
		cells[3] = (struct table_cell){ .bar = most > 0 ? nn->contribution / most : 0, .style = STYLE_BAR };
}

static const struct table_column columns[] = {
	{ "neuron", 14, false }, { "activation", 10, true }, { "writes", 8, true }, { "", 0, false },
};
static const struct table_column narrow[] = {
	{ "neuron", 12, false }, { "value", 6, true }, { "writes", 0, false },
};
static const struct table_column with_words[] = {
	{ "neuron", 13, false }, { "value", 7, true }, { "wrote", 6, true }, { "writes", 0, false }, { "reads", 18, false },
};

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	struct ranked r;

	rank(&r, v);
	if (!r.n) {
		pane_empty(c, v->step ? "not measured at this step" : "nothing yet");
		return;
	}
	r.reads = r.writes = (struct buf){ 0 };
	r.ascii = c->ascii;
	r.narrow = v->words && c->cols < NARROW;
	draw_table(c, &(struct table){ .columns = r.narrow ? narrow : v->words ? with_words : columns,
	    .n_columns = r.narrow ? 3 : v->words && c->cols >= 60 ? 5 : 4, .n_rows = r.n, .chosen = at->row, .lit = at->focused,
	    .row = fill_row, .of = &r });
	buf_free(&r.reads);
	buf_free(&r.writes);
}

static void extent(const struct view *v, int *rows, int *cols)
{
	struct ranked r;

	rank(&r, v);
	*rows = r.n;
	*cols = 1;
}

static void subject(const struct view *v, const struct choice *at, struct buf *out)
{
	struct ranked r;

	rank(&r, v);
	if (at->row >= 0 && at->row < r.n)
		buf_printf(out, "L%d.mlp[%d]", r.at[at->row].layer, (int)r.at[at->row].neuron.index);
}

static bool pick(const struct view *v, struct rect inside, int y, int x, struct choice *at)
{
	struct table t = { .chosen = at->row };
	int cols;

	(void)x;
	extent(v, &t.n_rows, &cols);
	at->row = draw_table_pick(inside.rows, &t, y);
	return at->row >= 0;
}

static void subtitle(const struct view *v, struct buf *out)
{
	(void)v;
	buf_str(out, "strongest at this step");
}

const struct pane_def pane_neurons = {
	.name = "neurons",
	.title = "neurons",
	.doc = "the neurons that wrote most into the residual stream at the step under the cursor",
	.read_it = "A neuron is one element of a layer's MLP. activation is its value; writes is the length of what it "
		   "added to the residual stream (|activation| times the length of its column in the down-projection). "
		   "The words are what its output column (writes) and its up-projection row (reads) stand for when the LM "
		   "head reads them: tokens it makes likelier when its value is positive, tokens it listens for. "
		   "c holds the chosen neuron at a value from the next step.",
	.min_rows = 3, .min_cols = 30,
	.draw = draw, .subtitle = subtitle, .extent = extent, .subject = subject, .pick = pick,
};
