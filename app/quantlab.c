#include "app/quantlab.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/quantwork.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"

enum { MAPS = 8 };

struct kept {
	struct quantmap *map;
	unsigned number;
	uint64_t positions;             /* behind its errors at the output */
	const struct quanttext *inputs; /* and whose: NULL for the session's */
};

struct quantlab {
	const struct model *m;
	struct calibration *live;
	struct analyst *analyst;
	struct pool *pool, *alone;      /* all cores, one */
	bool quietly;
	struct kept maps[MAPS];         /* a ring */
	int next_map, now;              /* now -1: none yet */
	unsigned n_made;
	struct quantwork *out;          /* the question that is being answered */
	bool goes_on, stopped;          /* the map is being filled; the user stopped it */
	uint64_t began_ns;
	double began_with, done_before; /* weights to do, weights done, when it began */
	struct quanttext *text;         /* of the file whose activations are wanted; NULL: the session's */
	struct quanttext *reading;      /* a file that is to take its place */
	struct quanttext *line;         /* for Gram matrices, where there is no file */
	const struct tensor *into;      /* wanted */
	struct quantinside inside;      /* there */
	bool has_inside;
	enum quantmap_figure figure;
	char doing[160], inputs[160];
};

struct quantlab *quantlab_new(const struct quantlab_options *o, struct err *e)
{
	struct quantlab *l = mem_zalloc(sizeof *l);

	l->m = o->model;
	l->live = o->live;
	l->now = -1;
	if (!(l->pool = pool_new(o->n_threads > 0 ? o->n_threads : pool_cores(), e)) || !(l->alone = pool_new(1, e)) ||
	    !(l->analyst = analyst_new(e))) {
		quantlab_free(l);
		return NULL;
	}
	return l;
}

void quantlab_free(struct quantlab *l)
{
	if (!l)
		return;
	if (l->out)
		atomic_store(&l->out->stop, true);
	if (l->analyst)
		analyst_free(l->analyst, quantwork_free);
	for (int i = 0; i < MAPS; i++)
		quantmap_free(l->maps[i].map);
	quantinside_free(&l->inside);
	quanttext_free(l->text);
	quanttext_free(l->reading);
	quanttext_free(l->line);
	pool_free(l->pool);
	pool_free(l->alone);
	free(l);
}

int quantlab_fd(const struct quantlab *l)
{
	return l ? analyst_fd(l->analyst) : -1;
}

static struct kept *kept_now(const struct quantlab *l)
{
	return l->now < 0 ? NULL : (struct kept *)(uintptr_t)&l->maps[l->now];
}

/* Weights of the map, all or those that wait to be measured. */
static double weights(const struct quantmap *m, bool waiting)
{
	double n = 0;

	for (int i = 0; i < quantmap_n_cells(m); i++)
		if (m->cells[i].t && (!waiting || m->cells[i].state == QUANT_WAITS))
			n += (double)m->cells[i].t->rows * (double)m->cells[i].t->cols;
	return n;
}

static bool ask(struct quantlab *l, struct quantwork *q)
{
	q->m = l->m;
	q->pool = l->quietly ? l->alone : l->pool;
	if (!analyst_ask(l->analyst, quantwork_answer, q)) {
		quantwork_free(q);
		return false;
	}
	l->out = q;
	return true;
}

/* The calibration whose moments weigh the errors. */
static struct calibration *weighing(const struct quantlab *l)
{
	return l->text ? l->text->calibration : l->live;
}

const struct calibration *quantlab_calibration(const struct quantlab *l)
{
	return weighing(l);
}

static struct quantwork *about_tensor(struct quantlab *l, enum quantwork_kind kind, const struct tensor *t)
{
	const struct kept *k = kept_now(l);
	struct quantwork *q = mem_zalloc(sizeof *q);

	q->kind = kind;
	q->spec = k->map->spec;
	q->map = k->number;
	q->cell = (struct quant_cell){ .t = t, .state = QUANT_WAITS };
	q->moments = mem_array(t->cols, sizeof *q->moments);
	if (weighing(l))
		q->n_tokens = calibration_copy(weighing(l), t, q->moments);
	if (!q->n_tokens) {
		free(q->moments);
		q->moments = NULL;
	}
	q->text = l->text ? l->text : l->line;
	return q;
}

static bool ask_inside(struct quantlab *l)
{
	return l->into && !(l->has_inside && l->inside.t == l->into) &&
	    ask(l, about_tensor(l, QUANTWORK_INSIDE, l->into));
}

