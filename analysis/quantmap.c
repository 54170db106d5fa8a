#include "analysis/quantmap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

static double total_sqnr(const struct quant_total *t)
{
	return t->ref_sq > 0 ? -10 * log10(t->err_sq / t->ref_sq) : (double)NAN;
}

static double total_error(const struct quant_total *t)
{
	return t->ref_sq > 0 ? 100 * t->err_sq / t->ref_sq : (double)NAN;
}

static double total_output(const struct quant_total *t)
{
	return t->out_ref > 0 ? 100 * t->out_err / t->out_ref : (double)NAN;
}

static double total_worst(const struct quant_total *t)
{
	return 100 * t->worst;
}

static double total_bits(const struct quant_total *t)
{
	return t->weights > 0 ? t->bits / t->weights : (double)NAN;
}

const struct quant_figure_def quantmap_figures[N_QUANTMAP_FIGURES] = {
	[QUANTMAP_SQNR] = { "sqnr", "dB", "signal to quantization noise of the weights", true, total_sqnr },
	[QUANTMAP_ERROR] = { "error", "%", "squared error of the weights in their squared length", false, total_error },
	[QUANTMAP_OUTPUT] = { "output", "%", "squared error at the output, on the inputs that were seen", false, total_output },
	[QUANTMAP_WORST] = { "worst", "%", "squared error of the worst block of 32 weights", false, total_worst },
	[QUANTMAP_BITS] = { "bits", "bits", "bits per weight, every scale counted", false, total_bits },
};

int quantmap_kind(const char *name, char kind[QUANTMAP_NAME])
{
	int layer = -1;
	char *end;
	size_t n;

	if (!strncmp(name, "blk.", 4)) {
		layer = (int)strtol(name + 4, &end, 10);
		name = *end == '.' ? end + 1 : end;
	}
	n = strlen(name);
	if (n > 7 && !strcmp(name + n - 7, ".weight"))
		n -= 7;
	n = n < QUANTMAP_NAME ? n : QUANTMAP_NAME - 1;
	memcpy(kind, name, n);
	kind[n] = 0;
	return layer;
}

static bool is_matrix(const struct tensor *t)
{
	return t->rows > 1 && t->cols > 1 && t->ne[2] == 1 && t->ne[3] == 1;
}

static int kind_index(const struct quantmap *m, const char *kind)
{
	int i = 0;

	while (i < m->n_kinds && strcmp(m->kinds[i], kind) != 0)
		i++;
	return i;
}

/* Kinds of tensors, and matrices outside of layers. */
static void count(struct quantmap *m, const struct tensor_dir *dir)
{
	for (size_t i = 0; i < dir->n; i++) {
		char kind[QUANTMAP_NAME];
		int layer;

		if (!is_matrix(&dir->t[i]))
			continue;
		layer = quantmap_kind(dir->t[i].name, kind);
		if (layer < 0)
			m->n_outside++;
		else if (layer < m->n_layers && kind_index(m, kind) == m->n_kinds && m->n_kinds < QUANTMAP_KINDS)
			memcpy(m->kinds[m->n_kinds++], kind, sizeof kind);
	}
}

struct quantmap *quantmap_new(const struct tensor_dir *dir, int n_layers, const struct quant_spec *spec)
{
	struct quantmap *m = mem_zalloc(sizeof *m);
	int outside = 0;

	m->spec = *spec;
	m->n_layers = n_layers;
	count(m, dir);
	m->cells = mem_array((size_t)quantmap_n_cells(m) + 1, sizeof *m->cells);
	for (size_t i = 0; i < dir->n; i++) {
		char kind[QUANTMAP_NAME];
		int layer = is_matrix(&dir->t[i]) ? quantmap_kind(dir->t[i].name, kind) : -2, k;

		if (layer == -2)
			continue;
		k = layer < 0 ? 0 : kind_index(m, kind);
		if (layer >= m->n_layers || (layer >= 0 && k >= m->n_kinds))
			continue;
		struct quant_cell *c = &m->cells[layer < 0 ? m->n_layers * m->n_kinds + outside++ : layer * m->n_kinds + k];

		c->t = &dir->t[i];
		c->state = QUANT_WAITS;
	}
	return m;
}

void quantmap_free(struct quantmap *m)
{
	if (!m)
		return;
	for (int i = 0; i < quantmap_n_cells(m); i++)
		quant_cell_clear(&m->cells[i]);
	free(m->cells);
	free(m);
}

int quantmap_rows(const struct quantmap *m)
{
	return m->n_layers + m->n_outside + 1;
}

int quantmap_cols(const struct quantmap *m)
{
	return m->n_kinds + 1;
}

