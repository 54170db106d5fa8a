#include "analysis/budget.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

static int steps_of(const struct budget_choice *c, double step)
{
	double steps = ceil(c->bits / step - 1e-9);

	return isnan(c->loss) || steps > BUDGET_STEPS ? -1 : (int)steps;
}

static double cheapest(const struct budget_choice *choices, size_t n, int n_choices)
{
	double total = 0;

	for (size_t i = 0; i < n; i++) {
		double least = (double)INFINITY;

		for (int k = 0; k < n_choices; k++) {
			const struct budget_choice *c = &choices[i * (size_t)n_choices + (size_t)k];

			least = !isnan(c->loss) && c->bits < least ? c->bits : least;
		}
		total += least;
	}
	return total;
}

/* best[s]: least loss of the items so far within s steps; pick[s]: of this item. */
static void add_item(const struct budget_choice *c, int n_choices, double step, const double *before, double *best,
    int8_t *pick)
{
	for (int s = 0; s <= BUDGET_STEPS; s++) {
		best[s] = (double)INFINITY;
		pick[s] = -1;
	}
	for (int k = 0; k < n_choices; k++) {
		int cost = steps_of(&c[k], step);

		for (int s = cost; cost >= 0 && s <= BUDGET_STEPS; s++)
			if (before[s - cost] + c[k].loss < best[s]) {
				best[s] = before[s - cost] + c[k].loss;
				pick[s] = (int8_t)k;
			}
	}
}

bool budget_choose(const struct budget_choice *choices, size_t n, int n_choices, double total_bits, int *picks,
    struct err *e)
{
	size_t row = BUDGET_STEPS + 1;
	double step = total_bits / BUDGET_STEPS, *before = mem_array(row, sizeof *before), *best = mem_array(row, sizeof *best);
	int8_t *pick = mem_big(n * row, 1, "the choices of a budget", e);
	bool ok = pick != NULL;
	int s = BUDGET_STEPS;

	for (size_t i = 0; ok && i < n; i++) {
		double *t = before;

		add_item(choices + i * (size_t)n_choices, n_choices, step, before, best, pick + i * row);
		before = best;
		best = t;
	}
	if (ok && !isfinite(before[BUDGET_STEPS])) {
		double least = cheapest(choices, n, n_choices);

		ok = err_set(e, ERR_USAGE, "the cheapest choices take %.6g bits and the budget is %.6g", least, total_bits);
	}
	for (size_t i = n; ok && i-- > 0;) {
		picks[i] = pick[i * row + (size_t)s];
		s -= steps_of(&choices[i * (size_t)n_choices + (size_t)picks[i]], step);
	}
	mem_big_free(pick);
	free(best);
	free(before);
	return ok;
}

double budget_baq(const double *c, size_t n, double mean, double *bits)
{
	double logs = 0, sum = 0, share = mean * (double)n;
	size_t live = n, before;

	for (size_t i = 0; i < n; i++) {
		logs += log2(c[i]);
		sum += c[i];
		bits[i] = 0;
	}
	double gain = exp2(logs / (double)n) / (sum / (double)n);

	/* Those that would be negative leave, and the others are worked out again. */
	bool *out = mem_array(n, sizeof *out);

	do {
		before = live;
		logs = 0;
		for (size_t i = 0; i < n; i++)
			logs += out[i] ? 0 : log2(c[i]);
		for (size_t i = 0; i < n; i++) {
			bits[i] = out[i] ? 0 : share / (double)before + (log2(c[i]) - logs / (double)before) / 2;
			if (!out[i] && bits[i] < 0) {
				out[i] = true;
				live--;
			}
		}
	} while (live < before && live > 0);
	free(out);
	return gain;
}
