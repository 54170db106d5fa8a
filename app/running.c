#include "app/running.h"

#include <math.h>
#include <stdlib.h>

#include "app/app.h"
#include "app/condition.h"
#include "app/script.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/vocab.h"

enum { SECOND = 1000000000 };

/* An order whose failure is only worth a word. */
static void send(struct app *a, struct order o)
{
	struct err e = { 0 };

	if (!app_order(a, &o, &e))
		app_complain(a, e.msg);
}

/* One token at a time, when it is due. */
static bool is_paced(const struct app *a)
{
	return (a->pace > 0 || a->speed > 0) && a->go_to < 0;
}

void app_go(struct app *a, int tokens)
{
	a->going = true;
	a->begin_with = -1;
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
	a->go_to = a->begin_with = -1;
	a->going = a->in_flight = false;
	a->work_since_ns = 0;
	a->dirty = true;
}

void running_over(struct app *a)
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

void running_until(struct app *a)
{
	struct buf found = { 0 };
	bool enough;
	int at = timeline_n(a->steps) - 1;

	if (!a->until || a->going || a->engine_running || script_is_held(a))
		return;
	if (asking_holds(a, a->until, at, &enough, &found) == ANSWER_PENDING) {
		buf_free(&found);
		return;
	}
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
		running_over(a);
}

void running_step(struct app *a, const struct step *s)
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

void running_tick(struct app *a, uint64_t now, uint64_t *wait)
{
	if (a->going && is_paced(a) && !a->in_flight) {
		if (now >= a->due_ns) {
			uint64_t apart = apart_ns(a);

			a->due_ns = a->due_ns + 4 * apart < now ? now + apart : a->due_ns + apart;
			a->in_flight = true;
			a->work_since_ns = now;
			send(a, (struct order){ .kind = ORDER_RUN, .n = 1 });
		} else {
			*wait = a->due_ns - now < *wait ? a->due_ns - now : *wait;
		}
	}
	/* The seconds that a slow token has taken are shown and must move. */
	if (a->work_since_ns && now - a->work_since_ns > SECOND / 2) {
		a->dirty = true;
		*wait = *wait > SECOND / 4 ? SECOND / 4 : *wait;
	} else if (a->work_since_ns) {
		*wait = *wait > SECOND / 2 ? SECOND / 2 : *wait;
	}
}

double running_speed(const struct app *a)
{
	long n = a->n_recent < APP_RECENT ? a->n_recent : APP_RECENT;
	uint64_t newest, oldest;

	if (n < 2)
		return NAN;
	newest = a->recent_ns[(a->n_recent - 1) % APP_RECENT];
	oldest = a->recent_ns[(a->n_recent - n) % APP_RECENT];
	return newest > oldest ? (double)(n - 1) * 1e9 / (double)(newest - oldest) : NAN;
}

/* The text is a conversation, and the last word in it was the assistant's. */
static bool users_turn(const struct app *a)
{
	const struct vocab *v = a->source->info.tokens;
	int last = timeline_n_tokens(a->steps) - 1;
	int32_t id;

	if (!a->chat || !a->source->info.live || last < 0)
		return a->chat && a->source->info.live;
	id = timeline_token(a->steps, last);
	return timeline_why(a->steps, last) != WHY_PROMPT && (v ? vocab_is_end(v, id) : source_is_mark(a->source, id));
}

enum run_state running_state(const struct app *a)
{
	if (a->going)
		return a->n_tokens - a->n_read > 2 ? STATE_READING : STATE_RUNNING;
	if (users_turn(a) && !a->engine_running)
		return STATE_YOUR_TURN;
	return a->ended ? STATE_ENDED : STATE_PAUSED;
}

