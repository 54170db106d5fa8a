#include "analysis/neuron.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/half.h"
#include "engine/base/mem.h"
#include "engine/kernels.h"
#include "engine/neuron_kernels.h"
#include "engine/site.h"

enum {
	ROWS = 128,             /* head rows of one task */
	MANY = 24,              /* neurons whose scores are kept at a time */
	LANES = 16,
	COLUMNS = 96,           /* columns of a down-projection turned at a time */
	MAX_BLOCK = 256,        /* weights that are stored together */
};

const char *const neuron_site_names[] = { "up", "gate", "down" };
const char *const neuron_variant_names[] = { "raw", "gain", "read", "write" };
const char *const neuron_variant_docs[] = {
	"LM head . w, w as stored",
	"LM head . (final norm gain * w)",
	"LM head . (MLP norm gain * w), the direction read in the residual stream",
	"LM head . (final norm gain * w), what the column adds to the logits",
};

bool neuron_parse(const char *text, const struct hparams *hp, struct neuron_ref *r, struct err *e)
{
	const char *p = text, *down = strstr(text, ".down[");
	struct address a;
	char as_mlp[64];

	if (down && down - text < 12) {
		snprintf(as_mlp, sizeof as_mlp, "%.*s.mlp[%.20s", (int)(down - text), text, down + 6);
		p = as_mlp;
	}
	if (!address_parse(&p, hp, &a, e))
		return false;
	if (*p || a.layer < 0 || a.index < 0 || (a.site != SITE_up && a.site != SITE_gate && a.site != SITE_mlp))
		return err_set(e, ERR_USAGE, "'%.60s' is not one neuron; write L4.up[219], L4.gate[219] or L4.down[219]",
		    text);
	*r = (struct neuron_ref){
	    .layer = a.layer,
	    .site = a.site == SITE_up ? NEURON_UP : a.site == SITE_gate ? NEURON_GATE : NEURON_DOWN,
	    .index = a.index,
	};
	return true;
}

const char *neuron_format(const struct neuron_ref *r, char out[NEURON_REF_TEXT])
{
	snprintf(out, NEURON_REF_TEXT, "L%d.%s[%d]", r->layer, neuron_site_names[r->site], r->index);
	return out;
}

enum neuron_variant neuron_default_variant(enum neuron_site s)
{
	return s == NEURON_DOWN ? NEURON_WRITE : NEURON_RAW;
}

bool neuron_check(const struct hparams *hp, enum neuron_site s, enum neuron_variant v, struct err *e)
{
	if (s == NEURON_GATE && hp->arch->mlp != MLP_GATED_SILU)
		return err_set(e, ERR_USAGE, "the MLP of %s has no gate; its sites are up and down", hp->arch->name);
	if (s == NEURON_DOWN && v == NEURON_READ)
		return err_set(e, ERR_USAGE, "a down column writes and reads nothing; its variants are raw and write");
	if (s != NEURON_DOWN && v == NEURON_WRITE)
		return err_set(e, ERR_USAGE, "a row of %s writes nothing; its variants are raw, gain and read",
		    neuron_site_names[s]);
	return true;
}

/* `n` columns from `first` on: only the blocks that hold them are widened. */
static void columns(const struct tensor *w, size_t first, size_t n, float *out)
{
	const struct dtype_def *t = dtypes[w->type];
	size_t block = (size_t)t->block, from = first / block * block;
	size_t wide = (first + n - from + block - 1) / block * block;
	float x[COLUMNS + 2 * MAX_BLOCK];

	for (size_t r = 0; r < w->rows; r++) {
		const unsigned char *row = tensor_row(w, r);
		kernels()->dequantize[w->type](row + from / block * (size_t)t->bytes, x, wide);
		for (size_t i = 0; i < n; i++)
			out[i * w->rows + r] = x[first - from + i];
	}
}

static const struct tensor *gain_of(const struct model *m, enum neuron_variant v, int layer)
{
	switch (v) {
	case NEURON_GAIN: case NEURON_WRITE:
		return m->w.final_norm;
	case NEURON_READ:
		return m->w.layers[layer].mlp_norm;
	default:
		return NULL;
	}
}

