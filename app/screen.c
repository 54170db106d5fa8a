#include "app/screen.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>

#include "app/app.h"
#include "app/command.h"
#include "app/crash.h"
#include "app/editing.h"
#include "app/history.h"
#include "app/lineedit.h"
#include "app/loop.h"
#include "app/running.h"
#include "app/script.h"
#include "views/term.h"

/* A recording plays by itself. */
static bool play(struct app *a)
{
	app_go(a, 0);
	return true;
}

/* What the command line asked for, in the order a user would have typed it. */
static bool begin(struct app *a, const struct screen_options *o, struct err *e)
{
	struct args args = { .n = 1 };

	if (!app_set_chain(a, o->chain ? o->chain : SAMPLER_DEFAULT, e))
		return false;
	if (!app_order(a, &(struct order){ .kind = ORDER_SEED, .seed = o->seed }, e))
		return false;
	a->seed = o->seed;
	for (int i = 0; i < o->n_edits; i++) {
		args.text[0] = o->edits[i];
		if (!cmd_clamp(a, &args, e))
			return false;
	}
	if (!o->prompt)
		return true;
	if (!app_order(a, &(struct order){ .kind = o->chat ? ORDER_CHAT : ORDER_RESTART, .text = o->prompt, .special = true },
	    e))
		return false;
	/* A swap that was asked for is there before the first token. */
	if (lab_awaited(a->lab))
		a->begin_with = o->n_tokens;
	else
		app_go(a, o->n_tokens);
	return true;
}

static struct app *open_app(const struct screen_options *o)
{
	return app_new(&(struct app_options){ .source = o->source, .model = o->model, .inputs = o->inputs,
	    .n_threads = o->n_threads, .exact = o->exact, .chat = o->chat, .warm = true, .theme = o->theme ? theme_find(o->theme) : NULL,
	    .pace = o->pace });
}

static bool run(struct app *a, const struct screen_options *o, int *ended_by, struct err *e)
{
	struct term_options t = { .color = (enum color_wish)o->color, .ascii = o->ascii, .no_mouse = o->no_mouse,
		.theme = o->theme ? a->theme : NULL };

	if (!term_start(&t, e))
		return false;
	a->clipboard = term_copy;
	a->ascii = term_ascii();
	a->mono = term_color_mode() == COLOR_NONE;
	a->theme = term_theme_now();
	*ended_by = loop_run(a, &(struct loop_options){ .max_fps = o->max_fps });
	term_stop();
	return true;
}

bool screen_run(const struct screen_options *o, struct err *e)
{
	struct buf history = { 0 };
	struct app *a = NULL;
	int ended_by = 0;
	bool ok;

	if (!term_usable(e))
		return false;
	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C");
	if (!crash_arm(e))
		return false;
	a = open_app(o);
	a->line = lineedit_new(a, !o->alone && history_path(&history) ? history.data : NULL);
	ok = (o->alone || script_config(a, o->config, e)) && (o->source->info.live ? begin(a, o, e) : play(a)) &&
	    (!o->script || script_start(a, o->script, e)) && run(a, o, &ended_by, e);
	crash_disarm();
	lineedit_free(a->line);
	app_free(a);
	buf_free(&history);
	if (ended_by == SIGTERM || ended_by == SIGHUP || ended_by == SIGQUIT)
		raise(ended_by);
	if (ended_by == SIGINT)
		return err_set(e, ERR_INTERRUPTED, "interrupted");
	return ok;
}
