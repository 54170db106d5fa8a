#include "analysis/account.h"

static void add(struct account *a, const struct step *s, const struct receipt *r)
{
	a->asked++;
	if (!r->applied)
		return;
	a->applied += r->applied;
	a->mean_change += ((double)r->change - a->mean_change) / ++a->positions;
	a->last_change = r->change;
	a->last_before = r->before;
	a->last_pos = s->pos;
}

struct account account_of(const struct timeline *t, int edit, int upto)
{
	struct account a = { .last_pos = -1 };

	for (int pos = 0; pos <= upto && pos < timeline_n(t); pos++) {
		const struct step *s = timeline_at(t, pos);

		for (int i = 0; s && i < s->n_receipts; i++)
			if (s->receipts[i].edit == edit)
				add(&a, s, &s->receipts[i]);
	}
	return a;
}
