#include "app/app.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/editing.h"
#include "app/frame.h"
#include "app/helprows.h"
#include "app/keymap.h"
#include "app/pairing.h"
#include "app/pairs.h"
#include "app/quanting.h"
#include "app/quantlab.h"
#include "app/running.h"
#include "app/script.h"
#include "app/swap.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/base/utf8.h"
#include "engine/record.h"
#include "engine/warm.h"
#include "views/key.h"

enum { SECOND = 1000000000 };

/* What the timeline begins with, where the lenses are there. */
static void first_series(struct app *a)
{
	static const char *const names[] = { "entropy", "jsd", "surprisal", "instability" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int id = lens_find(names[i]);

		if (id >= 0)
			a->series[a->n_series++] = (enum lens_id)id;
	}
}

static enum lens_id lens_or_first(const char *name)
{
	int id = lens_find(name);

	return id < 0 ? 0 : (enum lens_id)id;
}

struct app *app_new(const struct app_options *o)
{
	struct app *a = mem_zalloc(sizeof *a);

	struct err e;

	looks_start(&a->looks);
	if (o->model)
		a->words = words_new(o->model, o->source->info.n_threads, &e);
	neuronpane_start(&a->neurons, o->model, o->source->info.n_threads);
	if (o->model)
		a->lab = lab_new(o->model, &e);
	if (o->model)
		a->quant = quantlab_new(&(struct quantlab_options){ .model = o->model, .live = o->inputs,
		    .n_threads = o->n_threads }, &e);
	for (int i = 0; o->model && i < 2; i++)
		*(i ? &a->receipt : &a->pair) = pairing_new(&(struct pairing_options){ .model = o->model,
		    .n_threads = o->n_threads, .n_ctx = o->source->info.n_ctx, .exact = o->exact }, &e);

	if (o->model && o->warm)
		a->warm = warm_start(o->model);

	a->source = o->source;
	a->model = o->model;
	a->steps = timeline_new(TIMELINE_BUDGET);
	a->theme = o->theme ? o->theme : &themes[0];
	a->chat = o->chat;
	a->ascii = o->ascii;
	a->mono = o->mono;
	a->pace = o->pace;
	a->slow_pace = o->pace > 0 ? o->pace : 5;
	a->follow = a->leave_quits = true;
	a->go_to = a->begin_with = -1;
	a->work.kind = WORK_NONE;
	a->speed = o->source->info.live || o->pace > 0 ? 0 : 1;
	a->edit_past[0] = edit_set_empty();
	a->n_edit_past = 1;
	a->text_lens = lens_or_first("entropy");
	a->grid_lens = lens_or_first("attn_entropy_norm");
	first_series(a);
	for (int p = 0; p < N_PANES; p++)
		a->stand_in[p] = (enum pane_id)p;
	a->keys = keymap_new();
	a->host = helprows_host(a);
	a->dirty = true;
	return a;
}

void app_free(struct app *a)
{
	if (!a)
		return;
	for (int i = 0; i < a->n_edit_past + a->n_edit_future; i++)
		edit_set_unref(a->edit_past[i]);
	for (int i = 0; i < a->n_log; i++)
		free(a->log[i]);
	warm_free(a->warm);
	lab_free(a->lab);
	quantlab_free(a->quant);
	pairs_free(a);
	words_free(a->words);
	neuronpane_free(&a->neurons);
	patch_drop(&a->patch);
	looks_clear(&a->looks);
	chain_unref(a->chain);
	helprows_free(&a->host);
	script_free(a->script);
	keymap_free(a->keys);
	timeline_free(a->steps);
	free(a->find);
	free(a->message);
	free(a->to_force);
	free(a->until);
	buf_free(&a->answers);
	free(a);
}

void app_log(struct app *a, char mark, const char *text)
{
	struct buf line = { 0 };

	if (a->n_log == APP_LOG) {
		free(a->log[0]);
		memmove(a->log, a->log + 1, (APP_LOG - 1) * sizeof *a->log);
		a->n_log--;
	}
	if (mark != ' ')
		buf_char(&line, mark);
	utf8_escape(text, strlen(text), &line);
	a->log[a->n_log++] = line.data;         /* the log owns it now */
}