static bool ask_next_tensor(struct quantlab *l)
{
	const struct quantmap *m = l->goes_on ? kept_now(l)->map : NULL;
	struct quantwork *q;

	for (int i = 0; m && i < quantmap_n_cells(m); i++)
		if (m->cells[i].state == QUANT_WAITS) {
			q = about_tensor(l, QUANTWORK_TENSOR, m->cells[i].t);
			q->at = i;
			return ask(l, q);
		}
	return false;
}

static bool ask_text(struct quantlab *l)
{
	struct quantwork *q;

	if (!l->reading)
		return false;
	q = mem_zalloc(sizeof *q);
	q->kind = QUANTWORK_TEXT;
	q->text = l->reading;
	return ask(l, q);
}

/* One question at a time: what was asked last by a person goes first. */
static void ask_more(struct quantlab *l)
{
	if (l->out || ask_inside(l) || ask_text(l) || ask_next_tensor(l))
		return;
	l->goes_on = false;
}

static void begin(struct quantlab *l)
{
	struct quantmap *m = kept_now(l)->map;

	/* More may be known of the inputs by now. */
	for (int i = 0; m->spec.def->needs && i < quantmap_n_cells(m); i++)
		if (m->cells[i].state == QUANT_UNFIT)
			quant_cell_clear(&m->cells[i]);
	l->began_with = weights(m, true);
	l->done_before = weights(m, false) - l->began_with;
	l->began_ns = clock_ns();
	l->goes_on = l->began_with > 0;
	l->stopped = false;
	ask_more(l);
}

void quantlab_line(struct quantlab *l, const int32_t *tokens, size_t n)
{
	bool same = l->line && l->line->n_tokens == n && !memcmp(l->line->tokens, tokens, n * sizeof *tokens);

	if (same || !n || (l->out && l->line && l->out->text == l->line))
		return;         /* a text that is being read stays */
	quanttext_free(l->line);
	l->line = quanttext_new(l->m, "");
	l->line->tokens = mem_dup(tokens, n * sizeof *tokens);
	l->line->n_tokens = n;
}

bool quantlab_candidate(size_t i, struct buf *out)
{
	for (int t = 0; t < N_DTYPES; t++)
		if (dtypes[t]->quantize && !dtypes[t]->is_float && i-- == 0) {
			for (const char *s = dtypes[t]->name; *s; s++)
				buf_char(out, (char)tolower((unsigned char)*s));
			return true;
		}
	for (size_t k = 0; k < n_quantizers; k++)
		if (strcmp(quantizers[k]->name, "gguf") != 0 && i-- == 0) {
			buf_str(out, quantizers[k]->name);
			return true;
		}
	return false;
}

/* The candidate `by` places behind the method shown. */
static void neighbour(const struct quantlab *l, int by, struct buf *out)
{
	const char *shown = kept_now(l) ? kept_now(l)->map->spec.text : "";
	struct buf name = { 0 };
	int n = 0, at = 0;

	for (; quantlab_candidate((size_t)n, &name); n++, buf_clear(&name))
		if (!strncmp(name.data, shown, name.len) && (shown[name.len] == ' ' || !shown[name.len]))
			at = n;
	buf_free(&name);
	quantlab_candidate((size_t)((at + by + n) % n), out);
}

/* A map for the method, in the place of the oldest. */
static void open_map(struct quantlab *l, const struct quant_spec *spec)
{
	struct kept *k;

	for (int i = 0; i < MAPS; i++)
		if (l->maps[i].map && !strcmp(l->maps[i].map->spec.text, spec->text)) {
			l->now = i;
			return;
		}
	l->now = l->next_map;
	l->next_map = (l->next_map + 1) % MAPS;
	k = &l->maps[l->now];
	quantmap_free(k->map);
	*k = (struct kept){ .map = quantmap_new(l->m->dir, l->m->hp.n_layers, spec), .number = ++l->n_made };
}

bool quantlab_method(struct quantlab *l, const char *text, struct err *e)
{
	struct quant_spec spec;
	struct buf name = { 0 };
	bool ok;

	if (!strcmp(text, "next") || !strcmp(text, "previous"))
		neighbour(l, *text == 'n' ? 1 : -1, &name);
	ok = quant_parse(&spec, name.len ? name.data : text, e);
	buf_free(&name);
	if (!ok)
		return false;
	open_map(l, &spec);
	l->has_inside = false;          /* of the old method; the same tensor is looked into again */
	begin(l);
	return true;
}

