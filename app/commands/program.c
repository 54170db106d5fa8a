/*
 * Commands about the program itself: prompt, pace, keys, scripts, leaving.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/command.h"
#include "app/frame.h"
#include "app/keymap.h"
#include "app/lineedit.h"
#include "app/running.h"
#include "app/script.h"
#include "engine/record.h"
#include "views/key.h"

bool cmd_ask(struct app *a, const struct args *args, struct err *e)
{
	char line[512];

	if (script_speaks(a))
		return script_ask(a, args->text[0], e);
	if (!a->line)
		return err_set(e, ERR_USAGE, "there is no prompt here");
	/* A line that ends in a word wants its blank; one that ends in text does not. */
	snprintf(line, sizeof line, "%s", args->text[0]);
	lineedit_open(a->line, line);
	return true;
}

static void change_pace(struct app *a, int pace)
{
	bool going = a->going;
	int left = a->left;

	if (going)
		app_stop(a);
	a->pace = pace;
	if (pace > 0)
		a->slow_pace = pace;
	if (going)
		app_go(a, left);
	if (pace)
		app_say(a, "at most %d tokens a second", pace);
	else
		app_say(a, "full speed");
}

bool cmd_pace(struct app *a, const struct args *args, struct err *e)
{
	const char *s = args->text[0];
	char *end;
	long v = strtol(s, &end, 10);

	if (!strcmp(s, "toggle"))
		v = a->pace ? 0 : a->slow_pace;
	else if (!strcmp(s, "full"))
		v = 0;
	else if (end == s || *end || v < 0 || v > 1000)
		return err_set(e, ERR_USAGE, "a number from 0 to 1000, `full' or `toggle'");
	change_pace(a, (int)v);
	return true;
}

bool cmd_bind(struct app *a, const struct args *args, struct err *e)
{
	int key = key_parse(args->text[0]);

	if (key == KEY_NONE)
		return err_set(e, ERR_USAGE, "no key is called \"%.40s\"", args->text[0]);
	keymap_bind(a->keys, -1, key, args->text[1], "");
	return true;
}

bool cmd_include(struct app *a, const struct args *args, struct err *e)
{
	return script_include(a, args->text[0], e);
}

bool cmd_source(struct app *a, const struct args *args, struct err *e)
{
	return script_start(a, args->text[0], e);
}

bool cmd_say(struct app *a, const struct args *args, struct err *e)
{
	(void)e;
	record_say(a->source, args->text[0]);
	app_say(a, "%s", args->text[0]);
	if (script_speaks(a))
		a->message_until_ns = UINT64_MAX;       /* it says itself how long: until it says more */
	return true;
}

bool cmd_wait(struct app *a, const struct args *args, struct err *e)
{
	return script_wait(a, args->n ? (int)args->number[0] : 0, e);
}

/* The screen as it would be drawn now, at the size it has. */
bool cmd_screenshot(struct app *a, const struct args *args, struct err *e)
{
	struct canvas c;
	struct buf text = { 0 };
	FILE *f;
	bool ok;

	if (!canvas_new(&c, a->area.rows > 0 ? a->area.rows + 2 : 40, a->area.cols > 0 ? a->area.cols : 120))
		return err_set(e, ERR_RUN, "nothing has been drawn");
	frame_draw(a, &c);
	canvas_dump(&c, &text);
	canvas_free(&c);
	f = fopen(args->text[0], "w");
	ok = f && fwrite(text.data, 1, text.len, f) == text.len;
	ok = (f && fclose(f) == 0) && ok;
	buf_free(&text);
	return ok || err_set(e, ERR_RUN, "%s: %s", args->text[0], strerror(errno));
}

bool cmd_quit(struct app *a, const struct args *args, struct err *e)
{
	(void)args;
	(void)e;
	a->quit = true;
	return true;
}
