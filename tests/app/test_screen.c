/*
 * Whole screens on a canvas, compared with tests/screens: a made-up source and a
 * clock that stands still.
 */
#include "app/app.h"
#include "app/editing.h"
#include "app/frame.h"
#include "app/lineedit.h"
#include "engine/base/clock.h"
#include "tests/fake_source.h"
#include "tests/golden.h"
#include "tests/test.h"
#include "views/key.h"

static struct app *open_app(const struct fake_options *fake, bool ascii, bool mono)
{
	struct source *src = fake_open(fake);
	struct app *a;
	struct err e;

	clock_fake(1000000000);
	a = app_new(&(struct app_options){ .source = src, .ascii = ascii, .mono = mono });
	CHECK(app_set_chain(a, "top-k 40 | temp 0.8", &e));
	return a;
}

static void take_news(struct app *a)
{
	struct news *n;

	while ((n = source_take(a->source)))
		app_news(a, n);
}

static void run(struct app *a, const char *line)
{
	if (!app_line(a, line))
		fail_msg("%s: %s", line, a->message);
	take_news(a);
}

static void close_app(struct app *a)
{
	struct source *src = a->source;

	app_free(a);
	source_close(src);
	clock_fake(0);
}

static void screen_is(struct app *a, const char *name, int rows, int cols)
{
	struct buf out = { 0 };
	struct canvas c;

	CHECK(canvas_new(&c, rows, cols));
	frame_draw(a, &c);
	canvas_dump(&c, &out);
	golden(name, &out);
	canvas_free(&c);
	buf_free(&out);
}

static struct app *generated(bool ascii, bool mono)
{
	struct app *a = open_app(&(struct fake_options){ 0 }, ascii, mono);

	run(a, "prompt Once upon a time,");
	run(a, "pause");
	return a;
}

static void the_screen_at_its_sizes(void **state)
{
	struct app *a = generated(false, false);

	(void)state;
	screen_is(a, "80x24", 24, 80);
	screen_is(a, "120x40", 40, 120);
	screen_is(a, "200x60", 60, 200);
	screen_is(a, "40x12", 12, 40);
	screen_is(a, "too-small", 5, 30);
	close_app(a);
}

static void the_screen_in_ascii_without_colour(void **state)
{
	struct app *a = generated(true, true);

	(void)state;
	screen_is(a, "80x24-ascii", 24, 80);
	screen_is(a, "120x40-ascii", 40, 120);
	close_app(a);
}

static void a_conversation_has_turns_and_marks(void **state)
{
	struct app *a = open_app(&(struct fake_options){ .chat = true }, false, false);

	(void)state;
	run(a, "chat What is the capital of France?");
	run(a, "chat How many people live there, with and without the suburbs?");
	screen_is(a, "chat-80x24", 24, 80);
	run(a, "zoom");
	screen_is(a, "chat-120x40", 40, 120);
	close_app(a);
	a = open_app(&(struct fake_options){ .chat = true }, true, true);
	run(a, "chat What is the capital of France?");
	run(a, "show text");
	run(a, "zoom");
	screen_is(a, "chat-ascii", 12, 60);
	close_app(a);
}

static void what_takes_a_while_has_a_bar(void **state)
{
	struct app *a = open_app(&(struct fake_options){ .slow_ms = 3600 * 1000 }, false, false);

	(void)state;
	run(a, "prompt Once upon a time there was a little girl");
	clock_fake(4000000000);
	a->n_read = 3;                  /* as the next news would say */
	app_tick(a);
	clock_fake(6000000000);
	a->n_read = 5;
	app_tick(a);
	screen_is(a, "reading-80x24", 24, 80);
	screen_is(a, "reading-120x40", 40, 120);
	a->ascii = a->mono = true;
	screen_is(a, "reading-ascii", 12, 60);
	close_app(a);
}

static void before_there_is_a_text(void **state)
{
	struct app *a = open_app(&(struct fake_options){ 0 }, false, false);

	(void)state;
	screen_is(a, "empty", 24, 80);
	close_app(a);
}

static void looking_back_shows_the_step_under_the_cursor(void **state)
{
	struct app *a = generated(false, false);

	(void)state;
	run(a, "cursor 12");
	run(a, "show heads");
	run(a, "move down 2");
	run(a, "move right 3");
	screen_is(a, "looking-back", 30, 100);
	close_app(a);
}

