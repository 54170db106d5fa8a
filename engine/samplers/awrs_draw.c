#include "engine/samplers/awrs_draw.h"

#include <math.h>

static void add_block(struct awrs *a, size_t b)
{
	size_t end = (b + 1) * AWRS_BLOCK < a->n ? (b + 1) * AWRS_BLOCK : a->n;
	double sum = 0;

	for (size_t i = b * AWRS_BLOCK; i < end; i++)
		sum += (double)a->p[i];
	a->block[b] = sum;
}

static double left(const struct awrs *a)
{
	double sum = 0;

	for (size_t b = 0; b < awrs_blocks(a->n); b++)
		sum += a->block[b];
	return sum;
}

/* Sums are made anew, never subtracted from: what is left stays right to the end. */
static void discard(struct awrs *a, size_t i)
{
	a->p[i] = 0;
	add_block(a, i / AWRS_BLOCK);
}

static double begin(struct awrs *a)
{
	a->log_weight = 0;
	a->n_tests = 0;
	for (size_t b = 0; b < awrs_blocks(a->n); b++)
		add_block(a, b);
	return left(a);
}

/* One of those left, by probability; `sum` is theirs and above zero. */
static size_t pick(struct awrs *a, double sum)
{
	double u = a->uniform(a->of) * sum;
	size_t b = 0, last = 0;

	while (b + 1 < awrs_blocks(a->n) && u >= a->block[b])
		u -= a->block[b++];
	/* Rounding may leave u at the end of a block, or in one that is empty. */
	for (; b < awrs_blocks(a->n); b++, u = 0) {
		size_t end = (b + 1) * AWRS_BLOCK < a->n ? (b + 1) * AWRS_BLOCK : a->n;
		bool any = false;

		for (size_t i = b * AWRS_BLOCK; i < end; i++) {
			if (a->p[i] == 0)
				continue;
			any = true;
			last = i;
			if (u < (double)a->p[i])
				return i;
			u -= (double)a->p[i];
		}
		if (any)
			return last;
	}
	for (size_t i = a->n; i-- > 0;)
		if (a->p[i] > 0)
			return i;
	return 0;
}

static bool test(struct awrs *a, size_t i)
{
	a->n_tests++;
	return a->accept(a->of, i);
}

long awrs_recursive(struct awrs *a)
{
	for (double sum = begin(a); sum > 0; sum = left(a)) {
		size_t i = pick(a, sum);
		double q = (double)a->p[i] / sum;
		bool yes = test(a, i);

		discard(a, i);
		if (!yes) {
			a->log_weight += log1p(-q);
			continue;
		}
		sum = left(a);
		if (sum > 0 && !test(a, pick(a, sum)))
			a->log_weight += log(q);
		return (long)i;
	}
	a->log_weight = -INFINITY;
	return AWRS_NONE;
}

/* Rejections before the first success of probability 1 - lost. */
static double phantoms(struct awrs *a, double lost)
{
	return lost > 0 ? floor(log1p(-a->uniform(a->of)) / log(lost)) : 0;
}

long awrs_geometric(struct awrs *a, int accepts)
{
	double all = begin(a), sum = all, n_rejected = 0;
	int n_accepted = 0;
	long chosen = AWRS_NONE;

	while (n_accepted < accepts && sum > 0) {
		n_rejected += phantoms(a, 1 - sum / all);
		size_t i = pick(a, sum);
		if (test(a, i)) {
			n_accepted++;
			chosen = chosen == AWRS_NONE ? (long)i : chosen;
			continue;
		}
		n_rejected++;
		discard(a, i);
		sum = left(a);
	}
	a->log_weight = chosen == AWRS_NONE ? -INFINITY : log((accepts - 1) / (accepts + n_rejected - 1));
	return chosen;
}
