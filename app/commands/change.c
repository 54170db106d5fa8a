/*
 * Commands that change what the model does from the next step: sampler, seed and
 * edits.
 */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/command.h"
#include "app/swap.h"
#include "app/editing.h"

bool cmd_sampler(struct app *a, const struct args *args, struct err *e)
{
	if (!app_set_chain(a, args->text[0], e))
		return false;
	app_say(a, "sampler from the next token: %s", chain_text(a->chain));
	return true;
}

bool cmd_seed(struct app *a, const struct args *args, struct err *e)
{
	uint64_t seed = (uint64_t)args->number[0];

	if (!app_order(a, &(struct order){ .kind = ORDER_SEED, .seed = seed }, e))
		return false;
	a->seed = seed;
	app_say(a, "seed %llu from the next token", (unsigned long long)seed);
	return true;
}

bool cmd_clamp(struct app *a, const struct args *args, struct err *e)
{
	const struct source_info *info = &a->source->info;
	struct edit ed;
	bool ok;

	if (!edit_parse_in(args->text[0], &info->hp, info->tokens, &ed, e))
		return false;
	ok = ed.swap ? swap_ask(a, &ed, e) : app_add_edit(a, &ed, e);
	edit_drop(&ed);
	return ok;
}

static bool there_is(const struct app *a, int number, struct err *e)
{
	for (int i = 0; i < edit_set_n(app_edits(a)); i++)
		if (edit_set_at(app_edits(a), i)->number == number)
			return true;
	return err_set(e, ERR_USAGE, "there is no edit %d", number);
}

bool cmd_toggle_edit(struct app *a, const struct args *args, struct err *e)
{
	int number = (int)args->number[0];

	return there_is(a, number, e) &&
	    app_set_edits(a, edit_set_toggled(app_edits(a), number, ++a->edit_revision), e);
}

bool cmd_drop(struct app *a, const struct args *args, struct err *e)
{
	const struct edit_set *next = edit_set_ref(app_edits(a));

	if (args->n && !there_is(a, (int)args->number[0], e)) {
		edit_set_unref(next);
		return false;
	}
	while (edit_set_n(next) > 0) {
		int number = args->n ? (int)args->number[0] : edit_set_at(next, 0)->number;
		const struct edit_set *fewer = edit_set_without(next, number, ++a->edit_revision);

		edit_set_unref(next);
		next = fewer;
		if (args->n)
			break;
	}
	return app_set_edits(a, next, e);
}

/* Sends the set that is now in force in the place of `before`. */
static bool send_now(struct app *a, const struct edit_set *before, const char *what, struct err *e)
{
	if (!app_send_edits(a, before, app_edits(a), e))
		return false;
	app_say(a, "%s: %d edits in force from the next step%s", what, edit_set_n(app_edits(a)),
	    edit_sets_stale(before, app_edits(a)) >= 0 ? "; the text is read again" : "");
	app_probe(a);
	return true;
}

bool cmd_undo(struct app *a, const struct args *args, struct err *e)
{
	const struct edit_set *before = app_edits(a);

	(void)args;
	if (a->n_edit_past < 2)
		return err_set(e, ERR_USAGE, "nothing to take back");
	a->n_edit_past--;
	a->n_edit_future++;
	return send_now(a, before, "undone", e);
}

bool cmd_redo(struct app *a, const struct args *args, struct err *e)
{
	const struct edit_set *before = app_edits(a);

	(void)args;
	if (!a->n_edit_future)
		return err_set(e, ERR_USAGE, "nothing to make again");
	a->n_edit_past++;
	a->n_edit_future--;
	return send_now(a, before, "made again", e);
}
