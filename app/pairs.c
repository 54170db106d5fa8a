#include "app/pairs.h"

#include <stdlib.h>

#include "app/app.h"
#include "app/editing.h"
#include "app/pairing.h"
#include "app/script.h"
#include "engine/base/mem.h"

enum { TICK_NS = 250000000 };

void pairs_take(struct app *a)
{
	struct pairing_answer got;

	while (pairing_take(a->pair, &got)) {
		a->dirty = true;
		if (*got.text && got.is_error)
			app_complain(a, got.text);
		else if (*got.text)
			app_say(a, "%s", got.text);
		if (got.is_error && a->script)
			script_fail(a, ERR_RUN, "", a->message);
	}
	/* What a receipt has to say, its line says. */
	while (pairing_take(a->receipt, &got))
		a->dirty = true;
}

static void follow(struct app *a, struct pairing *p)
{
	int n = timeline_n_tokens(a->steps), known = 0, n_prompt = 0;
	int32_t *tokens = mem_array((size_t)n + 1, sizeof *tokens);

	while (known < n && timeline_token(a->steps, known) >= 0) {
		n_prompt += n_prompt == known && timeline_why(a->steps, known) == WHY_PROMPT;
		tokens[known] = timeline_token(a->steps, known);
		known++;
	}
	/* The last token is there before it is read. */
	known = known < timeline_n(a->steps) ? known : timeline_n(a->steps);
	pairing_follow(p, tokens, (size_t)known, n_prompt);
	free(tokens);
}

void pairs_follow(struct app *a)
{
	if (a->pair)
		follow(a, a->pair);
}

/* The swaps that are on and made, and nothing else. */
static const struct edit_set *swaps_of(const struct edit_set *all)
{
	const struct edit_set *s = edit_set_empty();

	for (int i = 0; i < edit_set_n(all); i++) {
		const struct edit *ed = edit_set_at(all, i);
		const struct edit_set *more;

		if (!ed->on || !ed->swap || !ed->swap->n)
			continue;
		more = edit_set_with(s, ed, edit_set_revision(s) + 1);
		edit_set_unref(s);
		s = more;
	}
	return s;
}

static bool same_swaps(const struct edit_set *a, const struct edit_set *b)
{
	if (edit_set_n(a) != edit_set_n(b))
		return false;
	for (int i = 0; i < edit_set_n(a); i++) {
		const struct edit *x = edit_set_at(a, i), *y = edit_set_at(b, i);

		if (x->swap != y->swap || x->scope != y->scope || x->from != y->from || x->to != y->to)
			return false;
	}
	return true;
}

/* The model under other swaps than before is another second model. */
static void ask_receipt(struct app *a)
{
	const struct edit_set *now = swaps_of(app_edits(a));

	if (a->receipt_of && same_swaps(a->receipt_of, now)) {
		edit_set_unref(now);
	} else {
		edit_set_unref(a->receipt_of);
		a->receipt_of = now;
		if (edit_set_n(now))
			pairing_edits(a->receipt, now);
		else
			pairing_end(a->receipt);
	}
	if (edit_set_n(a->receipt_of))
		follow(a, a->receipt);
}

void pairs_in_sight(struct app *a, bool lockstep, bool receipt)
{
	if (lockstep && a->pair)
		follow(a, a->pair);
	if (receipt && a->receipt)
		ask_receipt(a);
}

bool pairs_busy(const struct app *a)
{
	return pairing_busy(a->pair);
}

void pairs_tick(struct app *a, uint64_t *wait)
{
	if (!pairing_busy(a->pair) && !pairing_busy(a->receipt))
		return;
	a->dirty = true;
	*wait = *wait > TICK_NS ? TICK_NS : *wait;
}

void pairs_view(const struct app *a, struct view *v)
{
	if (a->pair)
		v->lockstep = pairing_view(a->pair);
	v->lockstep.figure = a->lock_figure;
	if (a->receipt && edit_set_n(a->receipt_of ? a->receipt_of : app_edits(a)))
		v->receipt = pairing_view(a->receipt);
}

void pairs_free(struct app *a)
{
	pairing_free(a->pair);
	pairing_free(a->receipt);
	edit_set_unref(a->receipt_of);
}