static void set_message(struct app *a, const char *text, bool error)
{
	struct buf b = { 0 };

	utf8_escape(text, strlen(text), &b);
	free(a->message);
	a->message = b.data;
	a->message_is_error = error;
	a->message_until_ns = clock_ns() + (error ? 8ull : 4ull) * SECOND;
	a->dirty = true;
}

static void clear_message(struct app *a)
{
	free(a->message);
	a->message = NULL;
	a->dirty = true;
}

void app_say(struct app *a, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	set_message(a, text, false);
	app_log(a, ' ', text);
}

void app_complain(struct app *a, const char *text)
{
	set_message(a, text, true);
	app_log(a, '!', text);
}

bool app_line(struct app *a, const char *line)
{
	struct err e = { 0 };

	a->dirty = true;
	if (command_line(a, line, &e)) {
		if (command_kept(line))
			record_command(a->source, line);
		return true;
	}
	a->bad_lines++;
	app_complain(a, e.msg);
	return false;
}

bool app_order(struct app *a, const struct order *o, struct err *e)
{
	bool playing = o->kind == ORDER_RUN || o->kind == ORDER_PAUSE;

	if (!a->source->info.live && !playing)
		return err_set(e, ERR_USAGE, "this is a recording: nothing is computed");
	if (!source_send(a->source, o, e))
		return false;
	if (!playing && o->kind != ORDER_LOOK) {
		a->orders_sent++;
		a->unsettled = true;
	}
	return true;
}

/* What a recorded session was told: the edits and the sampler shown are its. */
static void follow_order(struct app *a, const struct order *o)
{
	if (o->kind == ORDER_EDITS) {
		edit_set_unref(a->edit_past[a->n_edit_past - 1]);
		a->edit_past[a->n_edit_past - 1] = edit_set_ref(o->edits);
	} else if (o->kind == ORDER_CHAIN) {
		chain_unref(a->chain);
		a->chain = chain_ref(o->chain);
	} else if (o->kind == ORDER_SEED) {
		a->seed = o->seed;
	}
}

/* And with which key, whatever it is bound to. */
static void say_your_turn(struct app *a)
{
	char key[16] = ":";
	struct binding b;

	for (size_t i = 0; keymap_at(a->keys, i, &b); i++)
		if (b.pane < 0 && !strcmp(b.line, "chat"))
			key_text(b.key, key, sizeof key);
	app_say(a, "the answer is complete; your turn: %s opens the prompt", key);
}

void app_news(struct app *a, struct news *n)
{
	struct err e;

	a->dirty = true;
	a->engine_running = n->running;
	a->n_tokens = n->n_tokens;
	a->n_read = n->n_read;
	switch (n->kind) {
	case NEWS_STEP:
		running_step(a, n->step);
		break;
	case NEWS_CUT:
		timeline_cut(a->steps, n->n_tokens);
		a->chat = a->chat && n->n_tokens > 0;
		break;
	case NEWS_END:
		running_over(a);
		a->ended = true;
		if (running_state(a) == STATE_YOUR_TURN)
			say_your_turn(a);
		else
			app_say(a, "%s", n->text ? n->text : "the text ended");
		break;
	case NEWS_ERROR:
		running_over(a);
		app_complain(a, n->text ? n->text : "the engine failed");
		if (a->script)
			script_fail(a, ERR_RUN, "", a->message);
		break;
	case NEWS_WARNING:
		app_complain(a, n->text);
		break;
	case NEWS_WORDS:
		app_say(a, "%s", n->text);
		break;
	case NEWS_COMMAND:
		app_log(a, ':', n->text);
		break;
	case NEWS_ORDER:
		a->orders_seen++;
		if (n->order->kind == ORDER_REREAD)
			a->reread = n->n_tokens - 1;
		a->chat = a->chat || n->order->kind == ORDER_CHAT;
		if (!a->source->info.live)
			follow_order(a, n->order);
		break;
	case NEWS_LOOK:
		if ((n->look ? n->look->asked.what : n->look_what) == LOOK_SITE) {
			if (!patch_came(a, n->look, n->text, &e))
				app_complain(a, e.msg);
			break;
		}
		if ((n->look ? n->look->asked.what : n->look_what) == LOOK_NEURON) {
			neuronpane_came(a, n->look, n->look_step);
			break;
		}
		looks_came(&a->looks, n->look, n->look_step, n->text);
		n->look = NULL;
		break;
	case NEWS_STATE:
		a->reread = 0;
		/* A source that does not repeat orders has obeyed them when it speaks. */
		if (a->orders_seen == 0 || a->orders_seen >= a->orders_sent)
			a->unsettled = false;
		work_rested(a);
		break;
	}
	news_free(n);
	asking_go_on(a);
	running_until(a);
	script_go_on(a);
}

