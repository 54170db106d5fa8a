#include "app/options.h"

#include <ctype.h>

#include "tests/test.h"

enum { MAX_WORDS = 12 };

/* Parses words separated by single spaces. */
static bool parse(struct options *o, const char *line, struct err *e)
{
	static char text[400];
	char *argv[MAX_WORDS] = {(char *)"clampmeter"}, *save = NULL;
	int n = 1;

	snprintf(text, sizeof text, "%s", line);
	for (char *w = strtok_r(text, " ", &save); w && n < MAX_WORDS; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	return options_parse(o, n, argv, e);
}

static void nothing_typed_is_the_meter_with_initial_values(void **state)
{
	struct options o;
	struct err e;

	(void)state;
	CHECK(parse(&o, "", &e));
	CHECK_INT(o.job, JOB_meter);
	CHECK(!o.model && !o.prompt && !o.json);
	CHECK_INT(o.n_tokens, 256);
	CHECK_INT(o.backend, CHOOSE_AUTO);
	options_free(&o);
}

static void command_model_and_options_come_in_any_order(void **state)
{
	static const char *const lines[] = {
		"run m.gguf -n 5 -p x --seed 9", "-n 5 run --seed=9 -p x m.gguf", "-px -n5 --seed 9 run -m m.gguf",
	};
	struct options o;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		CHECK(parse(&o, lines[i], &e));
		CHECK_INT(o.job, JOB_run);
		CHECK_STR(o.model, "m.gguf");
		CHECK_STR(o.prompt, "x");
		CHECK_INT(o.n_tokens, 5);
		CHECK_INT(o.seed, 9);
		options_free(&o);
	}
}

static void only_the_first_word_can_be_a_command(void **state)
{
	struct options o;
	struct err e;

	(void)state;
	CHECK(parse(&o, "run run", &e));
	CHECK_INT(o.job, JOB_run);
	CHECK_STR(o.model, "run");
	options_free(&o);
	CHECK(parse(&o, "./bench", &e));
	CHECK_INT(o.job, JOB_meter);
	CHECK_STR(o.model, "./bench");
	options_free(&o);
}

static void repeatable_options_collect(void **state)
{
	struct options o;
	struct err e;

	(void)state;
	CHECK(parse(&o, "run -e one --edit two --edit=three", &e));
	CHECK_INT(o.edits.n, 3);
	CHECK_STR(o.edits.item[0], "one");
	CHECK_STR(o.edits.item[2], "three");
	options_free(&o);
}

static void mistakes_are_named(void **state)
{
	static const struct { const char *line, *says; } cases[] = {
		{"--nonsense", "unknown option '--nonsense'"}, {"-Z", "unknown option '-Z'"},
		{"run -n", "-n needs N"}, {"run --seed 1x", "not '1x'"}, {"run --seed -1", "not '-1'"},
		{"run --json=yes", "takes no value"}, {"run -n 2147483648", "whole number"},
		{"run --backend=gpu", "auto|cpu|cuda"}, {"run a b", "'b' comes after 'a'"},
		{"run a -m b", "one model"}, {"run -p a -f b", "not from both"}, {"--echo", "not to the meter"},
		{"inspect m -s greedy", "'inspect' has no use for --sampler"},
	};
	struct options o;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		CHECK(!parse(&o, cases[i].line, &e));
		CHECK_INT(e.code, ERR_USAGE);
		if (!strstr(e.msg, cases[i].says))
			fail_msg("'%s' gives '%s'", cases[i].line, e.msg);
		options_free(&o);
	}
}

static void a_double_dash_ends_options(void **state)
{
	struct options o;
	struct err e;

	(void)state;
	CHECK(parse(&o, "run -- -V", &e));
	CHECK_STR(o.model, "-V");
	CHECK(!o.version);
	options_free(&o);
}

static void help_is_given_whatever_else_is_asked_for(void **state)
{
	struct options o;
	struct err e;

	(void)state;
	CHECK(parse(&o, "inspect --trace t --help", &e));
	CHECK(o.help);
	options_free(&o);
}

/* Walks the table: what a row promises, the parser keeps. */
static void every_row_is_sound(void **state)
{
	(void)state;
	for (int i = 0; i < N_OPTIONS; i++) {
		const struct option_def *d = &option_defs[i];

		CHECK(d->name && *d->name && d->help && *d->help && d->jobs);
		CHECK(d->type == OPT_FLAG ? !d->argument : d->argument != NULL);
		CHECK(d->offset < sizeof(struct options));
		for (const char *c = d->name; *c; c++)
			CHECK(islower((unsigned char)*c) || *c == '-');
		for (int j = 0; j < i; j++) {
			CHECK(strcmp(d->name, option_defs[j].name) != 0);
			CHECK(!d->letter || d->letter != option_defs[j].letter);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_typed_is_the_meter_with_initial_values),
		TEST(command_model_and_options_come_in_any_order),
		TEST(only_the_first_word_can_be_a_command),
		TEST(repeatable_options_collect),
		TEST(mistakes_are_named),
		TEST(a_double_dash_ends_options),
		TEST(help_is_given_whatever_else_is_asked_for),
		TEST(every_row_is_sound),
	};
	return RUN(tests);
}
