#include "app/quanting.h"

#include "app/app.h"
#include "app/quantlab.h"
#include "app/script.h"

enum { TICK_NS = 250000000 };

/* What the pane begins with: the type most files are downloaded in. */
static const char first_method[] = "q4_0";

/* A tensor that opens is looked at where it is worst. */
static void enter_tensor(struct app *a, const struct quantinside *before)
{
	struct view_quant v = quantlab_view(a->quant);
	struct choice *at = &a->choice[PANE_quant];

	if (v.inside && v.inside != before)
		quantinside_worst(v.inside, &at->row, &at->col);
}

void quanting_take(struct app *a)
{
	struct quantlab_answer got;
	const struct quantinside *before = a->quant ? quantlab_view(a->quant).inside : NULL;

	while (quantlab_take(a->quant, &got)) {
		enter_tensor(a, before);
		a->dirty = true;
		if (*got.text && got.is_error)
			app_complain(a, got.text);
		else if (*got.text)
			app_say(a, "%s", got.text);
		if (got.is_error && a->script)
			script_fail(a, ERR_RUN, "", a->message);
	}
}

void quanting_in_sight(struct app *a)
{
	struct err e;

	if (!a->quant)
		return;
	if (!quantlab_view(a->quant).map && !quantlab_method(a->quant, first_method, &e))
		app_complain(a, e.msg);
	quantlab_refresh(a->quant);
}

void quanting_tick(struct app *a, uint64_t *wait)
{
	if (!quantlab_busy(a->quant))
		return;
	quantlab_quietly(a->quant, a->engine_running);
	a->dirty = true;
	*wait = *wait > TICK_NS ? TICK_NS : *wait;
}

bool quanting_leave(struct app *a)
{
	struct view_quant v;
	struct choice *at = &a->choice[PANE_quant];
	struct err none;

	if (!a->quant)
		return false;
	v = quantlab_view(a->quant);
	if (!v.inside || !quantlab_into(a->quant, NULL, &none))
		return false;
	for (int r = 0; r < quantmap_rows(v.map); r++)
		for (int c = 0; c < quantmap_cols(v.map); c++)
			if (quantmap_cell(v.map, r, c) && quantmap_cell(v.map, r, c)->t == v.inside->t)
				*at = (struct choice){ .row = r, .col = c };
	return true;
}

void quanting_view(const struct app *a, struct view *v)
{
	v->can_quant = a->quant != NULL;
	if (a->quant)
		v->quant = quantlab_view(a->quant);
}
