#include "analysis/account.h"

#include <math.h>

void account_add(struct account *a, const struct step *s, const struct receipt *r)
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
				account_add(&a, s, &s->receipts[i]);
	}
	return a;
}

static void put(struct buf *out, const char *name, double value)
{
	buf_printf(out, ", \"%s\": ", name);
	buf_json_num(out, value);
}

void account_json(const struct account *a, struct buf *out)
{
	bool any = a->positions > 0;

	buf_printf(out, "\"applied\": %ld, \"positions\": %d", a->applied, a->positions);
	put(out, "mean_change", any ? a->mean_change : (double)NAN);
	put(out, "last_change", any ? (double)a->last_change : (double)NAN);
	put(out, "last_before", any ? (double)a->last_before : (double)NAN);
}
