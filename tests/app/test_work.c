/*
 * What takes a while: shown once it does, called off with a word on what was kept
 * (a threaded test).  The clock stands still; the source takes an hour for a token.
 */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/app.h"
#include "app/running.h"
#include "engine/base/clock.h"
#include "engine/warm.h"
#include "tests/fake_source.h"
#include "tests/made_session.h"
#include "tests/test.h"

#define SECONDS(s) ((uint64_t)((s) * 1e9))

static struct app *open_app(void)
{
	clock_fake(SECONDS(1));
	return app_new(&(struct app_options){ .source = fake_open(&(struct fake_options){ .slow_ms = 3600 * 1000 }) });
}

static void close_app(struct app *a)
{
	struct source *s = a->source;

	app_free(a);
	source_close(s);
	clock_fake(0);
}

static void take_news(struct app *a)
{
	struct news *n;

	while ((n = source_take(a->source)))
		app_news(a, n);
}

static void reading_is_shown_once_it_takes_half_a_second(void **state)
{
	struct app *a = open_app();
	struct view v;

	(void)state;
	CHECK(app_line(a, "prompt once upon a time there was"));
	take_news(a);
	CHECK(app_tick(a) <= SECONDS(0.5));
	app_view(a, &v);
	CHECK(!v.work);
	clock_fake(SECONDS(2));
	app_tick(a);
	app_view(a, &v);
	CHECK_STR(v.work, "read 0 of 7 tokens");
	CHECK_STR(v.work_key, "Esc");
	CHECK(a->dirty);
	/* With help in front, Esc leaves that first. */
	CHECK(app_line(a, "help"));
	app_view(a, &v);
	CHECK_STR(v.work_key, "^C");
	CHECK(app_line(a, "leave gently"));
	CHECK(a->going && !a->quit && !a->zoomed);
	CHECK(app_line(a, "leave gently"));
	CHECK(!a->going && !a->quit);
	close_app(a);
}

static void calling_off_says_what_is_kept(void **state)
{
	struct app *a = open_app();

	(void)state;
	CHECK(app_line(a, "prompt once upon a time there was"));
	take_news(a);
	clock_fake(SECONDS(2));
	app_tick(a);
	CHECK(app_line(a, "cancel"));
	take_news(a);
	CHECK_STR(a->message, "stopped: 0 of 7 tokens are read and kept; Space goes on");
	CHECK(!a->going && !a->quit);
	CHECK_INT(fake_orders(a->source, ORDER_PAUSE), 1);
	app_tick(a);
	CHECK_INT(a->work.kind, WORK_NONE);
	/* A second press was meant for what is over already. */
	CHECK(app_line(a, "leave gently"));
	CHECK(!a->quit);
	clock_fake(SECONDS(4));
	app_tick(a);
	/* With nothing under way it leaves, as it does elsewhere. */
	CHECK(!app_line(a, "cancel"));
	CHECK(app_line(a, "leave gently"));
	CHECK(a->quit);
	close_app(a);
}

/* The lab's thread does the work: what is waited for is its answer. */
static void learning_is_called_off(void **state)
{
	char *words = tiny_temp_file("the dog\nthe cat\n", 16, ".txt"), line[300];
	struct made m;

	(void)state;
	made_open(&m, 1);
	struct source *s = m.app->source;
	bool hurry = m.app->hurry;

	app_free(m.app);
	m.app = app_new(&(struct app_options){ .source = s, .model = m.tiny.model });
	m.app->hurry = hurry;
	snprintf(line, sizeof line, "steer learn %s %s L1 -o /nonexistent/x.vec", words, words);
	CHECK(app_line(m.app, line));
	lab_stop(m.app->lab);
	while (lab_awaited(m.app->lab)) {
		struct pollfd p = { .fd = lab_fd(m.app->lab), .events = POLLIN };

		CHECK(poll(&p, 1, 10000) > 0);
		app_lab(m.app);
	}
	/* Called off, or too quick for that: then the file cannot be written. */
	CHECK(m.app->message && (strstr(m.app->message, "called off") || strstr(m.app->message, "/nonexistent")));
	unlink(words);
	free(words);
	made_close(&m);
}

static void the_weights_come_into_memory(void **state)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_Q8_0);
	char *path = tiny_temp_model(&spec);
	struct err e = { 0 };
	struct model *m = model_open(path, NULL, &e);
	struct warm_state now;
	struct warm *w;
	struct tiny t;

	(void)state;
	CHECK(m != NULL);
	CHECK((w = warm_start(m)) != NULL);
	while ((now = warm_now(w)).works)
		usleep(1000);
	CHECK(now.of > 10000);
	CHECK_INT((long long)now.done, (long long)now.of);
	warm_free(w);
	warm_free(warm_start(m));       /* given up at once */
	model_close(m);
	unlink(path);
	free(path);
	CHECK(tiny_open(&t, &spec, &e));
	CHECK(!warm_start(t.model) && !warm_now(NULL).works);
	tiny_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reading_is_shown_once_it_takes_half_a_second),
		TEST(calling_off_says_what_is_kept),
		TEST(learning_is_called_off),
		TEST(the_weights_come_into_memory),
	};

	return RUN(tests);
}
