/*
 * Commands that make the text grow, or cut it.
 */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/branch.h"
#include "app/command.h"
#include "app/running.h"
#include "app/script.h"
#include "engine/base/mem.h"
#include "engine/chat.h"

bool cmd_toggle(struct app *a, const struct args *args, struct err *e)
{
	(void)args;
	if (script_toggled(a))
		return true;
	if (a->going)
		app_stop(a);
	else if (a->n_tokens > 0 || !a->source->info.live)
		app_go(a, 0);
	else
		return err_set(e, ERR_USAGE, "there is no text yet; `prompt TEXT` begins one");
	return true;
}

bool cmd_run(struct app *a, const struct args *args, struct err *e)
{
	if (args->n && args->number[0] < 1)
		return err_set(e, ERR_USAGE, "n is at least 1");
	app_go(a, (int)args->number[0]);
	return true;
}

bool cmd_pause(struct app *a, const struct args *args, struct err *e)
{
	if (args->n)
		return script_pause(a, args->number[0], e);
	app_stop(a);
	return true;
}

/* Typed, a text is read and gone on with; a script says itself how far. */
static void go_on_behind(struct app *a)
{
	a->follow = true;
	if (script_speaks(a))
		a->text_waits = true;
	else
		app_go(a, 0);
}

bool cmd_step(struct app *a, const struct args *args, struct err *e)
{
	if (args->n && args->number[0] < 1)
		return err_set(e, ERR_USAGE, "n is at least 1");
	app_stop(a);
	app_go(a, args->n ? (int)args->number[0] : 1);
	return true;
}

bool cmd_prompt(struct app *a, const struct args *args, struct err *e)
{
	app_stop(a);
	if (!app_order(a, &(struct order){ .kind = ORDER_RESTART, .text = args->text[0], .special = true }, e))
		return false;
	go_on_behind(a);
	return true;
}

bool cmd_append(struct app *a, const struct args *args, struct err *e)
{
	if (script_speaks(a))
		app_stop(a);
	if (!app_order(a, &(struct order){ .kind = ORDER_APPEND, .text = args->text[0], .special = true }, e))
		return false;
	go_on_behind(a);
	return true;
}

/* Whatever else stops a conversation is said when the turn is over; that there is
 * none to be had, before a word is typed. */
bool cmd_chat(struct app *a, const struct args *args, struct err *e)
{
	if (!a->source->info.live)
		return err_set(e, ERR_USAGE, "this is a recording: nobody answers");
	if (a->model && !chat_of_model(a->model, e))
		return false;
	if (!args->n)
		return script_speaks(a) ? err_set(e, ERR_USAGE, "chat: what is said is missing") : command_line(a, "ask chat ", e);
	app_stop(a);
	if (!app_order(a, &(struct order){ .kind = ORDER_CHAT, .text = args->text[0] }, e))
		return false;
	a->chat = true;
	go_on_behind(a);
	return true;
}

static bool cut_behind(struct app *a, int pos, struct err *e)
{
	if (pos < 0 || pos >= timeline_n(a->steps))
		return err_set(e, ERR_USAGE, "there is no step at position %d", pos);
	app_stop(a);
	a->follow = true;
	a->ended = false;
	return app_order(a, &(struct order){ .kind = ORDER_CUT, .n = pos + 1 }, e);
}

bool cmd_rewind(struct app *a, const struct args *args, struct err *e)
{
	bool relative = *args->text[0] == '+' || *args->text[0] == '-';
	int pos = args->n ? (int)args->number[0] + (relative ? app_at(a) : 0) : app_at(a) + 1;

	/* The token made by the step under the cursor stays; what followed goes. */
	if (pos >= timeline_n(a->steps))
		return err_set(e, ERR_USAGE, "nothing comes behind position %d", pos);
	if (!cut_behind(a, pos, e))
		return false;
	app_say(a, "the text ends at position %d; the rest is a branch", pos);
	return true;
}

/* Goes back to the step under the cursor, puts something else there and goes on
 * as before: running if it ran. */
static bool replace(struct app *a, const struct order *o, struct err *e)
{
	bool was_going = a->going;

	if (!cut_behind(a, app_at(a), e) || !app_order(a, o, e))
		return false;
	if (was_going)
		app_go(a, 0);
	return true;
}

bool cmd_pick(struct app *a, const struct args *args, struct err *e)
{
	const struct step *s = timeline_at(a->steps, app_at(a));
	int rank = (int)args->number[0];

	if (!s || rank < 1 || rank > s->n_top)
		return err_set(e, ERR_USAGE, "there are %d candidates here", s ? s->n_top : 0);
	return replace(a, &(struct order){ .kind = ORDER_FORCE, .n = s->top[rank - 1].id }, e);
}

bool cmd_force(struct app *a, const struct args *args, struct err *e)
{
	bool was_going = a->going;

	if (!replace(a, &(struct order){ .kind = ORDER_APPEND, .text = args->text[0], .special = true }, e))
		return false;
	if (!was_going)
		app_go(a, 1);           /* reads the text and shows what it leads to */
	return true;
}

bool cmd_branch(struct app *a, const struct args *args, struct err *e)
{
	struct timeline_branch b;

	if (!branch_named(a, args->text[0], &b, e))
		return false;
	if (!b.steps[0] || b.steps[0]->input != timeline_token(a->steps, b.fork))
		return err_set(e, ERR_USAGE, "branch %d belongs to a text that is no longer there", b.number);
	free(a->to_force);
	a->to_force = mem_array((size_t)b.n, sizeof *a->to_force);
	a->n_to_force = a->n_forced = 0;
	for (int i = 0; i < b.n && b.steps[i] && b.steps[i]->token >= 0; i++)
		a->to_force[a->n_to_force++] = b.steps[i]->token;
	if (!a->n_to_force)
		return err_set(e, ERR_USAGE, "branch %d holds no tokens", b.number);
	return cut_behind(a, b.fork, e) && app_order(a, &(struct order){ .kind = ORDER_FORCE, .n = a->to_force[0] }, e);
}