static void edits_and_branches_are_listed(void **state)
{
	struct app *a = generated(false, false);

	(void)state;
	run(a, "clamp L2.mlp[7] = 8");
	run(a, "clamp L3.H5 * 0");
	run(a, "toggle-edit 1");
	run(a, "run 3");
	run(a, "cursor 20");
	run(a, "pick 2");
	run(a, "step 2");
	run(a, "layout [(text heads) (edits branches) (log timeline)]");
	screen_is(a, "edits-branches", 36, 120);
	close_app(a);
}

static void every_pane_alone(void **state)
{
	struct app *a = generated(false, false);
	char name[64];

	(void)state;
	run(a, "clamp L2.mlp[7] = 8");
	run(a, "zoom");
	for (int p = 0; p < N_PANES; p++) {
		if (p == PANE_help)
			continue;
		a->focus = (enum pane_id)p;
		a->message_until_ns = 0;
		app_tick(a);
		snprintf(name, sizeof name, "pane-%s", panes[p]->name);
		screen_is(a, name, 24, 80);
	}
	close_app(a);
}

static void help_explains_a_pane(void **state)
{
	struct app *a = generated(false, false);

	(void)state;
	run(a, "show candidates");
	app_key(a, '?');
	screen_is(a, "help-candidates", 24, 80);
	run(a, "leave");
	CHECK_INT(a->focus, PANE_candidates);
	CHECK(!a->zoomed);
	close_app(a);
}

static void nothing_a_model_says_reaches_the_screen_raw(void **state)
{
	struct app *a = open_app(&(struct fake_options){ .wild = true }, false, false);
	struct buf out = { 0 };
	struct canvas c;

	(void)state;
	run(a, "prompt x");
	run(a, "pause");
	screen_is(a, "wild", 24, 80);
	CHECK(canvas_new(&c, 24, 80));
	frame_draw(a, &c);
	canvas_dump(&c, &out);
	for (size_t i = 0; i < out.len; i++)
		CHECK(((unsigned char)out.data[i] >= ' ' && out.data[i] != 127) || out.data[i] == '\n');
	canvas_free(&c);
	buf_free(&out);
	close_app(a);
}

static void stages_say_what_they_promoted_and_measured(void **state)
{
	struct app *a = generated(false, false);

	(void)state;
	run(a, "sampler top-k 40 | xtc 0.5");
	run(a, "step 4");
	run(a, "cursor 47");            /* the made-up stages promote at every fourth */
	run(a, "layout [(text sampler)]");
	screen_is(a, "sampler-promotes", 12, 130);
	close_app(a);
}

static void help_lists_the_stages_of_samplers(void **state)
{
	struct app *a = generated(false, false);

	(void)state;
	run(a, "help samplers");
	screen_is(a, "help-samplers", 24, 80);
	run(a, "help xtc");
	screen_is(a, "help-xtc", 12, 80);
	close_app(a);
}

/* Every size there may be: nothing but the checks of the canvas and of the
 * sanitizers, which is much. */
static void no_size_breaks_a_screen(void **state)
{
	struct app *a = generated(false, false);
	struct canvas c;

	(void)state;
	for (int rows = 1; rows <= 70; rows += rows < 30 ? 1 : 9)
		for (int cols = 1; cols <= 240; cols += cols < 90 ? 7 : 31) {
			CHECK(canvas_new(&c, rows, cols));
			frame_draw(a, &c);
			canvas_free(&c);
		}
	close_app(a);
}

static void the_prompt_completes_and_is_shown(void **state)
{
	struct app *a = generated(false, false);

	(void)state;
	a->line = lineedit_new(a, NULL);
	app_key(a, ':');
	app_key(a, 'c');
	app_key(a, KEY_TAB);
	screen_is(a, "prompt-menu", 24, 80);
	for (const char *s = "lamp L2.H"; *s; s++)
		app_key(a, *s);
	app_key(a, KEY_TAB);
	screen_is(a, "prompt-sites", 24, 80);
	app_key(a, KEY_ESC);
	CHECK(!lineedit_active(a->line));
	lineedit_free(a->line);
	close_app(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_screen_at_its_sizes),
		TEST(the_screen_in_ascii_without_colour),
		TEST(a_conversation_has_turns_and_marks),
		TEST(what_takes_a_while_has_a_bar),
		TEST(before_there_is_a_text),
		TEST(looking_back_shows_the_step_under_the_cursor),
		TEST(edits_and_branches_are_listed),
		TEST(every_pane_alone),
		TEST(help_explains_a_pane),
		TEST(nothing_a_model_says_reaches_the_screen_raw),
		TEST(stages_say_what_they_promoted_and_measured),
		TEST(help_lists_the_stages_of_samplers),
		TEST(no_size_breaks_a_screen),
		TEST(the_prompt_completes_and_is_shown),
	};

	return RUN(tests);
}
