/* Scripts on a live tiny model (a threaded test). */
#include "app/script.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/replay.h"
#include "engine/verify.h"
#include "tests/made_session.h"
#include "tests/test.h"

static void runs(struct made *m, const char *script)
{
	struct err e = { 0 };

	if (!made_run(m, script, &e))
		fail_msg("%s", e.msg);
}

static void fails(struct made *m, const char *script, enum err_code code, const char *words)
{
	struct err e = { 0 };

	if (made_run(m, script, &e))
		fail_msg("should have failed: %s", script);
	if (e.code != code || !strstr(e.msg, words))
		fail_msg("%s (code %d), not \"%s\"", e.msg, e.code, words);
}

static void each_line_is_settled_before_the_next(void **state)
{
	struct made m;

	(void)state;
	made_open(&m, 1);
	runs(&m, "prompt a b\nrun 6\nexpect position >= 6\nrun 2\nkeep 4\nexpect position == 3\nrun 1\nexpect position == 3\nrun 2\nexpect position == 5\n");
	CHECK_INT(timeline_n_branches(m.app->steps), 1);
	made_close(&m);
}

static void an_expectation_that_fails_names_line_condition_and_value(void **state)
{
	struct made m;

	(void)state;
	made_open(&m, 1);
	fails(&m, "# nothing\nprompt a b\nrun 3\n\nexpect rank > 1000\nrun 5\n", ERR_MISMATCH,
	    ".cm:5: expect: rank > 1000: found ");
	CHECK(timeline_n(m.app->steps) < 9);
	made_close(&m);
}

static void until_stops_at_the_very_token(void **state)
{
	struct made m;

	(void)state;
	made_open(&m, 2);
	runs(&m, "prompt a b\nuntil position >= 9\nexpect position == 9\n");
	CHECK_INT(timeline_n(m.app->steps), 10);
	fails(&m, "until entropy < -1\n", ERR_MISMATCH, ".cm:1: the text ended before the condition held: found ");
	made_close(&m);
}

static void what_makes_no_sense_stops_a_script(void **state)
{
	struct made m;

	(void)state;
	made_open(&m, 1);
	fails(&m, "clamp L9.mlp[1] = 2\n", ERR_USAGE, ".cm:1: clamp");
	fails(&m, "say a\r\ndance\n", ERR_USAGE, ".cm:2: no command is called");
	fails(&m, "expect entropy > 0\n", ERR_MISMATCH, "no step");
	fails(&m, "include /nonexistent/x.cm\n", ERR_FILE, ".cm:1: include: /nonexistent/x.cm");
	fails(&m, "prompt a\nrun 2\ntoken 999999\n", ERR_USAGE, ":3: token");
	made_close(&m);
}

static void leaving_in_the_middle_leaves(void **state)
{
	struct made m;
	struct err e = { 0 };

	(void)state;
	made_open(&m, 1);
	CHECK(made_run(&m, "prompt a b\nrun\n:quit\nexpect entropy > 99\n", &e));
	CHECK(m.app->quit);
	made_close(&m);
}

static void files_include_each_other_only_so_deep(void **state)
{
	struct made m;
	char *path = tiny_temp_file("", 0, ".cm");
	const char *name = strrchr(path, '/') + 1;
	struct buf text = { 0 };
	FILE *f = fopen(path, "w");

	(void)state;
	fprintf(f, "say once\ninclude %s\n", name);
	fclose(f);
	made_open(&m, 1);
	buf_printf(&text, "include %s\n", name);
	fails(&m, text.data, ERR_FILE, "more than 8 deep");
	buf_clear(&text);
	/* From the folder of the one that includes. */
	f = fopen(path, "w");
	fprintf(f, "say fine\n");
	fclose(f);
	buf_printf(&text, "include %s\nprompt a\nrun 1\n", name);
	runs(&m, text.data);
	made_close(&m);
	buf_free(&text);
	unlink(path);
	free(path);
}

static void a_million_lines_are_enough(void **state)
{
	struct made m;
	char *lines = malloc((1 << 20) + 2);

	(void)state;
	memset(lines, '\n', 1 << 20);
	lines[1 << 20] = 0;
	made_open(&m, 1);
	fails(&m, lines, ERR_FILE, "more than 1000000 lines");
	made_close(&m);
	free(lines);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	struct made m;
	struct err e = { 0 };
	char *path = tiny_temp_file("say a\0b\n", 8, ".cm");

	(void)state;
	made_open(&m, 1);
	CHECK(!script_start(m.app, path, &e));
	CHECK_INT(e.code, ERR_FILE);
	CHECK(strstr(e.msg, "byte 0"));
	made_close(&m);
	unlink(path);
	free(path);
}

static void the_user_can_hold_a_script_and_skip_its_pauses(void **state)
{
	struct made m;
	struct err e = { 0 };
	const char *text = "say a\npause 3000\nask and now?\nsay b\n";
	char *path = tiny_temp_file(text, strlen(text), ".cm");

	(void)state;
	made_open(&m, 1);
	runs(&m, "say begin\n");        /* what the app was opened with is settled */
	m.app->hurry = false;
	CHECK(script_start(m.app, path, &e));
	CHECK(m.app->script != NULL);
	CHECK(app_tick(m.app) < UINT64_MAX);
	CHECK(app_line(m.app, "toggle"));               /* ends the pause */
	CHECK(m.app->script != NULL);
	CHECK(strstr(m.app->message, "and now?"));
	CHECK(app_line(m.app, "toggle"));               /* answers */
	CHECK(m.app->script == NULL);
	CHECK_STR(m.app->message, "b");
	made_close(&m);
	unlink(path);
	free(path);
}

/* Edits, sampler swaps, branches, a hand-picked token: recorded, run again, equal. */
static void a_script_that_uses_everything_verifies(void **state)
{
	(void)state;
	for (int threads = 1; threads <= 2; threads++) {
		struct verify_options opt = { .n_threads = 3 - threads, .build = "test" };
		struct verify_result out;
		struct err e = { 0 };
		struct session_file *f;
		char kernels[64];
		struct made m;

		made_open(&m, threads);
		runs(&m, made_script);
		snprintf(kernels, sizeof kernels, "%s", m.app->source->info.kernels);
		opt.kernels = kernels;          /* the source's own go with it */
		made_stop(&m);
		f = session_file_open(m.session, &e);
		CHECK(f != NULL);
		if (!verify_session(f, m.tiny.model, m.plan, &opt, &out, &e))
			fail_msg("%s", e.msg);
		CHECK(out.bitwise && out.n_steps > 20);
		session_file_close(f);
		made_close(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_line_is_settled_before_the_next),
		TEST(an_expectation_that_fails_names_line_condition_and_value),
		TEST(until_stops_at_the_very_token),
		TEST(what_makes_no_sense_stops_a_script),
		TEST(leaving_in_the_middle_leaves),
		TEST(files_include_each_other_only_so_deep),
		TEST(a_million_lines_are_enough),
		TEST(bytes_that_are_no_text_are_refused),
		TEST(the_user_can_hold_a_script_and_skip_its_pauses),
		TEST(a_script_that_uses_everything_verifies),
	};

	return RUN(tests);
}
