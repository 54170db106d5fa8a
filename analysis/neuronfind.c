#include "analysis/neuronfind.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "engine/base/mem.h"
#include "engine/base/utf8.h"

enum { NEAR = 5, WORD = 64 };           /* suggestions; bytes of a word that are compared */

void neuronfind_fold(const char *s, size_t n, struct buf *out)
{
	if (n > 1 && *s == ' ') {
		s++;
		n--;
	}
	while (n) {
		uint32_t cp;
		int len = utf8_decode(s, n, &cp);
		char lower[4];

		if (len <= 0) {
			buf_char(out, *s);
			len = 1;
		} else {
			int32_t low = utf8proc_tolower((int32_t)cp);
			buf_add(out, lower, (size_t)utf8_encode((uint32_t)low, lower));
		}
		s += len;
		n -= (size_t)len;
	}
}

/* Letters to insert, drop or change to make one word of the other (Levenshtein). */
static int distance(const char *a, size_t n, const char *b, size_t m)
{
	int row[WORD + 1];

	n = n < WORD ? n : WORD;
	m = m < WORD ? m : WORD;
	for (size_t j = 0; j <= m; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= n; i++) {
		int corner = row[0];
		row[0] = (int)i;
		for (size_t j = 1; j <= m; j++) {
			int change = corner + (a[i - 1] != b[j - 1]), best = row[j] < row[j - 1] ? row[j] : row[j - 1];
			corner = row[j];
			row[j] = change < best + 1 ? change : best + 1;
		}
	}
	return row[m];
}

struct near {
	int32_t id;
	int off;
	char word[WORD];        /* folded, its beginning */
	size_t len;
};

/* A word is suggested once, however many tokens are forms of it. */
static void keep_near(struct near *best, int *n, struct near t)
{
	int i;

	if (*n == NEAR && t.off >= best[NEAR - 1].off)
		return;
	for (i = 0; i < *n; i++)
		if (best[i].len == t.len && !memcmp(best[i].word, t.word, t.len))
			return;
	for (i = *n < NEAR ? (*n)++ : NEAR - 1; i > 0 && best[i - 1].off > t.off; i--)
		best[i] = best[i - 1];
	best[i] = t;
}

/* Twice the letters that differ: of two equally far, the one that begins alike is nearer. */
static void consider(struct near *best, int *n, int32_t id, const struct buf *want, const struct buf *word)
{
	struct near t = {.id = id, .len = word->len < WORD ? word->len : WORD};
	bool alike = word->len && want->len && word->data[0] == want->data[0];

	memcpy(t.word, word->data, t.len);
	t.off = 2 * distance(want->data, want->len, word->data, word->len) - alike;
	keep_near(best, n, t);
}

void neuronfind_tokens(const struct vocab *v, const char *text, size_t n, struct neuronfind_tokens *out)
{
	struct buf want = {.data = NULL}, word = {.data = NULL};
	struct near best[NEAR] = {{.id = 0}};
	int n_near = 0;

	*out = (struct neuronfind_tokens){.n = 0};
	buf_str(&want, "");
	neuronfind_fold(text, n, &want);
	for (int id = 0; id < vocab_size(v); id++) {
		size_t len;
		const char *s = vocab_bytes(v, id, &len);

		buf_clear(&word);
		buf_str(&word, "");
		neuronfind_fold(s, len, &word);
		if (word.len == want.len && !memcmp(word.data, want.data, want.len)) {
			if (out->n < (int)(sizeof out->id / sizeof *out->id))
				out->id[out->n++] = id;
		} else if (!out->n && vocab_kind(v, id) == TOKEN_NORMAL) {
			consider(best, &n_near, id, &want, &word);
		}
	}
	out->found = out->n > 0;
	for (int i = 0; !out->found && i < n_near; i++)
		out->id[i] = best[i].id;
	out->n = out->found ? out->n : n_near;
	buf_free(&word);
	buf_free(&want);
}

static int by_strength(const void *a, const void *b)
{
	const struct neuronfind_hit *x = a, *y = b;

	if (x->prob != y->prob)
		return x->prob > y->prob ? -1 : 1;
	if (x->layer != y->layer)
		return x->layer - y->layer;
	return x->index - y->index;
}

/* The highest place of any of the tokens in a neuron's list, or -1. */
static int place(const struct neuron_labels *n, const struct neuronfind_tokens *t)
{
	for (int i = 0; i < NEURON_LABELS; i++)
		for (int j = 0; j < t->n; j++)
			if (n->id[i] == t->id[j])
				return i;
	return -1;
}

size_t neuronfind(const struct neuronmap *map, const struct neuronfind_tokens *t, struct neuronfind_hit **out)
{
	size_t n = 0, room = 0;
	struct neuron_labels labels;

	*out = NULL;
	for (int l = 0; l < neuronmap_n_layers(map); l++)
		for (int i = 0; neuronmap_get(map, l, i, &labels); i++) {
			int at = place(&labels, t);

			if (at < 0)
				continue;
			if (n == room)
				*out = mem_resize(*out, room = room ? 2 * room : 64, sizeof **out);
			(*out)[n++] = (struct neuronfind_hit){.layer = l, .index = i, .rank = at, .id = labels.id[at],
			    .logit = labels.logit[at], .prob = labels.prob[at], .cosine = labels.cosine[at]};
		}
	if (n)
		qsort(*out, n, sizeof **out, by_strength);
	return n;
}
