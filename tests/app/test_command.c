#include <stdlib.h>

#include "app/app.h"
#include "app/command.h"
#include "app/complete.h"
#include "app/editing.h"
#include "app/frame.h"
#include "engine/base/clock.h"
#include "tests/fake_source.h"
#include "tests/test.h"
#include "views/key.h"

static struct app *open_app(void)
{
	struct app *a;
	struct err e;

	clock_fake(1000000000);
	a = app_new(&(struct app_options){ .source = fake_open(&(struct fake_options){ 0 }) });
	CHECK(app_set_chain(a, SAMPLER_DEFAULT, &e));
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

static const char *refused(struct app *a, const char *line)
{
	if (app_line(a, line))
		fail_msg("%s: was obeyed", line);
	take_news(a);
	return a->message;
}

static void close_app(struct app *a)
{
	struct source *src = a->source;

	app_free(a);
	source_close(src);
	clock_fake(0);
}

static void every_row_is_complete_and_no_name_is_another(void **state)
{
	struct arg_spec s;

	(void)state;
	for (int i = 0; i < N_COMMANDS; i++) {
		CHECK(commands[i].name[0] && commands[i].help[0] && commands[i].run);
		for (int k = 0; k < i; k++)
			CHECK(strcmp(commands[i].name, commands[k].name) != 0);
		bool optional = false;
		for (int k = 0; args_spec(commands[i].args, k, &s); k++) {
			CHECK(k < ARGS_MAX && s.name[0]);
			CHECK(!optional || s.optional);         /* behind one that may be left out, all may */
			optional = s.optional;
			CHECK(strstr(commands[i].args, argtypes[s.type].name));
		}
	}
}

static void a_line_that_makes_no_sense_changes_nothing_and_says_why(void **state)
{
	static const char *const bad[] = { "nonsense", "clamp", "clamp L99.mlp[1] = 2", "clamp nothing", "sampler", "sampler top-k",
		"sampler warm 3", "run 0", "run x", "step -1", "cursor", "cursor 1.5", "show nothing", "lens nothing",
		"lens attn_entropy", "grid entropy", "pick 1", "pick", "branch 7", "toggle-edit 3", "drop 9", "undo", "redo",
		"theme pink", "layout (", "move sideways", "pace -1", "pace fast", "bind Nokey quit", "help nothing",
		"source /nonexistent/file", "wait", "next", "find", "toggle", "run 99999999999", "quit now" };
	struct app *a = open_app();

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (strcmp(bad[i], "find") != 0)        /* that one forgets what was looked for */
			CHECK(strlen(refused(a, bad[i])) > 5);
	CHECK(!a->quit);
	CHECK_INT(edit_set_n(app_edits(a)), 0);
	close_app(a);
}

static void empty_lines_and_comments_do_nothing(void **state)
{
	struct app *a = open_app();

	(void)state;
	run(a, "");
	run(a, "   ");
	run(a, "# quit");
	run(a, ":");
	CHECK(!a->quit);
	close_app(a);
}

static void the_beginning_of_one_command_is_enough(void **state)
{
	struct app *a = open_app();

	(void)state;
	run(a, "qui");
	CHECK(a->quit);
	CHECK(strstr(refused(a, "s"), "could be"));
	close_app(a);
}

static void a_text_is_begun_stepped_and_cut(void **state)
{
	struct app *a = open_app();

	(void)state;
	run(a, "prompt Once upon");
	run(a, "pause");
	CHECK_INT(fake_orders(a->source, ORDER_RESTART), 1);
	int n = timeline_n_tokens(a->steps);

	run(a, "step 3");
	CHECK_INT(timeline_n_tokens(a->steps), n + 3);
	CHECK(!a->going);
	run(a, "cursor 5");
	run(a, "rewind");
	CHECK_INT(timeline_n_tokens(a->steps), 7);
	CHECK_INT(timeline_n_branches(a->steps), 1);
	run(a, "branch 1");
	while (a->n_forced < a->n_to_force)
		take_news(a);
	CHECK_INT(timeline_n_tokens(a->steps), n + 3);
	close_app(a);
}

static void another_candidate_makes_a_branch(void **state)
{
	struct app *a = open_app();
	int32_t second;

	(void)state;
	run(a, "prompt Once upon");
	run(a, "pause");
	run(a, "cursor 10");
	second = timeline_at(a->steps, 10)->top[1].id;
	run(a, "pick 2");
	CHECK_INT(timeline_token(a->steps, 11), second);
	CHECK_INT(timeline_why(a->steps, 11), WHY_FORCED);
	CHECK_INT(timeline_n_tokens(a->steps), 12);
	CHECK(a->follow && !a->going);
	close_app(a);
}

static void edits_are_undone_and_made_again(void **state)
{
	struct app *a = open_app();
	uint32_t revision;

	(void)state;
	run(a, "clamp L2.mlp[7] = 8");
	run(a, "clamp L3.H5 * 0");
	CHECK_INT(edit_set_n(app_edits(a)), 2);
	revision = edit_set_revision(app_edits(a));
	run(a, "undo");
	CHECK_INT(edit_set_n(app_edits(a)), 1);
	run(a, "undo");
	CHECK_INT(edit_set_n(app_edits(a)), 0);
	run(a, "redo");
	run(a, "redo");
	CHECK_INT(edit_set_revision(app_edits(a)), revision);
	run(a, "undo");
	run(a, "clamp L1.H1 = 2");      /* what was undone is gone */
	refused(a, "redo");
	run(a, "drop");
	CHECK_INT(edit_set_n(app_edits(a)), 0);
	close_app(a);
}

static void paces_ask_for_one_token_at_a_time(void **state)
{
	struct app *a = open_app();
	int before;

	(void)state;
	run(a, "pace 10");
	run(a, "prompt Once upon");
	before = fake_generated(a->source);
	CHECK_INT(before, 1);
	for (int i = 1; i <= 5; i++) {
		clock_fake(1000000000 + (uint64_t)i * 100000000);
		app_tick(a);
		app_tick(a);
		take_news(a);
		CHECK_INT(fake_generated(a->source), before + i);
	}
	run(a, "pause");
	clock_fake(9000000000);
	app_tick(a);
	CHECK_INT(fake_generated(a->source), before + 5);
	close_app(a);
}

static void searching_moves_the_cursor_to_what_it_finds(void **state)
{
	struct app *a = open_app();
	int first;

	(void)state;
	run(a, "prompt Once upon");
	run(a, "pause");
	run(a, "cursor 0");
	run(a, "find park");
	first = app_at(a);
	CHECK(first > 0 && !a->follow);
	CHECK(strstr(refused(a, "find zebra"), "zebra"));
	run(a, "cursor 0");
	run(a, "find she");
	close_app(a);
}

/* What completes every argument is offered where it is expected. */
static void words_are_completed_by_the_type_of_the_argument(void **state)
{
	static const struct { const char *line, *first; int n; } cases[] = {
		{ "cla", "clamp", 1 }, { "clamp L2.H", "L2.H0", 8 }, { "clamp L2.ml", "L2.mlp", 2 }, { "sampler top-k 40 | tem", "temp", 1 },
		{ "show hea", "heads", 1 }, { "theme ", "dark", 2 }, { "prompt any", NULL, 0 }, { "nonsense x", NULL, 0 },
		{ "lens ent", "entropy", 2 }, { "source tests/scre", "tests/screens/", 1 },
	};
	struct app *a = open_app();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf words = { 0 };
		const char *space = strrchr(cases[i].line, ' ');
		size_t start = space ? (size_t)(space + 1 - cases[i].line) : 0;
		int n = complete_line(a, cases[i].line, start, strlen(cases[i].line), &words);

		CHECK_INT(n, cases[i].n);
		if (n)
			CHECK_STR(words.data, cases[i].first);
		buf_free(&words);
	}
	close_app(a);
}