void quantlab_stop(struct quantlab *l)
{
	l->stopped = l->goes_on;
	l->goes_on = false;
	quanttext_free(l->out && l->out->text == l->reading ? NULL : l->reading);
	l->reading = l->out && l->out->text == l->reading ? l->reading : NULL;
	if (l->out)
		atomic_store(&l->out->stop, true);
}

void quantlab_toggle(struct quantlab *l)
{
	if (l->out)
		quantlab_stop(l);
	else if (l->now >= 0)
		begin(l);
}

bool quantlab_into(struct quantlab *l, const char *name, struct err *e)
{
	const struct kept *k = kept_now(l);
	char place[2 * QUANTMAP_NAME];

	l->into = NULL;
	if (!name)
		return true;
	for (int r = 0; k && r < quantmap_rows(k->map); r++)
		for (int c = 0; c < quantmap_cols(k->map); c++) {
			const struct quant_cell *cell = quantmap_cell(k->map, r, c);

			if (!cell || !cell->t)
				continue;
			quantmap_name(k->map, r, c, place);
			if (strcmp(place, name) != 0 && strcmp(cell->t->name, name) != 0)
				continue;
			l->into = cell->t;
			l->has_inside = l->has_inside && l->inside.t == cell->t;
			ask_more(l);
			return true;
		}
	return err_set(e, ERR_USAGE, k ? "the map has no tensor \"%.60s\"" : "choose a method first: quant q4_0", name);
}

/* What a method made of other inputs has to be made again. */
static void forget_weighed(struct quantlab *l)
{
	for (int k = 0; k < MAPS; k++) {
		struct quantmap *m = l->maps[k].map;

		for (int i = 0; m && m->spec.def->needs && i < quantmap_n_cells(m); i++)
			quant_cell_clear(&m->cells[i]);
	}
	l->has_inside = false;
	if (l->now >= 0)
		begin(l);
}

bool quantlab_calibrate(struct quantlab *l, const char *path, struct err *e)
{
	if (l->reading)
		return err_set(e, ERR_USAGE, "another text is being read");
	if (path) {
		l->reading = quanttext_new(l->m, path);
		ask_more(l);
		return true;
	}
	if (l->out)
		return err_set(e, ERR_USAGE, "tensors are being measured on that text; stop that first");
	quanttext_free(l->text);
	l->text = NULL;
	forget_weighed(l);
	return true;
}

void quantlab_show(struct quantlab *l, enum quantmap_figure f)
{
	l->figure = f;
}

void quantlab_quietly(struct quantlab *l, bool quietly)
{
	l->quietly = quietly;
}

/* New moments turn the errors of channels into another error at the output. */
static void weigh(struct kept *k, struct calibration *c)
{
	float *moments = NULL;
	size_t room = 0;

	for (int i = 0; i < quantmap_n_cells(k->map); i++) {
		struct quant_cell *cell = &k->map->cells[i];
		uint64_t n;

		if (cell->state != QUANT_DONE)
			continue;
		if (cell->t->cols > room)
			moments = mem_resize(moments, room = cell->t->cols, sizeof *moments);
		n = calibration_copy(c, cell->t, moments);
		quant_cell_inputs(cell, n ? moments : NULL, n);
	}
	free(moments);
}

void quantlab_refresh(struct quantlab *l)
{
	struct kept *k = kept_now(l);
	struct calibration *c = weighing(l);
	uint64_t n = c ? calibration_positions(c) : 0;

	/* With a Gram matrix the figures are better than moments could make them. */
	if (!k || !c || k->map->spec.def->needs == QUANT_GRAM || (k->positions == n && k->inputs == l->text))
		return;
	weigh(k, c);
	k->positions = n;
	k->inputs = l->text;
}

static void tell_map(const struct quantmap *m, char *out, size_t room)
{
	int last = quantmap_rows(m) - 1, all = quantmap_cols(m) - 1, row, col;
	struct quant_total t = quantmap_total(m, last, all);
	char name[2 * QUANTMAP_NAME];

	if (!quantmap_worst(m, QUANTMAP_SQNR, &row, &col)) {
		snprintf(out, room, "%s: no tensor can be stored that way", m->spec.text);
		return;
	}
	quantmap_name(m, row, col, name);
	snprintf(out, room, "%s: %.4g bits a weight, %.4g dB, %.3g %% squared error; worst %s with %.4g dB", m->spec.text,
	    quantmap_figures[QUANTMAP_BITS].of(&t), quantmap_figures[QUANTMAP_SQNR].of(&t),
	    quantmap_figures[QUANTMAP_ERROR].of(&t), name, quantmap_value(m, row, col, QUANTMAP_SQNR));
}

