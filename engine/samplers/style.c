/*
 * style: lean towards the word sequences of a text file.  For orders n = 1, 2, 3
 * whose context (the last n - 1 tokens) occurs in the file,
 *
 *      z'_v = z_v + lambda sum_n w_n ln p_n(v | context)
 *      p_n(v | context) = (count(context v) + delta) / (count(context) + delta V)
 *
 * (arXiv:2601.16224; it names neither the weights nor the floor for what was never
 * seen: 0.1, 0.3, 0.6 and add-delta are ours).  Terms that are the same for all v
 * change nothing and are left out.  The authors gain at lambda 0.1 and see text
 * collapse above, so the distance it moves the distribution is shown: the
 * Jensen-Shannon divergence between with and without, in nats.
 */
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/base/mem.h"
#include "engine/candidates.h"
#include "engine/model.h"
#include "engine/step.h"

enum { LAMBDA, DELTA, W1, W2, W3 };
enum { MAX_BYTES = 8 << 20 };

/* Every place of the text with the two tokens behind it (-1 where it ends), sorted:
 * what follows a context is a run, and in it each successor is one again. */
struct triple {
	int32_t t[3];
};

struct style {
	struct triple *at;
	size_t n;
	int n_vocab;
	float *shift;           /* [n_vocab]: lambda w_1 ln((count + delta) / delta) */
};

