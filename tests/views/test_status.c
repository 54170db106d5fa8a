#include <stdlib.h>

#include "tests/test.h"
#include "views/status.h"

static const struct source_info info = { .file = "/models/tiny.gguf", .n_ctx = 512 };
static struct buf shown;

static struct view paused(const struct timeline *t)
{
	return (struct view){ .info = &info, .steps = t, .at = -1, .follow = true, .state = STATE_PAUSED, .tokens_per_s = NAN };
}

static const char *drawn(const struct view *v, int cols)
{
	struct canvas c;

	CHECK(canvas_new(&c, 1, cols));
	canvas_clear(&c);
	status_draw(&c, v);
	buf_clear(&shown);
	canvas_dump(&c, &shown);
	canvas_free(&c);
	return shown.data;
}

static void has(const char *line, const char *words)
{
	if (!strstr(line, words))
		fail_msg("no \"%s\" in \"%s\"", words, line);
}

static void every_state_has_its_word_and_sign(void **state)
{
	static const char *const words[] = { "paused", "running", "reading", "ended" };
	struct timeline *t = timeline_new(TIMELINE_BUDGET);
	struct view v = paused(t);
	char sign[4][4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		v.state = (enum run_state)i;
		has(drawn(&v, 80), words[i]);
		memcpy(sign[i], shown.data + 1, 3);     /* three bytes each, in UTF-8 */
		sign[i][3] = 0;
	}
	CHECK(strcmp(sign[STATE_PAUSED], sign[STATE_RUNNING]) && strcmp(sign[STATE_PAUSED], sign[STATE_ENDED]));
	timeline_free(t);
}

static void figures_come_with_their_units(void **state)
{
	struct timeline *t = timeline_new(TIMELINE_BUDGET);
	struct view v = paused(t);

	(void)state;
	has(drawn(&v, 80), "0/512 tokens");
	has(shown.data, "- tok/s");
	has(shown.data, "tiny.gguf");
	v.tokens_per_s = 41.83;
	has(drawn(&v, 80), "41.8 tok/s");
	v.tokens_per_s = 1041.83;
	has(drawn(&v, 80), "1042 tok/s");
	v.pace = 5;
	has(drawn(&v, 80), "5 pace");
	v.waited_s = 7.2;
	has(drawn(&v, 80), "7 s on this token");
	v.follow = false;
	v.at = 3;
	has(drawn(&v, 80), "at step 3");
	v.state = STATE_READING;
	v.n_read = 12;
	v.n_tokens = 400;
	has(drawn(&v, 120), "12 of 400 tokens read");
	timeline_free(t);
}

static void a_message_takes_the_place_of_the_figures(void **state)
{
	struct timeline *t = timeline_new(TIMELINE_BUDGET);
	struct view v = paused(t);

	(void)state;
	v.message = "no pane is called \"x\"";
	v.message_is_error = true;
	has(drawn(&v, 80), "no pane is called \"x\"");
	CHECK(!strstr(shown.data, "tok/s"));
	has(drawn(&v, 24), "\xe2\x80\xa6");
	timeline_free(t);
}

/* What does not fit is left out whole: no figure is cut into another one. */
static void no_width_shows_half_a_figure(void **state)
{
	struct timeline *t = timeline_new(TIMELINE_BUDGET);
	struct view v = paused(t);

	(void)state;
	v.tokens_per_s = 41.8;
	for (int cols = 1; cols < 120; cols++) {
		drawn(&v, cols);
		if (strstr(shown.data, "41"))
			has(shown.data, "41.8 tok/s");
		if (strstr(shown.data, "512"))
			has(shown.data, "0/512 tokens");
	}
	timeline_free(t);
}

static void keys_that_do_not_fit_are_left_out_whole(void **state)
{
	static const struct key_hint hints[] = { { "Space", "run/pause" }, { "w", "zoom" }, { "q", "quit" } };
	struct canvas c;

	(void)state;
	CHECK(canvas_new(&c, 1, 26));
	canvas_clear(&c);
	keyline_draw(&c, hints, 3);
	buf_clear(&shown);
	canvas_dump(&c, &shown);
	CHECK_STR(shown.data, " Space run/pause  w zoom\n");
	canvas_free(&c);
}

static int release(void **state)
{
	(void)state;
	buf_free(&shown);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_state_has_its_word_and_sign),
		TEST(figures_come_with_their_units),
		TEST(a_message_takes_the_place_of_the_figures),
		TEST(no_width_shows_half_a_figure),
		TEST(keys_that_do_not_fit_are_left_out_whole),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