static void draw_once(struct app *a)
{
	struct canvas c;

	CHECK(canvas_new(&c, 40, 120));
	frame_draw(a, &c);
	canvas_free(&c);
}

static struct rect inside_of(const struct app *a, enum pane_id p)
{
	for (int i = 0; i < a->placed.n; i++)
		if (a->placed.at[i].pane == (int)p)
			return pane_inside(a->placed.at[i].rect, a->placed.at[i].line_left);
	fail_msg("%s is not on the screen", panes[p]->name);
	return (struct rect){ 0 };
}

static void a_click_chooses_what_is_under_it(void **state)
{
	struct app *a = open_app();
	struct rect r;

	(void)state;
	run(a, "prompt Once upon");
	run(a, "pause");
	draw_once(a);
	r = inside_of(a, PANE_candidates);
	app_click(a, r.y + 3, r.x + 8, 0);      /* a row of names, then the third */
	CHECK_INT(a->focus, PANE_candidates);
	CHECK_INT(app_choice(a, PANE_candidates)->row, 2);
	r = inside_of(a, PANE_heads);
	app_click(a, r.y + 2, r.x + 4, 0);
	CHECK_INT(a->focus, PANE_heads);
	CHECK_INT(app_choice(a, PANE_heads)->row, 1);
	CHECK_INT(app_choice(a, PANE_heads)->col, 0);
	r = inside_of(a, PANE_text);
	app_click(a, r.y, r.x + 4, 0);          /* "<s>Once": the second token, made by step 0 */
	CHECK_INT(app_at(a), 0);
	app_click(a, r.y, r.x + 4, 1);
	CHECK_INT(app_at(a), 1);
	app_click(a, 500, 500, 0);
	app_click(a, 39, 3, 0);
	close_app(a);
}

static void the_config_binds_keys(void **state)
{
	struct app *a = open_app();

	(void)state;
	run(a, "bind X quit");
	app_key(a, 'X');
	CHECK(a->quit);
	a->quit = false;
	run(a, "bind X");
	app_key(a, 'X');
	CHECK(!a->quit);
	close_app(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_row_is_complete_and_no_name_is_another),
		TEST(a_line_that_makes_no_sense_changes_nothing_and_says_why),
		TEST(empty_lines_and_comments_do_nothing),
		TEST(the_beginning_of_one_command_is_enough),
		TEST(a_text_is_begun_stepped_and_cut),
		TEST(another_candidate_makes_a_branch),
		TEST(edits_are_undone_and_made_again),
		TEST(paces_ask_for_one_token_at_a_time),
		TEST(searching_moves_the_cursor_to_what_it_finds),
		TEST(words_are_completed_by_the_type_of_the_argument),
		TEST(a_click_chooses_what_is_under_it),
		TEST(the_config_binds_keys),
	};

	return RUN(tests);
}
