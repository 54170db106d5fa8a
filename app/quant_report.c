#include "app/quant_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void quant_row_name(struct quant_row *row, const struct tensor *t, const struct quant_spec *spec)
{
	const char *name = t->name;
	char *end;

	*row = (struct quant_row){ .t = t, .layer = -1, .spec = spec };
	if (!strncmp(name, "blk.", 4)) {
		row->layer = (int)strtol(name + 4, &end, 10);
		name = *end == '.' ? end + 1 : end;
	}
	row->kind = name;
	row->kind_len = strlen(name);
	if (row->kind_len > 7 && !strcmp(name + row->kind_len - 7, ".weight"))
		row->kind_len -= 7;
}

double quant_row_bits(const struct quant_row *row)
{
	const struct dtype_def *d = dtypes[row->t->type];

	return row->fits ? row->q.bits : 8. * d->bytes / d->block;
}

static void sum_add(struct quant_sum *s, const struct quant_row *row)
{
	double n = (double)row->t->rows * (double)row->t->cols;

	s->weights += n;
	s->bits += n * quant_row_bits(row);
	if (!row->fits)
		return;
	s->n++;
	s->err_sq += row->q.err_sq;
	s->ref_sq += row->q.ref_sq;
	if (!isnan(row->q.out_err)) {
		s->out_err += row->q.out_err;
		s->out_ref += row->q.out_ref;
	}
}

double quant_sum_rel(const struct quant_sum *s)
{
	return s->ref_sq > 0 ? s->err_sq / s->ref_sq : s->n ? 0 : (double)NAN;
}

double quant_sum_output(const struct quant_sum *s)
{
	return s->out_ref > 0 ? s->out_err / s->out_ref : (double)NAN;
}

static bool same_kind(const struct quant_row *a, const struct quant_row *b)
{
	return a->kind_len == b->kind_len && !memcmp(a->kind, b->kind, a->kind_len);
}

struct quant_sum quant_sum_of(const struct quant_table *t, const struct quant_spec *spec, int layer,
    const struct quant_row *kind)
{
	struct quant_sum s = { .n = 0 };

	for (size_t i = 0; i < t->n_rows; i++) {
		const struct quant_row *r = &t->rows[i];

		if (r->spec == spec && r->done && (layer == -2 || r->layer == layer) && (!kind || same_kind(kind, r)))
			sum_add(&s, r);
	}
	return s;
}

int quant_last_layer(const struct quant_table *t)
{
	int last = -1;

	for (size_t i = 0; i < t->n_rows; i++)
		last = t->rows[i].layer > last ? t->rows[i].layer : last;
	return last;
}

struct quant_kinds quant_kinds_of(const struct quant_table *t)
{
	struct quant_kinds k = { .n = 0 };

	for (size_t i = 0; i < t->n_rows && k.n < QUANT_KINDS; i++) {
		int known = 0;

		while (known < k.n && !same_kind(k.of[known], &t->rows[i]))
			known++;
		if (t->rows[i].layer >= 0 && known == k.n)
			k.of[k.n++] = &t->rows[i];
	}
	return k;
}

const struct quant_row *quant_cell_at(const struct quant_table *t, const struct quant_spec *spec, int layer,
    const struct quant_row *kind)
{
	for (size_t i = 0; i < t->n_rows; i++)
		if (t->rows[i].spec == spec && t->rows[i].layer == layer && same_kind(&t->rows[i], kind))
			return &t->rows[i];
	return NULL;
}

bool quant_shows_outputs(const struct quant_table *t)
{
	return t->n_tokens > 0;
}

double quant_shown(const struct quant_table *t, const struct quant_row *r)
{
	if (!r || !r->done || !r->fits)
		return (double)NAN;
	return -10 * log10(quant_shows_outputs(t) ? quanterr_output(&r->q) : quanterr_rel(&r->q));
}

int quant_most_hurt(const struct quant_table *t, const struct quant_spec *spec, const struct quant_row **out, int n)
{
	int found = 0;

	for (size_t i = 0; i < t->n_rows; i++) {
		const struct quant_row *r = &t->rows[i];
		double v = quant_shown(t, r);
		int at = found;

		if (r->spec != spec || isnan(v) || isinf(v))
			continue;
		while (at > 0 && quant_shown(t, out[at - 1]) > v)
			at--;
		if (at == n)
			continue;
		found += found < n;
		memmove(out + at + 1, out + at, (size_t)(found - 1 - at) * sizeof(const struct quant_row *));
		out[at] = r;
	}
	return found;
}
