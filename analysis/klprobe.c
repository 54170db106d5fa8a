#include "analysis/klprobe.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/distrib.h"
#include "engine/base/mem.h"

struct klprobe {
	struct klprobe_options opt;
	size_t n;               /* positions */
	float *p;               /* [n][n_vocab] */
	double *entropy;        /* [n] of p, as it is kept */
	double *kl;             /* [n] of the last that was asked about */
	const float *logits;    /* of the rows at work, first is position `first` */
	size_t first;
	bool is_base;
};

/* One position: keep the base, or compare. */
static void one_position(void *job, int task, int worker)
{
	struct klprobe *k = job;
	size_t v = (size_t)k->opt.base->hp.n_vocab, at = k->first + (size_t)task;
	const float *logits = k->logits + (size_t)task * v;
	float *p = k->p + at * v;
	double lse = distrib_lse(logits, v), sum = 0, mass = 0;

	(void)worker;
	if (k->is_base) {
		for (size_t i = 0; i < v; i++) {
			p[i] = (float)exp((double)logits[i] - lse);
			sum += p[i] > 0 ? (double)p[i] * log((double)p[i]) : 0;
		}
		k->entropy[at] = -sum;
		return;
	}
	/* sum p ln p - sum p (logit - lse) */
	for (size_t i = 0; i < v; i++) {
		sum += (double)p[i] * (double)logits[i];
		mass += (double)p[i];
	}
	k->kl[at] = fmax(0, lse * mass - sum - k->entropy[at]);
}

static bool read_text(struct klprobe *k, const struct model *m, size_t n, struct err *e)
{
	const struct klprobe_options *o = &k->opt;
	struct reader *r = reader_new(m, o->pool, true, o->n_ctx, NULL, e);
	bool ok = r != NULL;
	int pos = 0, piece;

	for (size_t at = 0; ok && at < n; at += (size_t)piece) {
		piece = o->n_ctx - pos < READER_PIECE ? o->n_ctx - pos : READER_PIECE;
		piece = n - at < (size_t)piece ? (int)(n - at) : piece;
		if (o->stop && atomic_load_explicit(o->stop, memory_order_relaxed)) {
			ok = err_set(e, ERR_INTERRUPTED, "%s", "");
			break;
		}
		reader_read(r, o->tokens + at, piece, pos, NULL, NULL);
		for (int j = 0, rows; j < piece; j += rows) {
			rows = piece - j < FORWARD_LOGITS ? piece - j : FORWARD_LOGITS;
			k->logits = reader_logits(r, j, rows);
			k->first = at + (size_t)j;
			pool_run(o->pool, one_position, k, rows);
		}
		pos = pos + piece < o->n_ctx ? pos + piece : 0;
	}
	reader_free(r);
	return ok;
}

struct klprobe *klprobe_new(const struct klprobe_options *opt, struct err *e)
{
	struct klprobe *k = mem_zalloc(sizeof *k);
	size_t v = (size_t)opt->base->hp.n_vocab, most = KLPROBE_BYTES / (v * sizeof *k->p);

	k->opt = *opt;
	k->n = opt->n < most ? opt->n : most;
	k->n = opt->most && opt->most < k->n ? opt->most : k->n;
	k->entropy = mem_array(k->n, sizeof *k->entropy);
	k->kl = mem_array(k->n, sizeof *k->kl);
	k->is_base = true;
	if (!(k->p = mem_big(k->n * v, sizeof *k->p, "distributions of the base", e)) || !read_text(k, opt->base, k->n, e)) {
		klprobe_free(k);
		return NULL;
	}
	k->is_base = false;
	return k;
}

void klprobe_free(struct klprobe *k)
{
	if (!k)
		return;
	mem_big_free(k->p);
	free(k->entropy);
	free(k->kl);
	free(k);
}

size_t klprobe_positions(const struct klprobe *k)
{
	return k->n;
}

bool klprobe_ask(struct klprobe *k, const struct model *other, double share, double *kl, struct err *e)
{
	size_t n = (size_t)ceil(share * (double)k->n);

	n = n > k->n ? k->n : n ? n : 1;
	if (!read_text(k, other, n, e))
		return false;
	*kl = 0;
	for (size_t i = 0; i < n; i++)
		*kl += k->kl[i] / (double)n;
	return true;
}
