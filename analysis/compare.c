#include "analysis/compare.h"

#include <math.h>

#include "analysis/distrib.h"
#include "analysis/topk.h"

static double of(const struct topk *t, int32_t id)
{
	for (int i = 0; i < t->n; i++)
		if (t->id[i] == id)
			return t->p[i];
	return -1;
}

static double divergence(const struct step *a, const struct step *b)
{
	double p[2 * STEP_TOP], q[2 * STEP_TOP], sum_p = 0, sum_q = 0;
	struct topk x, y;
	size_t n = 0;

	if (!a || !b || !topk_of_step(a, STEP_TOP, &x) || !topk_of_step(b, STEP_TOP, &y))
		return NAN;
	for (int i = 0; i < x.n; i++) {
		p[n] = x.p[i];
		q[n++] = of(&y, x.id[i]);
	}
	for (int i = 0; i < y.n; i++)
		if (of(&x, y.id[i]) < 0) {
			p[n] = -1;
			q[n++] = y.p[i];
		}
	for (size_t i = 0; i < n; i++) {
		p[i] = p[i] < 0 ? x.p[x.n - 1] : p[i];
		q[i] = q[i] < 0 ? y.p[y.n - 1] : q[i];
		sum_p += p[i];
		sum_q += q[i];
	}
	for (size_t i = 0; i < n; i++) {
		p[i] /= sum_p;
		q[i] /= sum_q;
	}
	double kl = distrib_kl(p, q, n);
	return kl > 0 ? kl : 0;
}

struct compare_row compare_at(const struct compare *c, int i)
{
	int pos = c->from + i;
	const struct step *line = timeline_at(c->t, pos), *branch = timeline_branch_at(c->t, c->branch.number, pos);

	return (struct compare_row){ .pos = pos, .line = timeline_token(c->t, pos + 1),
		.branch = branch ? branch->token : -1, .kl = divergence(line, branch) };
}

bool compare_open(struct compare *c, const struct timeline *t, int number)
{
	double sum = 0;
	int end;

	*c = (struct compare){ .t = t, .first = -1, .mean_kl = NAN };
	if (!timeline_find_branch(t, number, &c->branch) || !c->branch.n)
		return false;
	c->from = timeline_branch_from(t, number);
	end = c->branch.fork + c->branch.n;
	c->n = (timeline_n(t) > end ? timeline_n(t) : end) - c->from;
	for (int i = 0; i < c->n; i++) {
		struct compare_row r = compare_at(c, i);

		if (c->first < 0 && r.line >= 0 && r.branch >= 0 && r.line != r.branch)
			c->first = r.pos;
		if (!isnan(r.kl)) {
			sum += r.kl;
			c->n_compared++;
		}
	}
	if (c->n_compared)
		c->mean_kl = sum / c->n_compared;
	return true;
}
