/*
 * Commands that ask something of a step, or go to one.
 */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/command.h"
#include "app/condition.h"
#include "app/running.h"

bool cmd_until(struct app *a, const struct args *args, struct err *e)
{
	struct condition c;

	if (!condition_parse(&c, args->text[0], e))
		return false;
	if (!a->source->info.live && a->ended)
		return err_set(e, ERR_USAGE, "the recording has ended");
	if (condition_needs(&c) == NEEDS_PROBE)
		return err_set(e, ERR_USAGE, "the probe text does not change from token to token; ask with expect");
	a->follow = true;
	app_until(a, &c);
	return true;
}

bool cmd_expect(struct app *a, const struct args *args, struct err *e)
{
	struct condition c;

	return condition_parse(&c, args->text[0], e) && asking_expect(a, &c, args->text[0], e);
}

bool cmd_keep(struct app *a, const struct args *args, struct err *e)
{
	int n = (int)args->number[0];

	if (n < 1 || n > a->n_tokens)
		return err_set(e, ERR_USAGE, "the text has %d tokens", a->n_tokens);
	app_stop(a);
	a->follow = true;
	a->ended = false;
	return app_order(a, &(struct order){ .kind = ORDER_CUT, .n = n }, e);
}

bool cmd_token(struct app *a, const struct args *args, struct err *e)
{
	int id = (int)args->number[0];

	if (id < 0 || id >= a->source->info.hp.n_vocab)
		return err_set(e, ERR_USAGE, "tokens are 0 to %d", a->source->info.hp.n_vocab - 1);
	app_stop(a);
	a->follow = true;
	a->ended = false;
	return app_order(a, &(struct order){ .kind = ORDER_FORCE, .n = id }, e);
}

bool cmd_goto(struct app *a, const struct args *args, struct err *e)
{
	int pos = (int)args->number[0];

	if (pos < 0)
		return err_set(e, ERR_USAGE, "positions count from 0");
	if (pos < timeline_n(a->steps)) {
		app_stop(a);
		a->cursor = pos;
		a->follow = false;
		return true;
	}
	if (a->source->info.live)
		return err_set(e, ERR_USAGE, "there is no step at position %d yet", pos);
	if (a->ended)
		return err_set(e, ERR_USAGE, "the recording ends at position %d", timeline_n(a->steps) - 1);
	app_stop(a);
	a->follow = true;
	a->go_to = pos;
	app_go(a, 0);
	return true;
}

/* Takes effect with the next token: the pace of the app is asked for each. */
static void change_speed(struct app *a, double speed)
{
	bool going = a->going;
	int left = a->left;

	if (going)
		app_stop(a);
	a->speed = speed;
	if (going)
		app_go(a, left);
	app_say(a, "speed x%g", speed);
}

bool cmd_speed(struct app *a, const struct args *args, struct err *e)
{
	const char *s = args->text[0];
	double now = a->speed > 0 ? a->speed : 1, v;
	char *end;

	if (a->source->info.live)
		return err_set(e, ERR_USAGE, "a recording has a speed; generation has a pace");
	if (!strcmp(s, "faster")) {
		v = now < 16 ? now * 2 : 16;
	} else if (!strcmp(s, "slower")) {
		v = now > 0.25 ? now / 2 : 0.25;
	} else {
		v = strtod(s + (*s == 'x'), &end);
		if (end == s || *end || !(v >= 0.25 && v <= 16))
			return err_set(e, ERR_USAGE, "0.25 to 16, `faster' or `slower'");
	}
	change_speed(a, v);
	return true;
}