static int compare(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;

	for (int i = 0; i < 3; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

/* First place whose triple does not come before (a, b, c). */
static size_t find(const struct style *s, int32_t a, int32_t b, int32_t c)
{
	const struct triple key = { { a, b, c } };
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (compare(&s->at[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void release(void *data)
{
	struct style *s = data;

	free(s->shift);
	free(s->at);
	free(s);
}

static bool read_file(struct buf *b, const char *path, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool ok = true;

	if (fd < 0)
		return err_set(e, ERR_FILE, "%.200s cannot be opened", path);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		ok = err_set(e, ERR_FILE, "%.200s is not a file of text", path);
	ok = ok && (buf_read_fd(b, fd, MAX_BYTES, e) || err_wrap(e, "%.200s", path));
	close(fd);
	if (ok && !b->len)
		ok = err_set(e, ERR_FILE, "%.200s is empty", path);
	return ok;
}

static void index_tokens(struct style *s, const int32_t *ids, size_t n, const double *params)
{
	s->n = n;
	s->at = mem_array(n, sizeof *s->at);
	s->shift = mem_array((size_t)s->n_vocab, sizeof *s->shift);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < 3; j++)
			s->at[i].t[j] = i + j < n ? ids[i + j] : -1;
		s->shift[ids[i]]++;
	}
	qsort(s->at, n, sizeof *s->at, compare);
	for (int v = 0; v < s->n_vocab; v++)
		s->shift[v] = (float)(params[LAMBDA] * params[W1] * log1p((double)s->shift[v] / params[DELTA]));
}

static void *prepare(const char *text, const double *params, const struct model *m, struct err *e)
{
	struct style *s = mem_zalloc(sizeof *s);
	struct buf b = { 0 };
	int32_t *ids = NULL;
	size_t n = 0;
	bool ok = false;

	if (!m)
		err_set(e, ERR_USAGE, "the file is read with the tokenizer of a model, and there is none here");
	else
		ok = read_file(&b, text, e) && vocab_encode(m->vocab, b.data, b.len, false, false, &ids, &n, e);
	if (ok && !n)
		ok = err_set(e, ERR_FILE, "%.200s has no tokens", text);
	if (ok) {
		s->n_vocab = m->hp.n_vocab;
		index_tokens(s, ids, n, params);
	}
	free(ids);
	buf_free(&b);
	if (ok)
		return s;
	release(s);
	return NULL;
}

/* Adds lambda w ln((count + delta) / delta) for every successor in a run of places
 * whose first `depth` tokens are the context. */
static void add_run(const struct style *s, size_t from, size_t to, int depth, double weight, double delta, float *more)
{
	for (size_t i = from, end; i < to; i = end) {
		int32_t v = s->at[i].t[depth];

		for (end = i + 1; end < to && s->at[end].t[depth] == v;)
			end++;
		if (v >= 0)
			more[v] += (float)(weight * log1p((double)(end - i) / delta));
	}
}

/* What orders 2 and 3 add, by id; zero elsewhere.  Returns the highest order that matched. */
static int add_contexts(const struct style *s, const double *params, const struct sampler_context *cx, float *more)
{
	int order = 1;

	for (int depth = 1; depth <= 2 && (size_t)depth <= cx->n_tokens; depth++) {
		const int32_t *last = cx->tokens + cx->n_tokens - depth;
		size_t from = find(s, last[0], depth > 1 ? last[1] : -1, -1);
		size_t to = depth > 1 ? find(s, last[0], last[1] + 1, -1) : find(s, last[0] + 1, -1, -1);

		if (from == to)
			continue;
		order = depth + 1;
		add_run(s, from, to, depth, params[LAMBDA] * params[W1 + depth], params[DELTA], more);
	}
	return order;
}

/*
 * Between p and q = p e^d / Z, with x = p / q = Z e^-d:
 *
 *      JSD = ln 2 - (1/2) sum q ((1 + x) ln(1 + x) - x ln x)
 *
 * Of most tokens d is 0: their q together is what the others leave.
 */
static double term(double log_x)
{
	double x = exp(log_x);

	return (1 + x) * log1p(x) - x * log_x;
}

/* `c` holds the shifted logits, key the shifts, lse is that of before. */
static double divergence(const struct candidates *c, double lse)
{
	double moved = 0, moved_before = 0, sum = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->c[i].key != 0) {
			double to = exp((double)c->c[i].logit - lse);

			moved += to;
			moved_before += to * exp(-(double)c->c[i].key);
		}
	double z = 1 + moved - moved_before, log_z = log(z);
	for (size_t i = 0; i < c->n; i++)
		if (c->c[i].key != 0)
			sum += exp((double)c->c[i].logit - lse) / z * term(log_z - (double)c->c[i].key);
	sum += (1 - moved_before) / z * term(log_z);
	double jsd = log(2) - sum / 2;
	return jsd > 0 ? jsd : 0;
}

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	if (!cx->at || params[LAMBDA] == 0)
		return;
	const struct style *s = cx->at->data;
	float *more = stage_room(cx, (size_t)s->n_vocab * sizeof *more);
	double lse = candidates_lse(c, NULL);
	int order;

	memset(more, 0, (size_t)s->n_vocab * sizeof *more);
	order = add_contexts(s, params, cx, more);
	for (size_t i = 0; i < c->n; i++) {
		c->c[i].key = s->shift[c->c[i].id] + more[c->c[i].id];
		c->c[i].logit += c->c[i].key;
	}
	c->n_sorted = 0;
	cx->at->out->shown[0] = (float)divergence(c, lse);
	cx->at->out->shown[1] = (float)order;
}

extern const struct sampler_def sampler_style;
const struct sampler_def sampler_style = {
	.name = "style",
	.doc = "lean by lambda towards the word sequences of a text file, as in style \"quixote.txt\" 0.1: by the "
	       "logarithm of its 1-, 2- and 3-gram probabilities with weights w1 w2 w3 and delta added to every "
	       "count; above 0.1 text tends to collapse",
	.source = "arXiv:2601.16224",
	.text = "file",
	.n_params = 5, .n_required = 0,
	.params = { { "lambda", 0, 1, 0.1 }, { "delta", 1e-6, 1000, 0.1 }, { "w1", 0, 10, 0.1 }, { "w2", 0, 10, 0.3 },
		    { "w3", 0, 10, 0.6 } },
	.shows = { "JSD", "order" },
	.apply = apply, .prepare = prepare, .release = release,
};
