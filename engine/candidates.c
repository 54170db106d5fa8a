/*
 * candidates -- sorting only as far as somebody looks.
 *
 * A vocabulary has 150,000 entries and a sampler reads a few dozen of them.
 * Tokens with equal logits are ordered by id, so the order is total and the
 * same list always sorts the same way.
 */
#include <math.h>
#include <stdlib.h>

#include "engine/sampler.h"

static bool before(const struct candidate *a, const struct candidate *b)
{
	return a->logit > b->logit || (a->logit == b->logit && a->id < b->id);
}

static int compare(const void *a, const void *b)
{
	return before(a, b) ? -1 : before(b, a);
}

static void swap(struct candidate *a, struct candidate *b)
{
	struct candidate t = *a;

	*a = *b;
	*b = t;
}

/* Moves the k best of c[0..n) to the front, in no order (Hoare's selection). */
static void select_best(struct candidate *c, size_t n, size_t k)
{
	while (n > 1 && k > 0 && k < n) {
		struct candidate *mid = &c[n / 2], *last = &c[n - 1];
		size_t i = 0;

		/* Median of three to the end, as pivot. */
		if (before(mid, &c[0]))
			swap(mid, &c[0]);
		if (before(last, &c[0]))
			swap(last, &c[0]);
		if (before(mid, last))
			swap(mid, last);
		for (size_t j = 0; j + 1 < n; j++)
			if (before(&c[j], last))
				swap(&c[j], &c[i++]);
		swap(&c[i], last);
		if (k <= i) {
			n = i;
		} else {
			k -= i + 1;
			c += i + 1;
			n -= i + 1;
		}
	}
}

void candidates_sort(struct candidates *c, size_t want)
{
	if (want > c->n)
		want = c->n;
	if (want <= c->n_sorted)
		return;
	/* A reader that goes on asks again soon: look ahead. */
	if (want < 64)
		want = 64;
	if (want < c->n_sorted * 4)
		want = c->n_sorted * 4;
	if (want > c->n)
		want = c->n;
	select_best(c->c + c->n_sorted, c->n - c->n_sorted, want - c->n_sorted);
	qsort(c->c + c->n_sorted, want - c->n_sorted, sizeof *c->c, compare);
	c->n_sorted = want;
}

double candidates_lse(const struct candidates *c, double *max)
{
	double top = -INFINITY, sum = 0;

	for (size_t i = 0; i < (c->n_sorted ? 1 : c->n); i++)
		if (c->c[i].logit > top)
			top = c->c[i].logit;
	for (size_t i = 0; i < c->n; i++)
		sum += exp((double)c->c[i].logit - top);
	if (max)
		*max = top;
	return top + log(sum);
}
