#include "app/setup.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine/base/pool.h"
#include "tests/test.h"
#include "tests/tiny_model.h"

static char *model_path, *text_path;

static int make_files(void **state)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);

	(void)state;
	model_path = tiny_temp_model(&spec);
	text_path = tiny_temp_file("Hello\n\n", 7, ".txt");
	return !model_path || !text_path;
}

static int remove_files(void **state)
{
	(void)state;
	unlink(model_path);
	unlink(text_path);
	free(model_path);
	free(text_path);
	return 0;
}

/* Options as if typed, with the tiny model. */
static struct options options(int argc, const char **argv)
{
	char *words[16] = {(char *)"clampmeter", (char *)"run", (char *)"-m", model_path};
	struct options o;
	struct err e;

	for (int i = 0; i < argc; i++)
		words[4 + i] = (char *)argv[i];
	CHECK(options_parse(&o, 4 + argc, words, &e));
	return o;
}
#define OPTIONS(...) options((int)(sizeof (const char *[]){__VA_ARGS__} / sizeof(char *)), (const char *[]){__VA_ARGS__})

static void a_prompt_is_read_and_begins_as_the_model_wants(void **state)
{
	struct options o = OPTIONS("-p", "Hello");
	struct setup s;
	struct err e;

	(void)state;
	CHECK(setup_open(&s, &o, &e));
	CHECK(setup_prompt(&s, &o, &e));
	CHECK_STR(s.prompt.data, "Hello");
	CHECK(s.n_tokens > 1);
	CHECK_INT(s.tokens[0], vocab_bos(s.model->vocab));
	setup_close(&s);
	options_free(&o);
}

static void one_newline_at_the_end_of_a_file_is_not_text(void **state)
{
	struct options o = OPTIONS("-f", text_path);
	struct buf b = {.data = NULL};
	struct err e;

	(void)state;
	CHECK(setup_text(&b, &o, &e));
	CHECK_STR(b.data, "Hello\n");
	buf_free(&b);
	options_free(&o);
}

static void an_empty_prompt_is_the_beginning_of_text_or_an_error(void **state)
{
	struct options o = OPTIONS("-p", ""), bare = OPTIONS("-p", "", "--no-bos");
	struct setup s;
	struct err e;

	(void)state;
	CHECK(setup_open(&s, &o, &e));
	CHECK(setup_prompt(&s, &o, &e));
	CHECK_INT(s.n_tokens, 1);
	setup_close(&s);
	CHECK(setup_open(&s, &bare, &e));
	CHECK(!setup_prompt(&s, &bare, &e));
	CHECK_INT(e.code, ERR_USAGE);
	setup_close(&s);
	options_free(&o);
	options_free(&bare);
}

static void edits_are_numbered_as_they_were_typed(void **state)
{
	struct options o = OPTIONS("-e", "L0.up[1] = 2", "-e", "L1.H0 * 0");
	struct setup s;
	struct err e;

	(void)state;
	CHECK(setup_open(&s, &o, &e));
	CHECK_INT(edit_set_n(s.edits), 2);
	CHECK_INT(edit_set_at(s.edits, 1)->number, 2);
	CHECK_INT(edit_set_revision(s.edits), 2);
	setup_close(&s);
	options_free(&o);
}

static void a_failure_leaves_nothing_behind(void **state)
{
	static const char *const bad[][2] = {
		{"-e", "L77.up[0] = 1"}, {"-s", "nonsense"}, {"--backend", "cuda"},
	};
	struct setup s;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct options o = OPTIONS(bad[i][0], bad[i][1]);

		CHECK(!setup_open(&s, &o, &e));
		CHECK(*e.msg);
		setup_close(&s);
		options_free(&o);
	}
}

static void there_are_never_more_workers_than_cores(void **state)
{
	struct options many = OPTIONS("-t", "4096"), one = OPTIONS("-t", "1"), none = OPTIONS("-n", "1");

	(void)state;
	CHECK_INT(setup_threads(&many), pool_cores());
	CHECK_INT(setup_threads(&one), 1);
	CHECK_INT(setup_threads(&none), pool_cores());
	options_free(&many);
	options_free(&one);
	options_free(&none);
}

static void a_gguf_file_is_told_by_its_first_bytes(void **state)
{
	(void)state;
	CHECK(setup_is_gguf(model_path));
	CHECK(!setup_is_gguf(text_path));
	CHECK(!setup_is_gguf("."));
	CHECK(!setup_is_gguf("no such file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_prompt_is_read_and_begins_as_the_model_wants),
		TEST(one_newline_at_the_end_of_a_file_is_not_text),
		TEST(an_empty_prompt_is_the_beginning_of_text_or_an_error),
		TEST(edits_are_numbered_as_they_were_typed),
		TEST(a_failure_leaves_nothing_behind),
		TEST(there_are_never_more_workers_than_cores),
		TEST(a_gguf_file_is_told_by_its_first_bytes),
	};
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