/* Norm gains are stored as any float type. */
static void multiply(const struct tensor *gain, size_t n, float *out)
{
	for (size_t k = 0; k < gain->cols; k += ROWS) {
		size_t some = gain->cols - k < ROWS ? gain->cols - k : ROWS;
		float g[ROWS];
		dtypes[gain->type]->dequantize(gain->data + dtype_row_bytes(gain->type, k), g, some);
		for (size_t i = 0; i < n; i++)
			for (size_t c = 0; c < some; c++)
				out[i * gain->cols + k + c] *= g[c];
	}
}

void neuron_vectors(const struct model *m, enum neuron_site s, enum neuron_variant v, int layer, int first, int n,
    float *out)
{
	const struct layer_weights *lw = &m->w.layers[layer];
	const struct tensor *w = s == NEURON_UP ? lw->up : s == NEURON_GATE ? lw->gate : lw->down;
	const struct tensor *gain = gain_of(m, v, layer);
	size_t d = (size_t)m->hp.d_model;

	for (int i = 0; s != NEURON_DOWN && i < n; i++)
		kernels()->dequantize[w->type](tensor_row(w, (size_t)(first + i)), out + (size_t)i * d, d);
	for (int i = 0; s == NEURON_DOWN && i < n; i += COLUMNS)
		columns(w, (size_t)(first + i), (size_t)(n - i < COLUMNS ? n - i : COLUMNS), out + (size_t)i * d);
	if (gain)
		multiply(gain, (size_t)n, out);
}

static void run(struct pool *pool, pool_fn *fn, void *job, size_t n_tasks)
{
	if (pool)
		pool_run(pool, fn, job, (int)n_tasks);
	else
		for (size_t i = 0; i < n_tasks; i++)
			fn(job, (int)i, 0);
}

static size_t workers(const struct pool *pool)
{
	return pool ? (size_t)pool_size(pool) : 1;
}

struct norms_job {
	struct neuron_head *h;
	float *row;             /* [workers][d_model] */
};

static void norms_task(void *arg, int task, int worker)
{
	struct norms_job *j = arg;
	const struct tensor *w = j->h->w;
	float *row = j->row + (size_t)worker * w->cols;

	for (size_t v = (size_t)task * ROWS; v < (size_t)(task + 1) * ROWS && v < w->rows; v++) {
		kernels()->dequantize[w->type](tensor_row(w, v), row, w->cols);
		double sum = neuron_kernels()->dot_f64(row, row, w->cols);
		j->h->norm[v] = isfinite(sum) ? nextafterf((float)sqrt(sum), INFINITY) : NAN;
	}
}

struct neuron_head *neuron_head_new(const struct model *m, struct pool *pool, struct err *e)
{
	struct neuron_head *h = mem_zalloc(sizeof *h);
	struct norms_job j = {.h = h};

	h->m = m;
	h->w = m->w.lm_head ? m->w.lm_head : m->w.tok_embd;
	if (!(h->norm = mem_big(h->w->rows, sizeof *h->norm, "lengths of the head's rows", e)) ||
	    !(j.row = mem_big(workers(pool), h->w->cols * sizeof *j.row, "a row of the head", e))) {
		neuron_head_free(h);
		return NULL;
	}
	run(pool, norms_task, &j, (h->w->rows + ROWS - 1) / ROWS);
	for (size_t v = 0; v < h->w->rows; v++)
		h->longest = h->norm[v] > h->longest ? h->norm[v] : h->longest;
	mem_big_free(j.row);
	return h;
}

void neuron_head_free(struct neuron_head *h)
{
	if (!h)
		return;
	mem_big_free(h->norm);
	free(h);
}

/* Up to MANY neurons on their way through the head. */
struct reader {
	const struct neuron_head *h;
	const struct kernels *k;
	int n, n_keep;
	float *w;               /* [MANY][d_model] */
	double norm[MANY];
	float *score;           /* [MANY][n_vocab], f32 products */
	float *rows;            /* [workers][PANEL_ROWS][d_model] */
	unsigned char *panels;  /* [workers][PANEL_BYTES] */
	struct neuron_reading *out;     /* [n] */
};