int quantmap_n_cells(const struct quantmap *m)
{
	return m->n_layers * m->n_kinds + m->n_outside;
}

const struct quant_cell *quantmap_cell(const struct quantmap *m, int row, int col)
{
	if (row < 0 || col < 0 || row >= m->n_layers + m->n_outside)
		return NULL;
	if (row >= m->n_layers)
		return col == m->n_kinds ? &m->cells[m->n_layers * m->n_kinds + row - m->n_layers] : NULL;
	return col < m->n_kinds ? &m->cells[row * m->n_kinds + col] : NULL;
}

/* As it is stored now. */
static double bits_now(const struct tensor *t)
{
	return 8 * (double)t->row_bytes / (double)t->cols;
}

static void add(struct quant_total *s, const struct quant_cell *c)
{
	double n;

	if (!c->t)
		return;
	s->of++;
	if (c->state == QUANT_WAITS)
		return;
	n = (double)c->t->rows * (double)c->t->cols;
	s->measured++;
	s->weights += n;
	s->bits += n * (c->state == QUANT_DONE ? c->q.bits : bits_now(c->t));
	if (c->state != QUANT_DONE)
		return;
	s->err_sq += c->q.err_sq;
	s->ref_sq += c->q.ref_sq;
	s->worst = c->q.worst > s->worst ? c->q.worst : s->worst;
	if (isnan(c->q.out_err))
		return;
	s->out_err += c->q.out_err;
	s->out_ref += c->q.out_ref;
	s->n_tokens = c->n_tokens > s->n_tokens ? c->n_tokens : s->n_tokens;
}

struct quant_total quantmap_total(const struct quantmap *m, int row, int col)
{
	int last_row = quantmap_rows(m) - 1;
	struct quant_total s = { .measured = 0 };
	const struct quant_cell *one = quantmap_cell(m, row, col);

	if (one)
		add(&s, one);
	for (int r = 0; !one && r < last_row; r++)
		for (int c = 0; c <= m->n_kinds; c++) {
			const struct quant_cell *cell = quantmap_cell(m, r, c);

			if (cell && (row == last_row || row == r) && (col == m->n_kinds || col == c))
				add(&s, cell);
		}
	return s;
}

void quantmap_name(const struct quantmap *m, int row, int col, char out[2 * QUANTMAP_NAME])
{
	const struct quant_cell *one = quantmap_cell(m, row, col);
	const char *kind = col >= 0 && col < m->n_kinds ? m->kinds[col] : "";

	if (one && row >= m->n_layers)
		quantmap_kind(one->t->name, out);
	else if (row < m->n_layers)
		snprintf(out, 2 * QUANTMAP_NAME, "L%d%s%s", row, *kind ? "." : "", kind);
	else if (*kind)
		snprintf(out, 2 * QUANTMAP_NAME, "L*.%s", kind);
	else
		snprintf(out, 2 * QUANTMAP_NAME, "%s", row == quantmap_rows(m) - 1 ? "all" : "");
}

double quantmap_value(const struct quantmap *m, int row, int col, enum quantmap_figure f)
{
	struct quant_total s = quantmap_total(m, row, col);
	const struct quant_cell *one = quantmap_cell(m, row, col);

	if (!s.measured || (one && one->state != QUANT_DONE && f != QUANTMAP_BITS))
		return (double)NAN;
	return quantmap_figures[f].of(&s);
}

bool quantmap_worst(const struct quantmap *m, enum quantmap_figure f, int *row, int *col)
{
	double worst = (double)NAN;

	for (int r = 0; r < quantmap_rows(m) - 1; r++)
		for (int c = 0; c <= m->n_kinds; c++) {
			double v = quantmap_cell(m, r, c) ? quantmap_value(m, r, c, f) : (double)NAN;

			if (isnan(v) || (!isnan(worst) && (quantmap_figures[f].high_is_good ? v >= worst : v <= worst)))
				continue;
			worst = v;
			*row = r;
			*col = c;
		}
	return !isnan(worst);
}

bool quantmap_range(const struct quantmap *m, enum quantmap_figure f, double *lo, double *hi)
{
	bool any = false;

	for (int r = 0; r < quantmap_rows(m) - 1; r++)
		for (int c = 0; c <= m->n_kinds; c++) {
			double v = quantmap_cell(m, r, c) ? quantmap_value(m, r, c, f) : (double)NAN;

			if (!isfinite(v))
				continue;
			*lo = any && *lo < v ? *lo : v;
			*hi = any && *hi > v ? *hi : v;
			any = true;
		}
	return any;
}