uint64_t app_tick(struct app *a)
{
	uint64_t now = clock_ns(), wait = UINT64_MAX;

	if (a->message && now >= a->message_until_ns)
		clear_message(a);
	else if (a->message)
		wait = a->message_until_ns - now;
	script_tick(a, now, &wait);
	running_tick(a, now, &wait);
	quanting_tick(a, &wait);
	neuronpane_tick(a, &wait);
	work_tick(a, now, &wait);
	pairs_tick(a, &wait);
	return wait;
}

int app_at(const struct app *a)
{
	int n = timeline_n(a->steps);

	return a->follow || a->cursor >= n ? n - 1 : a->cursor;
}

/* The matrices of a swap are there. */
static void made(struct app *a, struct lab_answer *got)
{
	struct err e = { 0 };

	if (!swap_came(a, &got->edit, &e)) {
		snprintf(got->text, sizeof got->text, "%.390s", e.msg);
		got->is_error = got->failed = true;
	}
	edit_drop(&got->edit);
}

void app_lab(struct app *a)
{
	struct lab_answer got;

	while (lab_take(a->lab, &got)) {
		a->dirty = true;
		if (got.edit.op)
			made(a, &got);
		if (*got.text && got.is_error)
			app_complain(a, got.text);
		else if (*got.text && !got.what)
			app_say(a, "%s", got.text);
		if (got.what)
			app_answer(a, got.what, got.text, got.figures, got.n_figures);
		if (got.failed && got.aloud && a->script)
			script_fail(a, ERR_RUN, "", a->message);
	}
	asking_go_on(a);
	if (a->begin_with >= 0 && !lab_awaited(a->lab))
		app_go(a, a->begin_with);
	quanting_take(a);
	pairs_take(a);
	script_go_on(a);
}

void app_view(const struct app *a, struct view *v)
{
	struct lab_probe probe = lab_probe_now(a->lab);
	struct lab_swaps swaps = lab_swaps_now(a->lab);

	*v = (struct view){
		.info = &a->source->info, .source = a->source, .steps = a->steps,
		.at = app_at(a), .follow = a->follow,
		.text_lens = a->text_lens, .grid_lens = a->grid_lens, .n_series = a->n_series,
		.state = running_state(a), .chat = a->chat, .n_tokens = a->n_tokens, .n_read = a->n_read,
		.tokens_per_s = running_speed(a), .pace = a->pace,
		.edits = app_edits(a), .probe_before = probe.before, .probe_after = probe.after, .probing = probe.works,
		.n_making = swaps.n, .made = swaps.done,
		.neurons = &a->neurons.page, .compared = a->compared, .chain = a->chain, .seed = a->seed,
		.work = a->work.shown ? a->work.words : NULL, .work_key = work_key(a), .work_done = a->work.done,
		.work_left_s = pace_left_s(&a->work.pace, clock_ns()),
		.message = a->message, .message_is_error = a->message_is_error, .find = a->find,
		.log = (const char *const *)a->log, .n_log = a->n_log, .help = a->help_topic, .host = &a->host,
	};
	memcpy(v->series, a->series, sizeof v->series);
	memcpy(v->making, swaps.what, sizeof v->making);
	quanting_view(a, v);
	pairs_view(a, v);
	v->step = timeline_at(a->steps, v->at);
	if (a->work_since_ns && clock_ns() > a->work_since_ns)
		v->waited_s = (double)(clock_ns() - a->work_since_ns) / 1e9;
}
