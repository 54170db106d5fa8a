#include "app/app.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/condition.h"
#include "app/frame.h"
#include "app/helprows.h"
#include "app/keymap.h"
#include "app/script.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/base/utf8.h"
#include "engine/record.h"

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
		a->words = words_new(o->model, &e);
	if (o->model)
		a->lab = lab_new(o->model, &e);

	a->source = o->source;
	a->model = o->model;
	a->steps = timeline_new(TIMELINE_BUDGET);
	a->theme = o->theme ? o->theme : &themes[0];
	a->ascii = o->ascii;
	a->mono = o->mono;
	a->pace = o->pace;
	a->slow_pace = o->pace > 0 ? o->pace : 5;
	a->follow = a->leave_quits = true;
	a->go_to = -1;
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
	lab_free(a->lab);
	words_free(a->words);
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

static void complain(struct app *a, const char *text)
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
	complain(a, e.msg);
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

/* An order whose failure is only worth a word. */
static void send(struct app *a, struct order o)
{
	struct err e = { 0 };

	if (!app_order(a, &o, &e))
		complain(a, e.msg);
}

/* One token at a time, when it is due. */
static bool is_paced(const struct app *a)
{
	return (a->pace > 0 || a->speed > 0) && a->go_to < 0;
}

void app_go(struct app *a, int tokens)
{
	a->going = true;
	a->text_waits = false;
	a->ended = false;
	a->left = tokens;
	a->in_flight = false;
	a->due_ns = clock_ns();
	a->work_since_ns = a->due_ns;
	if (!is_paced(a))
		send(a, (struct order){ .kind = ORDER_RUN, .n = tokens });
	app_tick(a);
	a->dirty = true;
}

void app_stop(struct app *a)
{
	if (a->going)
		send(a, (struct order){ .kind = ORDER_PAUSE });
	free(a->until);
	a->until = NULL;
	a->go_to = -1;
	a->going = a->in_flight = false;
	a->work_since_ns = 0;
	a->dirty = true;
}

static void finished(struct app *a)
{
	a->go_to = -1;
	a->going = a->in_flight = false;
	a->work_since_ns = 0;
}

void app_until(struct app *a, const struct condition *c)
{
	app_stop(a);
	a->until = mem_dup(c, sizeof *c);
	app_go(a, 1);
}

/* The token asked for is there: enough, or another one? */
static void go_on_until(struct app *a)
{
	struct buf found = { 0 };
	bool enough;

	if (!a->until || a->going || a->engine_running || script_is_held(a))
		return;
	enough = condition_holds(a->until, a->steps, a->source, timeline_n(a->steps) - 1, &found);
	if (!enough && !a->ended) {
		app_go(a, 1);
	} else {
		free(a->until);
		a->until = NULL;
	}
	if (!enough && a->ended)
		script_fail(a, ERR_MISMATCH, "the text ended before the condition held: found ", found.data);
	buf_free(&found);
}

/* A recording has played as far as it was asked to. */
static void arrive(struct app *a, const struct step *s)
{
	if (a->go_to < 0 || s->pos < a->go_to)
		return;
	a->cursor = a->go_to;
	a->follow = false;
	app_stop(a);
}

/* A generated token came. */
static void count_token(struct app *a)
{
	uint64_t now = clock_ns(), last = a->n_recent ? a->recent_ns[(a->n_recent - 1) % APP_RECENT] : 0;

	if (now - last > 2ull * SECOND)         /* a pause, not a slow token */
		a->n_recent = a->going && a->waited ? a->n_recent : 0;
	a->recent_ns[a->n_recent++ % APP_RECENT] = now;
	a->in_flight = false;
	a->waited = true;
	a->work_since_ns = a->going ? now : 0;
	if (a->going && a->left > 0 && --a->left == 0)
		finished(a);
}

