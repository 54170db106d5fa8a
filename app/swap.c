#include "app/swap.h"

#include <stdio.h>
#include <string.h>

#include "analysis/swap_make.h"
#include "app/app.h"
#include "app/editing.h"

/* The same words, made earlier; NULL. */
static const struct swap *made_before(const struct app *a, const struct swap *asked)
{
	char words[SWAP_TEXT], other[SWAP_TEXT];

	swap_format(asked, words);
	for (int i = a->n_edit_past + a->n_edit_future; i-- > 0;)
		for (int j = 0; j < edit_set_n(a->edit_past[i]); j++) {
			const struct swap *s = edit_set_at(a->edit_past[i], j)->swap;

			if (s && s->n && !strcmp(swap_format(s, other), words))
				return s;
		}
	return NULL;
}

bool swap_ask(struct app *a, struct edit *ed, struct err *e)
{
	const struct swap *known = made_before(a, ed->swap);
	char words[SWAP_TEXT];

	if (!a->lab)
		return err_set(e, ERR_USAGE, "there is no model here to make matrices of");
	if (!swap_check(a->model, ed->swap, e))
		return false;
	if (known) {
		swap_ref(known);
		swap_unref(ed->swap);
		ed->swap = known;
		return swap_came(a, ed, e);
	}
	if (!lab_swap(a->lab, ed, e))
		return false;
	app_say(a, "making %s in the background; it holds from the step after it is there", swap_format(ed->swap, words));
	return true;
}

bool swap_came(struct app *a, struct edit *ed, struct err *e)
{
	const struct swap *s = ed->swap;
	double change = 0, before = 0;
	int left = swap_count(a->model, s) - s->n;
	char text[300], rest[80] = "";

	if (!app_add_edit(a, ed, e))
		return false;
	for (int i = 0; i < s->n; i++) {
		change += s->piece[i].change * s->piece[i].change;
		before += s->piece[i].before * s->piece[i].before;
	}
	snprintf(text, sizeof text, "%.200s", a->message);
	if (left)
		snprintf(rest, sizeof rest, "; %d more do not suit the method and stay as they are", left);
	app_say(a, "%s: %.4g bits a weight in %d %s, relative error %.3g%s", text, s->bits / s->n_weights, s->n,
	    s->n == 1 ? "matrix" : "matrices", before > 0 ? change / before : 0, rest);
	return true;
}

int swap_stop(struct app *a)
{
	return a->lab ? lab_swap_stop(a->lab) : 0;
}
