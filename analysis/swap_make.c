#include "analysis/swap_make.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/quanterr.h"
#include "engine/base/mem.h"

enum { SLICE = 64 };            /* rows between two questions whether to go on */

struct place {
	int layer;
	enum weight which;
	const struct tensor *t;
};

struct making {
	const struct model *m;
	const struct swap *asked;
	const struct swap_options *opt;
	struct quant_spec spec;
	struct place *place;    /* [n] */
	int n;
	double done, all;       /* weights */
};

static bool is_matrix(const struct tensor *t)
{
	return t && t->rows > 1 && t->cols > 1;
}

static void add_place(struct making *k, int layer, enum weight which)
{
	const struct tensor *t = weights_get(&k->m->w, layer, which);

	if (!swap_means(k->asked, layer, which) || !is_matrix(t))
		return;
	/* A head that is the embedding is swapped with it, unless it is asked for. */
	if (which == WEIGHT_lm_head && k->m->w.tied_head && k->asked->which == WEIGHT_ALL)
		return;
	k->place = mem_resize(k->place, (size_t)k->n + 1, sizeof *k->place);
	k->place[k->n++] = (struct place){ layer, which, t };
	k->all += (double)t->rows * (double)t->cols;
}

static bool prepare(struct making *k, struct err *e)
{
	char target[64];

	if (!quant_parse(&k->spec, k->asked->method, e))
		return false;
	if (k->spec.def->needs != QUANT_BLIND)
		return err_set(e, ERR_UNSUPPORTED, "%s works on the inputs of a matrix, which are not at hand here: see "
		    "clampmeter quant --calibrate", k->spec.def->name);
	for (int l = NO_LAYER; l < k->m->hp.n_layers; l++)
		for (int w = 0; w < N_WEIGHTS; w++)
			if (weight_defs[w].layered == (l >= 0))
				add_place(k, l, (enum weight)w);
	return k->n || err_set(e, ERR_USAGE, "this model has no matrix %s", swap_target(k->asked, target));
}

static bool is_stored(const struct making *k)
{
	return !strcmp(k->spec.def->name, "gguf") && !k->spec.hadamard;
}

static size_t bytes_of(const struct making *k, const struct tensor *t)
{
	const struct dtype_def *d = dtypes[k->spec.type];

	if (!is_stored(k))
		return t->rows * t->cols * sizeof(float);
	return t->cols % (size_t)d->block ? 0 : t->rows * dtype_row_bytes(k->spec.type, t->cols);
}

static bool fits(const struct making *k, struct err *e)
{
	char target[64];
	size_t all = 0;

	for (int i = 0; i < k->n; i++)
		all += bytes_of(k, k->place[i].t);
	if (!k->opt->room || all <= k->opt->room)
		return true;
	return err_set(e, ERR_RUN, "%s %s would take %zu MiB and there is room for %zu: matrices of earlier swaps are kept as "
	    "long as the session", swap_target(k->asked, target), k->spec.text, all >> 20, k->opt->room >> 20);
}

static bool go_on(struct making *k, double more, struct err *e)
{
	k->done += more;
	return !k->opt->go || k->opt->go(k->opt->of, k->done / k->all) || err_set(e, ERR_INTERRUPTED, "%s", "");
}

/* A matrix of a stored type, rows at a time. */
struct encode {
	const struct tensor *from;
	struct tensor *to;
	size_t row0, n_rows;
	double *err_sq, *ref_sq;        /* [SLICE], by row */
};

static void encode_row(void *job, int task, int worker)
{
	const struct encode *c = job;
	const struct dtype_def *d = dtypes[c->to->type];
	size_t row = c->row0 + (size_t)task, n = c->from->cols;
	float *w = mem_array(2 * n, sizeof *w), *back = w + n;
	unsigned char *to = (unsigned char *)(uintptr_t)c->to->data + row * c->to->row_bytes;
	double err = 0, ref = 0;

	(void)worker;
	tensor_row_f32(c->from, row, w);
	d->quantize(w, to, n);
	d->dequantize(to, back, n);
	for (size_t i = 0; i < n; i++) {
		double diff = (double)back[i] - (double)w[i];

		err += diff * diff;
		ref += (double)w[i] * (double)w[i];
	}
	c->err_sq[task] = err;
	c->ref_sq[task] = ref;
	free(w);
}

