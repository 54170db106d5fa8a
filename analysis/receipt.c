#include "analysis/receipt.h"

#include <math.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/session.h"

enum { PIECE = 16 };

struct reading_pair {
	const struct receipt_ask *ask;
	struct session *s[2];           /* with, without */
	float *logits[2];               /* [PIECE][n_vocab] */
	int n_vocab;
	double nll[2];
	long n_predicted;
};

static const struct probe_plan no_probes = { .n = 0 };

static bool start(struct reading_pair *p, const struct model *m, struct err *e)
{
	const struct receipt_ask *ask = p->ask;

	for (int i = 0; i < 2; i++) {
		p->s[i] = session_new(m, &(struct session_options){ .n_threads = 1, .n_ctx = ask->n, .piece = PIECE,
		    .exact = ask->exact, .plan = &no_probes }, e);
		p->logits[i] = p->s[i] ? mem_big(PIECE, (size_t)p->n_vocab * sizeof(float), "logits", e) : NULL;
		if (!p->logits[i])
			return false;
		session_edits(p->s[i], i ? ask->without : ask->with);
	}
	return true;
}

static double lse_of(const float *x, int n, int *best)
{
	double most = -INFINITY, sum = 0;

	for (int v = 0; v < n; v++)
		if ((double)x[v] > most) {
			most = (double)x[v];
			*best = v;
		}
	for (int v = 0; v < n; v++)
		sum += exp((double)x[v] - most);
	return most + log(sum);
}

static void compare_at(struct reading_pair *p, int row, int pos, struct receipt_of_text *out)
{
	const float *a = p->logits[0] + (size_t)row * (size_t)p->n_vocab, *b = p->logits[1] + (size_t)row * (size_t)p->n_vocab;
	int best[2] = { 0, 0 };
	double la = lse_of(a, p->n_vocab, &best[0]), lb = lse_of(b, p->n_vocab, &best[1]), kl = 0, jsd = 0;

	for (int v = 0; v < p->n_vocab; v++) {
		double x = (double)a[v] - la, y = (double)b[v] - lb, px = exp(x), py = exp(y), m = (px + py) / 2;

		kl += px > 0 ? px * (x - y) : 0;
		jsd += (px > 0 ? px * log(px / m) : 0) / 2 + (py > 0 ? py * log(py / m) : 0) / 2;
	}
	kl = kl > 0 || isnan(kl) ? kl : 0;
	jsd = jsd > 0 || isnan(jsd) ? jsd : 0;
	out->flips += best[0] != best[1];
	out->kl += (kl - out->kl) / ++out->n;
	out->jsd += (jsd - out->jsd) / out->n;
	if (out->n == 1 || jsd > out->jsd_most) {
		out->jsd_most = jsd;
		out->jsd_most_at = pos;
	}
	if (pos + 1 < p->ask->n) {
		p->nll[0] += la - (double)a[p->ask->tokens[pos + 1]];
		p->nll[1] += lb - (double)b[p->ask->tokens[pos + 1]];
		p->n_predicted++;
	}
}

static bool goes_on(const struct reading_pair *p, int pos, struct err *e)
{
	return !p->ask->go || p->ask->go(p->ask->of, (double)pos / p->ask->n) || err_set(e, ERR_INTERRUPTED, "%s", "");
}

/* n tokens from pos on, all of them prompt. */
static bool read_prompt(struct reading_pair *p, int pos, int n, struct receipt_of_text *out, struct err *e)
{
	for (int i = 0; i < 2; i++)
		if (!session_append(p->s[i], p->ask->tokens + pos, (size_t)n, e) || !session_logits(p->s[i], p->logits[i], e))
			return false;
	for (int row = 0; row < n; row++)
		compare_at(p, row, pos + row, out);
	return true;
}

/* The token at pos is put there as if it had been generated: scopes tell it apart. */
static bool read_generated(struct reading_pair *p, int pos, struct receipt_of_text *out, struct err *e)
{
	bool last = pos + 1 == p->ask->n;

	for (int i = 0; i < 2; i++) {
		if (!(last ? session_logits(p->s[i], p->logits[i], e) : session_force(p->s[i], p->ask->tokens[pos + 1], e)))
			return false;
		if (!last)
			memcpy(p->logits[i], session_last_logits(p->s[i]), (size_t)p->n_vocab * sizeof(float));
	}
	compare_at(p, 0, pos, out);
	return true;
}

static bool read_both(struct reading_pair *p, struct receipt_of_text *out, struct err *e)
{
	int n_prompt = p->ask->n_prompt < 1 ? 1 : p->ask->n_prompt < p->ask->n ? p->ask->n_prompt : p->ask->n;

	for (int pos = 0, n; pos < n_prompt; pos += n) {
		n = n_prompt - pos < PIECE ? n_prompt - pos : PIECE;
		if (!goes_on(p, pos, e) || !read_prompt(p, pos, n, out, e))
			return false;
	}
	/* The last position of the prompt is read once more to put a token behind it. */
	for (int i = 0; i < 2 && n_prompt < p->ask->n; i++)
		if (!session_force(p->s[i], p->ask->tokens[n_prompt], e))
			return false;
	for (int pos = n_prompt; pos < p->ask->n; pos++)
		if (!goes_on(p, pos, e) || !read_generated(p, pos, out, e))
			return false;
	return true;
}

bool receipt_read(const struct model *m, const struct receipt_ask *ask, struct receipt_of_text *out, struct err *e)
{
	struct reading_pair p = { .ask = ask, .n_vocab = m->hp.n_vocab };
	bool ok;

	*out = (struct receipt_of_text){ .n = 0 };
	ok = start(&p, m, e) && read_both(&p, out, e);
	for (int i = 0; i < 2; i++) {
		out->perplexity[i] = p.n_predicted ? exp(p.nll[i] / (double)p.n_predicted) : (double)NAN;
		mem_big_free(p.logits[i]);
		session_free(p.s[i]);
	}
	return ok;
}