static void tensor_came(struct quantlab *l, struct quantwork *q, struct quantlab_answer *out)
{
	struct quantmap *m = NULL;

	for (int i = 0; i < MAPS; i++)
		if (l->maps[i].map && l->maps[i].number == q->map)
			m = l->maps[i].map;
	if (!m || !q->ok)
		return;
	m->cells[q->at] = q->cell;
	q->cell = (struct quant_cell){ .t = NULL };
	if (weights(m, true) == 0)
		tell_map(m, out->text, sizeof out->text);
}

static void inside_came(struct quantlab *l, struct quantwork *q)
{
	if (q->cell.t != l->into || q->map != kept_now(l)->number)
		return;         /* something else is wanted by now */
	if (!q->ok) {
		l->into = NULL;
		return;
	}
	quantinside_free(&l->inside);
	l->inside = q->inside;
	l->has_inside = true;
	q->inside = (struct quantinside){ .t = NULL };
}

static void text_came(struct quantlab *l, struct quantwork *q, struct quantlab_answer *out)
{
	if (q->ok) {
		quanttext_free(l->text);
		l->text = l->reading;
		l->reading = NULL;
		forget_weighed(l);
		snprintf(out->text, sizeof out->text, "%.200s: %llu tokens read; errors at the output are of these",
		    l->text->name, (unsigned long long)calibration_positions(l->text->calibration));
	} else {
		quanttext_free(l->reading);
		l->reading = NULL;
	}
}

bool quantlab_take(struct quantlab *l, struct quantlab_answer *out)
{
	struct quantwork *q = l ? analyst_take(l->analyst) : NULL;

	if (!q)
		return false;
	*out = (struct quantlab_answer){ .is_error = false };
	l->out = NULL;
	if (q->kind == QUANTWORK_TENSOR)
		tensor_came(l, q, out);
	else if (q->kind == QUANTWORK_INSIDE)
		inside_came(l, q);
	else
		text_came(l, q, out);
	if (!q->ok && q->err.code != ERR_INTERRUPTED) {
		snprintf(out->text, sizeof out->text, "%.390s", q->err.msg);
		out->is_error = true;
		l->goes_on = l->goes_on && q->kind != QUANTWORK_TENSOR;
	}
	quantwork_free(q);
	ask_more(l);
	return true;
}

bool quantlab_busy(const struct quantlab *l)
{
	return l && l->out;
}

static double seconds_left(const struct quantlab *l, double done)
{
	double took = (double)(clock_ns() - l->began_ns) / 1e9;

	return done > 0 && took > 0.5 ? took * (l->began_with - done) / done : (double)NAN;
}

static void tell_inputs(struct quantlab *l)
{
	const struct quanttext *t = l->text;

	if (t)
		snprintf(l->inputs, sizeof l->inputs, "of %.120s", t->name);
	else
		snprintf(l->inputs, sizeof l->inputs, "read here");
}

struct view_quant quantlab_view(struct quantlab *l)
{
	const struct kept *k = kept_now(l);
	struct view_quant v = { .map = k ? k->map : NULL, .figure = l->figure, .works = l->out != NULL, .left_s = (double)NAN,
		.stopped = l->stopped, .doing = l->doing, .inputs = l->inputs };

	tell_inputs(l);
	if (l->into && l->has_inside)
		v.inside = &l->inside;
	*l->doing = 0;
	if (l->out && l->out->kind == QUANTWORK_TEXT) {
		snprintf(l->doing, sizeof l->doing, "reading %.120s", l->reading->name);
		v.done = analyst_progress(l->analyst);
	} else if (l->out && k) {
		double done = l->began_with - weights(k->map, true);

		v.left_s = seconds_left(l, done);
		v.done = (float)((l->done_before + done) / (l->done_before + l->began_with));
		snprintf(l->doing, sizeof l->doing, "%.100s", l->into && !l->has_inside ? "looking into the tensor" : k->map->spec.text);
	}
	return v;
}