/* Head rows in panels, which all neurons pass. */
static void panel_scores(const struct reader *r, size_t v, size_t n, float *rows, void *panel)
{
	const struct tensor *h = r->h->w;
	struct rows part = {NULL, h->cols * sizeof *rows, n};

	for (size_t i = 0; i < n; i++)
		r->k->dequantize[h->type](tensor_row(h, v + i), rows + i * h->cols, h->cols);
	for (size_t k = 0; k < h->cols; k += PANEL_K_F32) {
		size_t kn = h->cols - k < PANEL_K_F32 ? h->cols - k : PANEL_K_F32;
		part.data = (const unsigned char *)(rows + k);
		r->k->fill_f32(part, kn, panel);
		r->k->mul_f32(panel, n, kn, r->w + k, h->cols, (size_t)r->n, r->score + v, h->rows, k == 0);
	}
}

static void score_task(void *arg, int task, int worker)
{
	struct reader *r = arg;
	size_t v = (size_t)task * PANEL_ROWS, left = r->h->w->rows - v, n = left < PANEL_ROWS ? left : PANEL_ROWS;
	float *rows = r->rows + (size_t)worker * PANEL_ROWS * r->h->w->cols;

	panel_scores(r, v, n, rows, r->panels + (size_t)worker * PANEL_BYTES);
}

/* What an f32 sum of n products can be off by, in any order: n 2^-24 |w| |h| to first
 * order, taken twice, for the longest h; below the normal range the error is absolute. */
static double margin(const struct reader *r, int j)
{
	double n = (double)r->h->w->cols;

	return n * 0x1p-23 * r->norm[j] * (double)r->h->longest + n * 0x1p-126;
}

/* A float below which no token can be among the k best, for scores times `sign`: the
 * k-th score, less what it and another can be off by. */
static float floor_of(const struct reader *r, int j, float sign)
{
	const float *s = r->score + (size_t)j * r->h->w->rows;
	float best[NEURON_TOP], least = -INFINITY;
	int n = 0;

	for (size_t v = 0; v < r->h->w->rows; v++) {
		float x = sign * s[v];
		int i;

		if (!(x > least) || isnan(r->h->norm[v]))
			continue;
		for (i = n < r->n_keep ? n++ : n - 1; i > 0 && best[i - 1] < x; i--)
			best[i] = best[i - 1];
		best[i] = x;
		least = n < r->n_keep ? -INFINITY : best[n - 1];
	}
	/* Rounded down once more. */
	return nextafterf((float)((double)least - 2 * margin(r, j)), -INFINITY);
}

static void place(struct neuron_token *list, int *n, int room, double sign, struct neuron_token t)
{
	int i = *n;

	/* Ids come in rising order: an equal one stays behind. */
	while (i > 0 && sign * list[i - 1].logit < sign * t.logit)
		i--;
	if (i == room)
		return;
	if (*n < room)
		++*n;
	memmove(list + i + 1, list + i, (size_t)(*n - 1 - i) * sizeof *list);
	list[i] = t;
}

/* Every token that may be among the best is multiplied in double. */
static int rank(const struct reader *r, int j, float sign, struct neuron_token *list, float *row)
{
	const struct tensor *h = r->h->w;
	const float *s = r->score + (size_t)j * h->rows, *w = r->w + (size_t)j * h->cols;
	float least = floor_of(r, j, sign);
	int n = 0;

	for (size_t v = 0; v < h->rows; v++) {
		/* A score that is no number may be anything. */
		if (sign * s[v] < least || isnan(r->h->norm[v]))
			continue;
		r->k->dequantize[h->type](tensor_row(h, v), row, h->cols);
		double logit = neuron_kernels()->dot_f64(row, w, h->cols);
		double len = sqrt(neuron_kernels()->dot_f64(row, row, h->cols));
		place(list, &n, r->n_keep, (double)sign, (struct neuron_token){
		    .id = (int32_t)v, .logit = logit, .cosine = logit / (len * r->norm[j])});
	}
	return n;
}

/* e^x for x <= 0, to 1e-6 of itself, in steps that a compiler makes vectors of: 2^y, its
 * whole part in the exponent, the rest a Taylor sum. */
static float power(float x)
{
	float y = x > -87 ? x * 1.44269504f : -125.5f;
	int whole = (int)(y - 0.5f);
	float f = (y - (float)whole) * 0.693147181f;
	float p = 1 + f * (1 + f * (1 / 2.0f + f * (1 / 6.0f + f * (1 / 24.0f + f * (1 / 120.0f)))));

	return p * f32_from_bits((uint32_t)(whole + 127) << 23);
}

