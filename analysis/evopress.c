#include "analysis/evopress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"

enum { SWITCHES = 3, TRIES = 64 };

struct search {
	const struct evopress *s;
	int *levels;            /* [n][n_choices] choices of an item by bits, rising */
	int *n_levels;          /* [n] */
	int *brood;             /* [EVOPRESS_OFFSPRING][n] */
	double kl[EVOPRESS_OFFSPRING];
	uint64_t draws;
};

/* One of n. */
static size_t draw(struct search *h, size_t n)
{
	return (size_t)(rng_bits(h->s->seed, h->draws++, 0) % n);
}

static double bits_of(const struct search *h, size_t item, int choice)
{
	return h->s->choices[item * (size_t)h->s->n_choices + (size_t)choice].bits;
}

static void sort_levels(struct search *h)
{
	const struct evopress *s = h->s;

	for (size_t i = 0; i < s->n; i++) {
		int *level = h->levels + i * (size_t)s->n_choices, n = 0;

		for (int k = 0; k < s->n_choices; k++) {
			int at = n;

			if (isnan(s->choices[i * (size_t)s->n_choices + (size_t)k].loss))
				continue;
			for (; at > 0 && bits_of(h, i, level[at - 1]) > bits_of(h, i, k); at--)
				level[at] = level[at - 1];
			level[at] = k;
			n++;
		}
		h->n_levels[i] = n;
	}
}

/* The choice a step up or down from an item's; -1 at the end. */
static int beside(const struct search *h, const int *picks, size_t item, int step)
{
	const int *level = h->levels + item * (size_t)h->s->n_choices;

	for (int k = 0; k < h->n_levels[item]; k++)
		if (level[k] == picks[item])
			return k + step >= 0 && k + step < h->n_levels[item] ? level[k + step] : -1;
	return -1;
}

/* Moves a random item a level; gives which, or n when none was found. */
static size_t move(struct search *h, int *picks, int step, size_t not, double *bits)
{
	for (int try = 0; try < TRIES; try++) {
		size_t i = draw(h, h->s->n);
		int to = i == not ? -1 : beside(h, picks, i, step);

		if (to < 0)
			continue;
		*bits += bits_of(h, i, to) - bits_of(h, i, picks[i]);
		picks[i] = to;
		return i;
	}
	return h->s->n;
}

/* As many switches as the smaller of two draws says.  False: nothing came of it. */
static bool mutate(struct search *h, const int *parent, int *child)
{
	size_t n = h->s->n, a = 1 + draw(h, SWITCHES), b = 1 + draw(h, SWITCHES);
	double bits = budget_sum(h->s->choices, n, h->s->n_choices, parent).bits;

	memcpy(child, parent, n * sizeof *child);
	for (size_t i = 0; i < (a < b ? a : b); i++) {
		size_t up = move(h, child, 1, n, &bits);

		while (bits > h->s->total_bits * (1 + 1e-12))
			if (move(h, child, -1, up, &bits) == n)
				return false;
	}
	return memcmp(child, parent, n * sizeof *child) != 0;
}

/* Indices by rising KL; equal ones stay in order. */
static void rank(struct search *h, int n, int *order)
{
	for (int i = 0; i < n; i++) {
		int at = i;

		for (; at > 0 && h->kl[order[at - 1]] > h->kl[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}

static bool generation(struct search *h, int *parent, double *kl, struct err *e)
{
	const struct evopress *s = h->s;
	int order[EVOPRESS_OFFSPRING], n = 0;

	for (int i = 0; i < 2 * EVOPRESS_OFFSPRING && n < EVOPRESS_OFFSPRING; i++)
		n += mutate(h, parent, h->brood + (size_t)n * s->n);
	for (int i = 0; i < n; i++)
		if (!s->kl(s->to, h->brood + (size_t)i * s->n, EVOPRESS_SHARE, &h->kl[i], e))
			return false;
	rank(h, n, order);
	const int *best = NULL;

	for (int i = 0; i < n && i < EVOPRESS_FINALISTS; i++) {
		const int *child = h->brood + (size_t)order[i] * s->n;
		double its;

		if (!s->kl(s->to, child, 1, &its, e))
			return false;
		if (its < *kl) {
			*kl = its;
			best = child;
		}
	}
	if (best)
		memcpy(parent, best, s->n * sizeof *parent);
	return true;
}

bool evopress_run(const struct evopress *s, int *picks, double *kl, struct err *e)
{
	struct search h = { .s = s };
	bool ok;

	h.levels = mem_array(s->n * (size_t)s->n_choices, sizeof *h.levels);
	h.n_levels = mem_array(s->n, sizeof *h.n_levels);
	h.brood = mem_array(EVOPRESS_OFFSPRING * s->n, sizeof *h.brood);
	sort_levels(&h);
	*kl = (double)NAN;
	ok = s->kl(s->to, picks, 1, kl, e);
	for (int g = 0; ok && g < s->generations; g++) {
		if (s->progress)
			s->progress(s->to, g, *kl);
		ok = generation(&h, picks, kl, e);
	}
	if (ok && s->progress)
		s->progress(s->to, s->generations, *kl);
	free(h.brood);
	free(h.n_levels);
	free(h.levels);
	return ok;
}
