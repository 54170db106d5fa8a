/*
 * neurons -- the neurons that moved the residual stream most at this step, those
 * that name a word, or one of them in full (neuron_page.c).
 *
 * A step keeps the strongest few of each layer, by |activation| times the length
 * of the neuron's column in the down-projection: what it really wrote.
 */
#include <math.h>
#include <stdio.h>

#include "views/draw_chart.h"
#include "views/draw_table.h"
#include "views/draw_text.h"
#include "views/neuron_page.h"
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

	cells[0] = (struct table_cell){ .style = STYLE_TEXT, .text = name_tokens(r, &down, r->v->neurons->variant[NEURON_DOWN], &r->writes) ?
	    r->writes.data : "..." };
	cells[1] = (struct table_cell){ .style = STYLE_DIM, .text = name_tokens(r, &up, r->v->neurons->variant[NEURON_UP], &r->reads) ?
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

/* The variants that are not the usual ones are named in the head of their column. */
static const char *named(enum neuron_site s, enum neuron_variant v, const char *plain, char *out, size_t room)
{
	if (v == neuron_default_variant(s))
		return plain;
	snprintf(out, room, "%s (%s)", plain, neuron_variant_names[v]);
	return out;
}

static void draw_strongest(struct canvas *c, const struct view *v, const struct choice *at)
{
	const enum neuron_variant *variant = v->neurons->variant;
	char writes[24], reads[24];
	struct table_column plain[] = { { "neuron", 14, false }, { "activation", 10, true }, { "writes", 8, true },
		{ "", 0, false } };
	struct table_column few[] = { { "neuron", 12, false }, { "value", 6, true },
		{ named(NEURON_DOWN, variant[NEURON_DOWN], "writes", writes, sizeof writes), 0, false } };
	struct table_column all[] = { { "neuron", 13, false }, { "value", 7, true }, { "wrote", 6, true },
		{ few[2].name, 0, false },
		{ named(NEURON_UP, variant[NEURON_UP], "reads", reads, sizeof reads), c->cols / 3 > 18 ? c->cols / 3 : 18, false } };
	struct ranked r;

	rank(&r, v);
	if (!r.n) {
		pane_empty(c, v->step ? "not measured at this step" : "nothing yet");
		return;
	}
	r.reads = r.writes = (struct buf){ 0 };
	r.ascii = c->ascii;
	r.narrow = v->words && c->cols < NARROW;
	draw_table(c, &(struct table){ .columns = r.narrow ? few : v->words ? all : plain,
	    .n_columns = r.narrow ? 3 : v->words && c->cols >= NEURONS_ROWS_FROM ? 5 : 4, .n_rows = r.n, .chosen = at->row, .lit = at->focused,
	    .row = fill_row, .of = &r });
	buf_free(&r.reads);
	buf_free(&r.writes);
}

/* The page of what was found. */
struct found {
	const struct view *v;
	bool ascii, narrow, slim;
	char site[32], value[24], rank[12], prob[16], cosine[16];
	struct buf words;
};

static void fill_hit(void *of, int row, struct table_cell *cells)
{
	struct found *f = of;
	const struct neuron_page *p = f->v->neurons;
	const struct neuronfind_hit *h = &p->hit[row];
	const struct look *k = f->v->look;
	struct neuron_labels labels;
	struct buf site = { 0 };
	int n = 0;

	neuron_page_site(h->layer, p->site, h->index, &site);
	snprintf(f->site, sizeof f->site, "%s", site.data);
	buf_free(&site);
	snprintf(f->rank, sizeof f->rank, "%d", h->rank + 1);
	neuron_page_percent((double)h->prob, f->prob, sizeof f->prob);
	snprintf(f->cosine, sizeof f->cosine, "%+.2f", (double)h->cosine);
	buf_clear(&f->words);
	buf_str(&f->words, "");
	for (int i = 0; neuronmap_get(p->sheet.map, h->layer, h->index, &labels) && i < NEURON_LABELS && labels.id[i] >= 0; i++) {
		buf_str(&f->words, i ? " " : "");
		view_token(f->v, labels.id[i], f->ascii, &f->words);
	}
	cells[n++] = (struct table_cell){ .text = f->site,
	    .style = is_edited(f->v, h->layer, h->index) ? STYLE_EDITED : STYLE_TEXT };
	if (!f->slim)
		cells[n++] = (struct table_cell){ .text = f->rank, .style = STYLE_DIM };
	cells[n++] = (struct table_cell){ .text = f->prob, .style = STYLE_NUMBER };
	if (!f->narrow) {
		float x = k && k->neurons && h->layer < k->n_layers ? k->neurons[h->layer * k->d_ff + h->index] : NAN;

		cells[n++] = (struct table_cell){ .text = f->cosine, .style = STYLE_DIM };
		snprintf(f->value, sizeof f->value, "%+.*f", decimals(x), (double)x);
		cells[n++] = (struct table_cell){ .text = isnan(x) ? NULL : f->value, .style = STYLE_NUMBER, .bar = -1 };
	}
	cells[n] = (struct table_cell){ .text = f->words.data, .style = STYLE_TEXT };
}

static const struct table_column hits[] = {
	{ "neuron", 14, false }, { "rank", 4, true }, { "prob %", 7, true }, { "cosine", 6, true }, { "value", 7, true },
	{ "speaks for", 0, false },
};
static const struct table_column narrow_hits[] = {
	{ "neuron", 14, false }, { "rank", 4, true }, { "prob %", 6, true }, { "speaks for", 0, false },
};

static const struct table_column slim_hits[] = {
	{ "neuron", 12, false }, { "prob %", 6, true }, { "speaks for", 0, false },
};

static void draw_near(struct canvas *c, const struct view *v, const struct choice *at)
{
	const struct neuron_page *p = v->neurons;
	struct buf line = { 0 };
	int y;

	buf_printf(&line, "No token of this model is \"%s\".%s", p->text, p->tokens->n ? " The nearest:" : "");
	y = draw_paragraph(c, 0, 0, c->cols, STYLE_TEXT, line.data);
	for (int i = 0; i < p->tokens->n && y + i < c->rows; i++) {
		buf_clear(&line);
		view_token(v, p->tokens->id[i], c->ascii, &line);
		canvas_fit(c, y + i, 2, c->cols - 2, STYLE_TEXT, line.data);
		if (i == at->row && at->focused)
			canvas_light(c, y + i, 0, c->cols);
	}
	buf_free(&line);
}

static void left_text(double s, char *out, size_t room)
{
	if (isnan(s))
		*out = 0;
	else if (s < 90)
		snprintf(out, room, ", %.0f s left", s);
	else if (s < 5400)
		snprintf(out, room, ", %.0f min left", s / 60);
	else
		snprintf(out, room, ", %.1f h left", s / 3600);
}

/* How far the map is; nothing once it is complete.  Returns the rows used. */
static int draw_progress(struct canvas *c, const struct view *v)
{
	const struct neuron_page *p = v->neurons;
	const struct atlas_sheet *t = &p->sheet;
	const char *what = t->phase == ATLAS_HASHING ? "knowing the model by its bytes" : "reading neurons";
	char left[40], text[96];
	int bar = c->cols >= 76 ? 20 : c->cols >= 60 ? 10 : 0, x;

	switch (t->phase) {
	case ATLAS_HASHING: case ATLAS_BUILDING:
		left_text(t->left_s, left, sizeof left);
		x = canvas_printf(c, 0, 0, STYLE_DIM, "%s ", bar ? what : "map");
		if (bar) {
			draw_bar(c, 0, x, bar, (float)t->done, STYLE_BAR);
			x += bar + 1;
		}
		x = canvas_printf(c, 0, x, STYLE_NUMBER, "%.0f %%%s", 100 * t->done, left);
		if (x + 22 < c->cols)
			canvas_right(c, 0, c->cols, STYLE_DIM, ":map cancel stops it");
		return 1;
	case ATLAS_STOPPED: case ATLAS_ASLEEP:
		snprintf(text, sizeof text, "the map was stopped%s: :map build goes on", t->map ? " on the way" : "");
		canvas_fit(c, 0, 0, c->cols, STYLE_PEAK, text);
		return 1;
	case ATLAS_FAILED:
		canvas_fit(c, 0, 0, c->cols, STYLE_BAD, t->why);
		return 1;
	default:
		return 0;
	}
}

static void draw_found(struct canvas *c, const struct view *v, const struct choice *at)
{
	const struct neuron_page *p = v->neurons;
	struct found f = { .v = v, .ascii = c->ascii, .narrow = c->cols < 54, .slim = c->cols < 40 };
	int y = p->tokens->found ? draw_progress(c, v) : 0;
	struct canvas below = canvas_sub(c, (struct rect){ y, 0, c->rows - y, c->cols });

	if (!p->tokens->found) {
		draw_near(c, v, at);
	} else if (!p->n_hits) {
		pane_empty(&below, p->sheet.phase == ATLAS_COMPLETE ? "no neuron names it; m looks in another map" :
		    "no neuron names it so far");
	} else {
		draw_table(&below, &(struct table){ .columns = f.slim ? slim_hits : f.narrow ? narrow_hits : hits,
		    .n_columns = f.slim ? 3 : f.narrow ? 4 : 6, .n_rows = (int)p->n_hits, .chosen = at->row, .lit = at->focused, .row = fill_hit, .of = &f });
		buf_free(&f.words);
	}
}

static void draw(struct canvas *c, const struct view *v, const struct choice *at)
{
	if (v->neurons->shows == NEURONS_ONE)
		neuron_page_draw(c, v, at);
	else if (v->neurons->shows == NEURONS_FOUND)
		draw_found(c, v, at);
	else
		draw_strongest(c, v, at);
}

static void extent(const struct view *v, int *rows, int *cols)
{
	const struct neuron_page *p = v->neurons;
	enum neuron_site s;
	struct ranked r;

	*cols = 1;
	*rows = 0;
	if (p->shows == NEURONS_FOUND) {
		*rows = p->tokens->found ? (int)p->n_hits : p->tokens->n;
		return;
	}
	if (p->shows == NEURONS_ONE) {
		while (neuron_page_vector(&v->info->hp, *rows, &s))
			++*rows;
		return;
	}
	rank(&r, v);
	*rows = r.n;
}

/* A neuron found or shown is named by the vector in question: the column is the value
 * itself, a row is the paper's way to clamp. */
static void subject(const struct view *v, const struct choice *at, struct buf *out)
{
	const struct neuron_page *p = v->neurons;
	enum neuron_site s = NEURON_DOWN;
	struct ranked r;

	if (p->shows == NEURONS_ONE) {
		neuron_page_vector(&v->info->hp, at->row, &s);
		neuron_page_site(p->one.layer, s, p->one.index, out);
		return;
	}
	if (p->shows == NEURONS_FOUND) {
		if (p->tokens->found && at->row >= 0 && at->row < (int)p->n_hits)
			neuron_page_site(p->hit[at->row].layer, p->site, p->hit[at->row].index, out);
		return;
	}
	rank(&r, v);
	if (at->row >= 0 && at->row < r.n)
		neuron_page_site(r.at[at->row].layer, NEURON_DOWN, (int)r.at[at->row].neuron.index, out);
}

static void enter(const struct view *v, const struct choice *at, struct buf *out)
{
	const struct neuron_page *p = v->neurons;
	struct buf site = { 0 };

	if (p->shows == NEURONS_FOUND && !p->tokens->found) {
		size_t n;
		const char *s = at->row < p->tokens->n ? vocab_bytes(p->vocab, p->tokens->id[at->row], &n) : NULL;

		if (s) {
			buf_str(out, "search ");
			buf_add(out, s, n);
		}
		return;
	}
	subject(v, at, &site);
	if (site.len && p->shows != NEURONS_ONE)
		buf_printf(out, "neuron %s", site.data);
	buf_free(&site);
}

static bool pick(const struct view *v, struct rect inside, int y, int x, struct choice *at)
{
	const struct neuron_page *p = v->neurons;
	struct table t = { .chosen = at->row };
	int cols, above = 0;

	(void)x;
	if (p->shows == NEURONS_ONE)
		return false;
	if (p->shows == NEURONS_FOUND && (!p->tokens->found || p->sheet.phase != ATLAS_COMPLETE))
		above = p->tokens->found ? 1 : 0;
	extent(v, &t.n_rows, &cols);
	at->row = draw_table_pick(inside.rows - above, &t, y - above);
	return at->row >= 0;
}

static void subtitle(const struct view *v, struct buf *out)
{
	const struct neuron_page *p = v->neurons;

	if (p->shows == NEURONS_STRONGEST)
		buf_str(out, "strongest at this step");
	else if (p->shows == NEURONS_ONE)
		buf_printf(out, "L%d.mlp[%d]", p->one.layer, p->one.index);
	else if (p->tokens->found)
		buf_printf(out, "\"%s\": %zu %s it (%s, %s)", p->text, p->n_hits, p->site == NEURON_DOWN ? "write" : "read",
		    neuron_site_names[p->site], neuron_variant_names[p->variant[p->site]]);
}

const struct pane_def pane_neurons = {
	.name = "neurons",
	.title = "neurons",
	.doc = "the neurons that wrote most into the residual stream at the step under the cursor, those that name a word, "
	       "or one of them",
	.read_it = "A neuron is one element of a layer's MLP: it reads the residual stream along its rows of the "
		   "up-projection and the gate, and adds its value times its column of the down-projection. value is "
		   "what it is at this step, wrote the length of what it added. The words are what its vectors stand for "
		   "when the LM head reads them: writes, the tokens its column makes likelier when the value is positive; "
		   "reads, those its row listens for. / finds a word: the neurons of all layers that have it among their "
		   "ten best tokens, by the probability they give it. m looks in another map (down: what neurons write; "
		   "up, gate: what they read), v in another variant: raw is the vector as stored, gain and write "
		   "multiply it with the gain of the final norm, read with that of the MLP's. Enter shows the neuron, "
		   "with its value along the text, what it speaks for and against; Up and Down choose a vector there; "
		   "Esc goes back. c begins a clamp: of the value itself where the column is chosen, which adds the "
		   "same to every token; of the up-projection where that row is, as in the paper, which the gate then "
		   "multiplies. To find the dog: / dog Enter Enter c, a value such as the one the page names, Enter, "
		   "and ask for the favourite animal.",
	.source = "Davies, arXiv 2501.02688",
	.min_rows = 3, .min_cols = 30,
	.draw = draw, .subtitle = subtitle, .extent = extent, .subject = subject, .enter = enter, .pick = pick,
};