/* Left out tokens have scores that are no numbers, and powers that are nearly 0. */
static double log_sum_exp(const struct reader *r, int j, double most)
{
	const float *s = r->score + (size_t)j * r->h->w->rows;
	double sum[LANES] = {0}, all = 0;
	size_t n = r->h->w->rows, i = 0;

	for (; i + LANES <= n; i += LANES)
		for (int k = 0; k < LANES; k++)
			sum[k] += (double)power((float)((double)s[i + (size_t)k] - most));
	for (; i < n; i++)
		sum[0] += (double)power((float)((double)s[i] - most));
	for (int k = 0; k < LANES; k++)
		all += sum[k];
	return most + log(all);
}

static void finish_task(void *arg, int j, int worker)
{
	const struct reader *r = arg;
	struct neuron_reading *out = &r->out[j];
	float *row = r->rows + (size_t)worker * PANEL_ROWS * r->h->w->cols;

	out->norm = r->norm[j];
	if (!isfinite(out->norm))
		return;
	out->n = rank(r, j, 1, out->top, row);
	rank(r, j, -1, out->bottom, row);
	out->lse = out->n ? log_sum_exp(r, j, out->top[0].logit) : NAN;
	for (int i = 0; i < out->n; i++) {
		out->top[i].prob = exp(out->top[i].logit - out->lse);
		out->bottom[i].prob = exp(out->bottom[i].logit - out->lse);
	}
}

static void read_some(struct reader *r, const struct neuron_wish *wish, struct pool *pool, struct neuron_reading *out)
{
	size_t d = r->h->w->cols;

	for (int j = 0; j < r->n; j++) {
		float *w = r->w + (size_t)j * d;
		const struct neuron_ref *ref = &wish[j].ref;
		neuron_vectors(r->h->m, ref->site, wish[j].variant, ref->layer, ref->index, 1, w);
		r->norm[j] = sqrt(neuron_kernels()->dot_f64(w, w, d));
		out[j] = (struct neuron_reading){.ref = *ref, .variant = wish[j].variant};
	}
	r->out = out;
	run(pool, score_task, r, (r->h->w->rows + PANEL_ROWS - 1) / PANEL_ROWS);
	run(pool, finish_task, r, (size_t)r->n);
}

bool neuron_read_wishes(const struct neuron_head *h, const struct neuron_wish *wishes, int n, int k, struct pool *pool,
    struct neuron_reading *out, struct err *e)
{
	struct reader r = {.h = h, .k = kernels(), .n_keep = k < NEURON_TOP ? k : NEURON_TOP};
	size_t d = h->w->cols, many = (size_t)(n < MANY ? n : MANY);
	bool ok = true;

	for (int i = 0; ok && i < n; i++)
		ok = neuron_check(&h->m->hp, wishes[i].ref.site, wishes[i].variant, e);
	ok = ok && (r.w = mem_big(many, d * sizeof *r.w, "neurons", e)) &&
	    (r.score = mem_big(many, h->w->rows * sizeof *r.score, "scores of neurons", e)) &&
	    (r.rows = mem_big(workers(pool) * PANEL_ROWS, d * sizeof *r.rows, "rows of the head", e)) &&
	    (r.panels = mem_big(workers(pool), PANEL_BYTES, "a panel of the head", e));
	for (int i = 0; ok && i < n; i += MANY) {
		r.n = n - i < MANY ? n - i : MANY;
		read_some(&r, wishes + i, pool, out + i);
	}
	mem_big_free(r.panels);
	mem_big_free(r.rows);
	mem_big_free(r.score);
	mem_big_free(r.w);
	return ok;
}

bool neuron_read(const struct neuron_head *h, const struct neuron_ref *refs, int n_refs, enum neuron_variant v, int k,
    struct pool *pool, struct neuron_reading *out, struct err *e)
{
	struct neuron_wish *wish = mem_array((size_t)n_refs, sizeof *wish);
	bool ok;

	for (int i = 0; i < n_refs; i++)
		wish[i] = (struct neuron_wish){refs[i], v};
	ok = neuron_read_wishes(h, wish, n_refs, k, pool, out, e);
	free(wish);
	return ok;
}