static void step_came(struct app *a, const struct step *s)
{
	timeline_add(a->steps, step_ref(s));
	if (s->why == WHY_SAMPLED && s->pos >= a->reread)
		count_token(a);
	else if (a->going)
		a->work_since_ns = clock_ns();
	if (a->n_forced < a->n_to_force && s->token >= 0 && s->token == a->to_force[a->n_forced]) {
		a->n_forced++;
		if (a->n_forced < a->n_to_force)
			send(a, (struct order){ .kind = ORDER_FORCE, .n = a->to_force[a->n_forced] });
	}
	arrive(a, s);
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

void app_news(struct app *a, struct news *n)
{
	struct err e;

	a->dirty = true;
	a->engine_running = n->running;
	a->n_tokens = n->n_tokens;
	a->n_read = n->n_read;
	switch (n->kind) {
	case NEWS_STEP:
		step_came(a, n->step);
		break;
	case NEWS_CUT:
		timeline_cut(a->steps, n->n_tokens);
		break;
	case NEWS_END:
		finished(a);
		a->ended = true;
		app_say(a, "%s", n->text ? n->text : "the text ended");
		break;
	case NEWS_ERROR:
		finished(a);
		complain(a, n->text ? n->text : "the engine failed");
		if (a->script)
			script_fail(a, ERR_RUN, "", a->message);
		break;
	case NEWS_WARNING:
		complain(a, n->text);
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
		if (!a->source->info.live)
			follow_order(a, n->order);
		break;
	case NEWS_LOOK:
		if ((n->look ? n->look->asked.what : n->look_what) == LOOK_SITE) {
			if (!patch_came(a, n->look, n->text, &e))
				complain(a, e.msg);
			break;
		}
		looks_came(&a->looks, n->look, n->look_step);
		n->look = NULL;
		break;
	case NEWS_STATE:
		a->reread = 0;
		/* A source that does not repeat orders has obeyed them when it speaks. */
		if (a->orders_seen == 0 || a->orders_seen >= a->orders_sent)
			a->unsettled = false;
		break;
	}
	news_free(n);
	go_on_until(a);
	script_go_on(a);
}

/* A recording is read along: its own speed, but never faster than ten tokens a
 * second nor slower than one in two, times what the user chose. */
static uint64_t apart_ns(const struct app *a)
{
	const struct step *s = timeline_at(a->steps, timeline_n(a->steps) - 1);
	double ms = s && s->ms_forward > 0 ? (double)s->ms_forward : 0;

	if (a->speed <= 0)
		return SECOND / (uint64_t)a->pace;
	return (uint64_t)(1e6 * fmin(fmax(ms, 100), 2000) / a->speed);
}

uint64_t app_tick(struct app *a)
{
	uint64_t now = clock_ns(), wait = UINT64_MAX;

	if (a->message && now >= a->message_until_ns)
		clear_message(a);
	else if (a->message)
		wait = a->message_until_ns - now;
	script_tick(a, now, &wait);
	if (a->going && is_paced(a) && !a->in_flight) {
		if (now >= a->due_ns) {
			uint64_t apart = apart_ns(a);

			a->due_ns = a->due_ns + 4 * apart < now ? now + apart : a->due_ns + apart;
			a->in_flight = true;
			a->work_since_ns = now;
			send(a, (struct order){ .kind = ORDER_RUN, .n = 1 });
		} else {
			wait = a->due_ns - now < wait ? a->due_ns - now : wait;
		}
	}
	/* The seconds that a slow token has taken are shown and must move. */
	if (a->work_since_ns && now - a->work_since_ns > SECOND / 2) {
		a->dirty = true;
		wait = wait > SECOND / 4 ? SECOND / 4 : wait;
	} else if (a->work_since_ns) {
		wait = wait > SECOND / 2 ? SECOND / 2 : wait;
	}
	return wait;
}

int app_at(const struct app *a)
{
	int n = timeline_n(a->steps);

	return a->follow || a->cursor >= n ? n - 1 : a->cursor;
}

const struct edit_set *app_edits(const struct app *a)
{
	return a->edit_past[a->n_edit_past - 1];
}

/* Models above this are not probed unless asked: it would take a minute. */
static const size_t probe_at_most = (size_t)2 << 30;

void app_probe(struct app *a)
{
	struct err none;

	if (a->lab && !a->hurry && a->model->file_bytes <= probe_at_most &&
	    (edit_set_n(app_edits(a)) || lab_probe_now(a->lab).works) && !lab_probe(a->lab, app_edits(a), false, &none))
		return;         /* the next change asks again */
}

void app_lab(struct app *a)
{
	struct lab_answer got;

	while (lab_take(a->lab, &got)) {
		a->dirty = true;
		if (*got.text && got.is_error)
			complain(a, got.text);
		else if (*got.text)
			app_say(a, "%s", got.text);
		if (got.is_error && got.aloud && a->script)
			script_fail(a, ERR_RUN, "", a->message);
	}
	script_go_on(a);
}

bool app_send_edits(struct app *a, const struct edit_set *before, const struct edit_set *now, struct err *e)
{
	int stale = edit_sets_stale(before, now);

	if (!app_order(a, &(struct order){ .kind = ORDER_EDITS, .edits = now }, e) ||
	    (stale >= 0 && !app_order(a, &(struct order){ .kind = ORDER_REREAD, .n = stale }, e)))
		return false;
	if (stale >= 0 && stale < a->n_read)
		app_say(a, "the text is read again from position %d, as the edits want it; what was there is a branch", stale);
	return true;
}

bool app_set_edits(struct app *a, const struct edit_set *s, struct err *e)
{
	if (!app_send_edits(a, app_edits(a), s, e)) {
		edit_set_unref(s);
		return false;
	}
	while (a->n_edit_future > 0)
		edit_set_unref(a->edit_past[a->n_edit_past + --a->n_edit_future]);
	if (a->n_edit_past == APP_EDIT_HISTORY) {
		edit_set_unref(a->edit_past[0]);
		memmove(a->edit_past, a->edit_past + 1, (APP_EDIT_HISTORY - 1) * sizeof *a->edit_past);
		a->n_edit_past--;
	}
	a->edit_past[a->n_edit_past++] = s;
	app_probe(a);
	return true;
}

bool app_add_edit(struct app *a, struct edit *ed, struct err *e)
{
	bool again = ed->back && a->n_read > (ed->scope == SCOPE_RANGE ? ed->from : 0);
	char text[160];

	ed->number = a->edit_number + 1;
	ed->on = true;
	if (!app_set_edits(a, edit_set_with(app_edits(a), ed, a->edit_revision + 1), e))
		return false;
	a->edit_number++;
	a->edit_revision++;
	edit_format(ed, text, sizeof text);
	app_say(a, again ? "edit %d, and the text is read again under it: %s" : "edit %d from the next step: %s", ed->number,
	    text);
	return true;
}

bool app_set_chain(struct app *a, const char *text, struct err *e)
{
	const struct chain *c = chain_parse_for(text, a->chain_revision + 1, a->model, e);

	if (!c || !app_order(a, &(struct order){ .kind = ORDER_CHAIN, .chain = c }, e)) {
		chain_unref(c);
		return false;
	}
	a->chain_revision++;
	chain_unref(a->chain);
	a->chain = c;
	return true;
}

static double speed(const struct app *a)
{
	long n = a->n_recent < APP_RECENT ? a->n_recent : APP_RECENT;
	uint64_t newest, oldest;

	if (n < 2)
		return NAN;
	newest = a->recent_ns[(a->n_recent - 1) % APP_RECENT];
	oldest = a->recent_ns[(a->n_recent - n) % APP_RECENT];
	return newest > oldest ? (double)(n - 1) * 1e9 / (double)(newest - oldest) : NAN;
}

static enum run_state state_of(const struct app *a)
{
	if (a->going)
		return a->n_tokens - a->n_read > 2 ? STATE_READING : STATE_RUNNING;
	return a->ended ? STATE_ENDED : STATE_PAUSED;
}

void app_view(const struct app *a, struct view *v)
{
	struct lab_probe probe = lab_probe_now(a->lab);

	*v = (struct view){
		.info = &a->source->info, .source = a->source, .steps = a->steps,
		.at = app_at(a), .follow = a->follow,
		.text_lens = a->text_lens, .grid_lens = a->grid_lens, .n_series = a->n_series,
		.state = state_of(a), .n_tokens = a->n_tokens, .n_read = a->n_read,
		.tokens_per_s = speed(a), .pace = a->pace,
		.edits = app_edits(a), .probe_before = probe.before, .probe_after = probe.after, .probing = probe.works,
		.compared = a->compared, .chain = a->chain, .seed = a->seed,
		.message = a->message, .message_is_error = a->message_is_error, .find = a->find,
		.log = (const char *const *)a->log, .n_log = a->n_log, .help = a->help_topic, .host = &a->host,
	};
	memcpy(v->series, a->series, sizeof v->series);
	v->step = timeline_at(a->steps, v->at);
	if (a->work_since_ns && clock_ns() > a->work_since_ns)
		v->waited_s = (double)(clock_ns() - a->work_since_ns) / 1e9;
}
