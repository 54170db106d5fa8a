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

struct tables {
	double *before, *best;  /* [BUDGET_STEPS + 1] */
	int8_t *pick;           /* [n][BUDGET_STEPS + 1] */
};

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

/* Under a total with room for so many steps more, which rounding may have cost.
 * False: even that is too little. */
static bool choose_within(const struct budget_choice *choices, size_t n, int n_choices, double total_bits, size_t more,
    struct tables *t, int *picks)
{
	size_t row = BUDGET_STEPS + 1;
	double step = (total_bits + (double)more * total_bits / BUDGET_STEPS) / BUDGET_STEPS;
	int s = BUDGET_STEPS;

	memset(t->before, 0, row * sizeof *t->before);
	for (size_t i = 0; i < n; i++) {
		double *swap = t->before;

		add_item(choices + i * (size_t)n_choices, n_choices, step, t->before, t->best, t->pick + i * row);
		t->before = t->best;
		t->best = swap;
	}
	if (!isfinite(t->before[BUDGET_STEPS]))
		return false;
	for (size_t i = n; i-- > 0;) {
		picks[i] = t->pick[i * row + (size_t)s];
		s -= steps_of(&choices[i * (size_t)n_choices + (size_t)picks[i]], step);
	}
	return true;
}

/* Takes `its` when they keep the total, exactly, and lose less. */
static void take_better(const struct budget_choice *choices, size_t n, int n_choices, double total_bits, const int *its,
    int *picks, double *least)
{
	struct budget_choice sum = budget_sum(choices, n, n_choices, its);

	if (sum.bits > total_bits * (1 + 1e-12) || !(sum.loss < *least))
		return;
	*least = sum.loss;
	memcpy(picks, its, n * sizeof *picks);
}

bool budget_choose(const struct budget_choice *choices, size_t n, int n_choices, double total_bits, int *picks,
    struct err *e)
{
	size_t row = BUDGET_STEPS + 1;
	struct tables t = { .pick = mem_big(n * row, 1, "the choices of a budget", e) };
	int *its = mem_array(n, sizeof *its), uniform = budget_uniform(choices, n, n_choices, total_bits);
	double least = (double)INFINITY;
	bool ok = t.pick != NULL;

	t.before = mem_array(row, sizeof *t.before);
	t.best = mem_array(row, sizeof *t.best);
	for (size_t i = 0; i < n; i++)
		its[i] = uniform;
	if (uniform >= 0)
		take_better(choices, n, n_choices, total_bits, its, picks, &least);
	for (size_t eighths = 0; ok && eighths <= 8; eighths++)
		if (choose_within(choices, n, n_choices, total_bits, n * eighths / 8, &t, its))
			take_better(choices, n, n_choices, total_bits, its, picks, &least);
	if (ok && !isfinite(least)) {
		double cheap = cheapest(choices, n, n_choices);

		ok = err_set(e, ERR_USAGE, "the cheapest choices take %.6g bits and the budget is %.6g", cheap, total_bits);
	}
	mem_big_free(t.pick);
	free(t.best);
	free(t.before);
	free(its);
	return ok;
}

/* As budget_baq(), an item counting `size` times (NULL: once). */
static double closed_form(const double *c, const double *size, size_t n, double mean, double *bits)
{
	double logs = 0, sum = 0, share = 0, all = 0, live, out_now;
	bool *out = mem_array(n, sizeof *out);

	for (size_t i = 0; i < n; i++) {
		double s = size ? size[i] : 1;

		logs += s * log2(c[i]);
		sum += s * c[i];
		all += s;
		bits[i] = 0;
	}
	double gain = exp2(logs / all) / (sum / all);

	share = mean * all;
	live = all;
	/* Those that would be negative leave, and the others are worked out again. */
	do {
		out_now = 0;
		logs = 0;
		for (size_t i = 0; i < n; i++)
			logs += out[i] ? 0 : (size ? size[i] : 1) * log2(c[i]);
		for (size_t i = 0; i < n; i++) {
			bits[i] = out[i] ? 0 : share / live + (log2(c[i]) - logs / live) / 2;
			if (!out[i] && bits[i] < 0) {
				out[i] = true;
				out_now += size ? size[i] : 1;
			}
		}
		live -= out_now;
	} while (out_now > 0 && live > 0);
	free(out);
	return gain;
}

double budget_baq(const double *c, size_t n, double mean, double *bits)
{
	return closed_form(c, NULL, n, mean, bits);
}

/* Loss of a weight at 0 bits, by its choices; 0 where none says. */
static double at_no_bits(const struct budget_choice *c, int n_choices, double size)
{
	double logs = 0;
	int n = 0;

	for (int k = 0; k < n_choices; k++)
		if (c[k].loss > 0) {
			logs += log2(c[k].loss / size) + 2 * c[k].bits / size;
			n++;
		}
	return n ? exp2(logs / n) : 1e-300;
}

bool budget_choose_baq(const struct budget_choice *choices, size_t n, int n_choices, const double *size,
    double total_bits, int *picks, double *want, double *gain, struct err *e)
{
	struct budget_choice *near = mem_array(n * (size_t)n_choices, sizeof *near);
	double *c = mem_array(n, sizeof *c), *bits = mem_array(n, sizeof *bits), all = 0;
	bool ok;

	for (size_t i = 0; i < n; i++) {
		c[i] = at_no_bits(choices + i * (size_t)n_choices, n_choices, size[i]);
		all += size[i];
	}
	*gain = closed_form(c, size, n, total_bits / all, bits);
	for (size_t i = 0; i < n * (size_t)n_choices; i++) {
		size_t item = i / (size_t)n_choices;
		double off = choices[i].bits / size[item] - bits[item];

		near[i] = (struct budget_choice){ choices[i].bits, isnan(choices[i].loss) ? choices[i].loss : size[item] * off * off };
	}
	ok = budget_choose(near, n, n_choices, total_bits, picks, e);
	if (want)
		memcpy(want, bits, n * sizeof *bits);
	free(bits);
	free(c);
	free(near);
	return ok;
}

struct budget_choice budget_sum(const struct budget_choice *choices, size_t n, int n_choices, const int *picks)
{
	struct budget_choice sum = { 0, 0 };

	for (size_t i = 0; i < n; i++) {
		const struct budget_choice *c = &choices[i * (size_t)n_choices + (size_t)picks[i]];

		sum.bits += c->bits;
		sum.loss += c->loss;
	}
	return sum;
}

int budget_uniform(const struct budget_choice *choices, size_t n, int n_choices, double total_bits)
{
	double least = (double)INFINITY;
	int best = -1;

	for (int k = 0; k < n_choices; k++) {
		struct budget_choice sum = { 0, 0 };

		for (size_t i = 0; i < n; i++) {
			sum.bits += choices[i * (size_t)n_choices + (size_t)k].bits;
			sum.loss += choices[i * (size_t)n_choices + (size_t)k].loss;
		}
		if (sum.bits <= total_bits * (1 + 1e-12) && sum.loss < least) {
			least = sum.loss;
			best = k;
		}
	}
	return best;
}