static bool encode(struct making *k, const struct place *at, struct swap_piece *out, double *bits, struct err *e)
{
	const struct dtype_def *d = dtypes[k->spec.type];
	const struct tensor *t = at->t;
	double err_sq[SLICE], ref_sq[SLICE], err = 0, ref = 0;
	struct encode c = { .from = t, .to = &out->t, .err_sq = err_sq, .ref_sq = ref_sq };
	struct quant_job pool = { .pool = k->opt->pool };

	if (t->cols % (size_t)d->block)
		return err_set(e, ERR_UNSUPPORTED, "rows of %zu are not whole blocks of %d", t->cols, d->block);
	if (!d->quantize)
		return err_set(e, ERR_UNSUPPORTED, "%s is not a type we write", d->name);
	out->t.type = k->spec.type;
	out->t.row_bytes = dtype_row_bytes(k->spec.type, t->cols);
	if (!(out->t.data = mem_big(t->rows, out->t.row_bytes, "a quantized matrix", e)))
		return false;
	for (c.row0 = 0; c.row0 < t->rows; c.row0 += SLICE) {
		c.n_rows = t->rows - c.row0 < SLICE ? t->rows - c.row0 : SLICE;
		quant_each(&pool, encode_row, &c, (int)c.n_rows);
		for (size_t r = 0; r < c.n_rows; r++) {
			err += err_sq[r];
			ref += ref_sq[r];
		}
		if (!go_on(k, (double)c.n_rows * (double)t->cols, e))
			return false;
	}
	out->change = sqrt(err);
	out->before = sqrt(ref);
	*bits = 8 * (double)tensor_bytes(&out->t);
	return true;
}

struct target {
	float *w;
	size_t cols;
};

static void take(void *to, size_t row, size_t n_rows, const float *w)
{
	const struct target *t = to;

	memcpy(t->w + row * t->cols, w, n_rows * t->cols * sizeof *w);
}

static bool reconstruct(struct making *k, const struct place *at, struct swap_piece *out, double *bits, struct err *e)
{
	struct target to = { mem_big(at->t->rows, at->t->cols * sizeof(float), "a quantized matrix", e), at->t->cols };
	struct quanterr_options opt = { .pool = k->opt->pool, .stop = k->opt->stop, .take = take, .to = &to };
	struct quanterr q;

	out->t.type = DTYPE_F32;
	out->t.row_bytes = at->t->cols * sizeof(float);
	if (!(out->t.data = (const unsigned char *)to.w) || !quanterr_measure(&q, at->t, &k->spec, &opt, e))
		return false;
	out->change = sqrt(q.err_sq);
	out->before = sqrt(q.ref_sq);
	*bits = q.bits * (double)at->t->rows * (double)at->t->cols;
	quanterr_free(&q);
	return go_on(k, (double)at->t->rows * (double)at->t->cols, e);
}

/* One matrix; one that the method does not suit is passed over. */
static bool make_one(struct making *k, struct swap *s, const struct place *at, struct err *e)
{
	struct swap_piece piece = { .layer = at->layer, .which = at->which, .t = *at->t };
	double bits = 0;
	bool ok;

	piece.t.data = NULL;
	ok = is_stored(k) ? encode(k, at, &piece, &bits, e) : reconstruct(k, at, &piece, &bits, e);
	if (ok) {
		swap_add(s, &piece, bits);
		return true;
	}
	mem_big_free((void *)(uintptr_t)piece.t.data);
	return e->code == ERR_UNSUPPORTED;
}

bool swap_check(const struct model *m, const struct swap *asked, struct err *e)
{
	struct making k = { .m = m, .asked = asked };
	bool ok = prepare(&k, e);

	free(k.place);
	return ok;
}

int swap_count(const struct model *m, const struct swap *asked)
{
	struct making k = { .m = m, .asked = asked };
	struct err e;
	int n = prepare(&k, &e) ? k.n : 0;

	free(k.place);
	return n;
}

struct swap *swap_make(const struct model *m, const struct swap *asked, const struct swap_options *opt, struct err *e)
{
	struct making k = { .m = m, .asked = asked, .opt = opt };
	struct swap *s = swap_like(asked);
	char words[SWAP_TEXT];
	bool ok = prepare(&k, e) && fits(&k, e);

	for (int i = 0; ok && i < k.n; i++)
		ok = make_one(&k, s, &k.place[i], e);
	if (ok && !s->n)
		ok = false;             /* `e` says why the last one did not suit */
	free(k.place);
	if (ok) {
		e->code = ERR_NONE;
		return s;
	}
	if (e->code != ERR_INTERRUPTED)
		err_wrap(e, "swap %s", swap_format(asked, words));
	swap_unref(s);
	return NULL;
}
