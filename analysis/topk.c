#include "analysis/topk.h"

#include "analysis/distrib.h"

bool topk_of_step(const struct step *s, int k, struct topk *out)
{
	double mass = 0;

	out->n = s->has_logits ? s->n_top : 0;
	if (out->n > k)
		out->n = k;
	for (int i = 0; i < out->n; i++) {
		out->id[i] = s->top[i].id;
		out->p[i] = (double)s->top[i].p_raw;
		mass += out->p[i];
	}
	if (!(mass > 0))
		return false;
	for (int i = 0; i < out->n; i++)
		out->p[i] /= mass;
	return true;
}

double topk_entropy(const struct topk *t)
{
	return distrib_entropy(t->p, (size_t)t->n);
}

/* Where `id` stands in t, or -1.  Fifty entries: looking is faster than sorting. */
static int find(const struct topk *t, int32_t id)
{
	for (int i = 0; i < t->n; i++)
		if (t->id[i] == id)
			return i;
	return -1;
}

double topk_jsd(const struct topk *a, const struct topk *b)
{
	double p[2 * STEP_TOP], q[2 * STEP_TOP];
	size_t n = 0;

	for (int i = 0; i < a->n; i++, n++) {
		int j = find(b, a->id[i]);

		p[n] = a->p[i];
		q[n] = j < 0 ? 0 : b->p[j];
	}
	for (int j = 0; j < b->n; j++) {
		if (find(a, b->id[j]) < 0) {
			p[n] = 0;
			q[n++] = b->p[j];
		}
	}
	return distrib_jsd(p, q, n);
}
