/* A recording on the screen, without its model (a threaded test: made by a live source). */
#include <stdlib.h>
#include <unistd.h>

#include "analysis/lens.h"
#include "app/editing.h"
#include "app/frame.h"
#include "app/running.h"
#include "engine/base/clock.h"
#include "engine/replay.h"
#include "tests/made_session.h"
#include "tests/test.h"

#define SECOND 1000000000ull

struct play {
	struct made made;
	struct source *s;
	struct app *app;
	uint64_t ns;
};

static void start(struct play *p)
{
	const struct probe *probes[N_LENSES];
	struct err e = { 0 };

	made_open(&p->made, 1);
	CHECK(made_run(&p->made, made_script, &e));
	made_stop(&p->made);
	for (int i = 0; i < N_LENSES; i++)
		probes[i] = &lenses[i]->probe;
	CHECK((p->s = replay_open(p->made.session, probes, N_LENSES, &e)) != NULL);
	clock_fake(p->ns = SECOND);
	p->app = app_new(&(struct app_options){ .source = p->s });
	app_go(p->app, 0);
}

static void stop(struct play *p)
{
	app_free(p->app);
	source_close(p->s);
	clock_fake(0);
	made_close(&p->made);
}

/* What the loop does in so much time. */
static void pass(struct play *p, uint64_t ns)
{
	struct news *n;

	clock_fake(p->ns += ns);
	app_tick(p->app);
	while ((n = source_take(p->s)))
		app_news(p->app, n);
}

static void run(struct play *p, const char *line)
{
	if (!app_line(p->app, line))
		fail_msg("%s: %s", line, p->app->message);
	pass(p, 0);
}

static const char *refused(struct play *p, const char *line)
{
	CHECK(!app_line(p->app, line));
	return p->app->message;
}

static void it_is_read_along_and_can_be_hurried_held_and_stepped(void **state)
{
	struct play p;
	int n;

	(void)state;
	start(&p);
	pass(&p, 0);
	pass(&p, 0);
	n = timeline_n(p.app->steps);
	CHECK(n > 0);
	pass(&p, SECOND / 50);                  /* too early for the next */
	CHECK_INT(timeline_n(p.app->steps), n);
	pass(&p, SECOND / 5);
	CHECK_INT(timeline_n(p.app->steps), n + 1);
	run(&p, "pause");
	pass(&p, 10 * SECOND);
	CHECK_INT(timeline_n(p.app->steps), n + 1);
	run(&p, "step");
	CHECK_INT(timeline_n(p.app->steps), n + 2);
	run(&p, "speed 16");
	CHECK_NEAR(p.app->speed, 16, 0);
	run(&p, "speed slower");
	CHECK_NEAR(p.app->speed, 8, 0);
	run(&p, "speed x0.25");
	run(&p, "speed slower");
	CHECK_NEAR(p.app->speed, 0.25, 0);
	CHECK(strstr(refused(&p, "speed 17"), "0.25 to 16"));
	CHECK(strstr(refused(&p, "speed nan"), "0.25 to 16"));
	stop(&p);
}

static void it_jumps_to_a_step_and_to_its_end(void **state)
{
	struct play p;

	(void)state;
	start(&p);
	run(&p, "pause");
	run(&p, "goto 6");
	CHECK_INT(app_at(p.app), 6);
	CHECK(!p.app->going && !p.app->follow);
	run(&p, "goto 2");
	CHECK_INT(app_at(p.app), 2);
	CHECK(strstr(refused(&p, "goto -1"), "from 0"));
	run(&p, "goto 5000");
	CHECK(p.app->ended && !p.app->going);
	CHECK_INT(timeline_n_branches(p.app->steps) > 0, 1);
	CHECK(strstr(refused(&p, "goto 5001"), "ends at position"));
	stop(&p);
}

static void it_shows_captions_edits_and_sampler_of_the_recording(void **state)
{
	struct play p;
	bool caption = false;

	(void)state;
	start(&p);
	for (int i = 0; i < 400 && !p.app->ended; i++) {
		pass(&p, SECOND);
		caption |= p.app->message && strstr(p.app->message, "watch");
	}
	CHECK(p.app->ended && p.app->n_log > 10);
	for (int i = 0; i < p.app->n_log; i++)
		caption |= strstr(p.app->log[i], "<b>watch</b>") != NULL;
	CHECK(caption);
	CHECK(edit_set_n(app_edits(p.app)) > 0);
	CHECK(p.app->chain && strstr(chain_text(p.app->chain), "top-k 5"));
	stop(&p);
}

static void it_cannot_be_changed(void **state)
{
	static const char *const orders[] = { "prompt x", "append x", "seed 4", "sampler greedy", "clamp L1.mlp[2] = 1", "token 4" };
	struct play p;

	(void)state;
	start(&p);
	pass(&p, SECOND);
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
		CHECK(strstr(refused(&p, orders[i]), "recording"));
	stop(&p);
}

static void it_draws_at_every_moment(void **state)
{
	struct play p;
	struct canvas c;

	(void)state;
	start(&p);
	CHECK(canvas_new(&c, 40, 120));
	while (!p.app->ended) {
		frame_draw(p.app, &c);
		pass(&p, SECOND);
	}
	for (int pos = 0; pos < timeline_n(p.app->steps); pos++) {
		p.app->follow = false;
		p.app->cursor = pos;
		frame_draw(p.app, &c);
	}
	canvas_free(&c);
	stop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_read_along_and_can_be_hurried_held_and_stepped),
		TEST(it_jumps_to_a_step_and_to_its_end),
		TEST(it_shows_captions_edits_and_sampler_of_the_recording),
		TEST(it_cannot_be_changed),
		TEST(it_draws_at_every_moment),
	};

	return RUN(tests);
}
