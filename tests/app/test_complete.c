/* What the prompt offers: by the command, by the argument, by the file system. */
#include "app/complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/command.h"
#include "tests/fake_source.h"
#include "tests/test.h"

static struct app *app;
static struct buf words;

static int open_app(void **state)
{
	(void)state;
	app = app_new(&(struct app_options){ .source = fake_open(&(struct fake_options){ 0 }) });
	return 0;
}

static int close_app(void **state)
{
	struct source *src = app->source;

	(void)state;
	app_free(app);
	source_close(src);
	buf_free(&words);
	return 0;
}

/* Candidates for the last word of a line. */
static int offered(const char *line)
{
	size_t start = strlen(line);

	while (start > 0 && line[start - 1] != ' ')
		start--;
	buf_clear(&words);
	return complete_line(app, line, start, strlen(line), &words);
}

static bool has(const char *word)
{
	for (const char *s = words.data; s && s < words.data + words.len; s += strlen(s) + 1)
		if (!strcmp(s, word))
			return true;
	return false;
}

static void an_empty_line_offers_every_command(void **state)
{
	(void)state;
	CHECK_INT(offered(""), N_COMMANDS);
	CHECK_INT(offered(":"), 0);     /* the colon is part of the word */
	CHECK(offered("cl") >= 1 && has("clamp"));
	CHECK_INT(offered("clamx"), 0);
}

/* Whatever is offered for a word begins with what was typed, for every command. */
static void what_is_offered_begins_with_what_was_typed(void **state)
{
	char line[80];

	(void)state;
	for (int i = 0; i < N_COMMANDS; i++)
		for (const char *typed = "aclLnst0/"; *typed; typed++) {
			snprintf(line, sizeof line, "%s %c", commands[i].name, *typed);
			offered(line);
			for (const char *s = words.data; s && s < words.data + words.len; s += strlen(s) + 1)
				CHECK(*s == *typed);
		}
}

static void arguments_are_completed_by_their_type(void **state)
{
	(void)state;
	CHECK(offered("show lo") >= 2 && has("log") && has("logitlens"));
	CHECK(offered("clamp L2.H") == 8 && has("L2.H7"));
	CHECK(offered("lens ent") >= 1 && has("entropy"));
	CHECK(offered("sampler top-") >= 2 && has("top-k"));
	CHECK(offered("sampler top-k 40 | te") >= 1 && has("temp"));
	CHECK(offered("help samp") >= 2 && has("sampler") && has("samplers"));
	CHECK(offered("copy t") >= 2 && has("text") && has("table"));
	CHECK(offered("theme ") >= 2 && has("light"));
	CHECK_INT(offered("nonsense x"), 0);
	CHECK_INT(offered("step 3 "), 0);       /* nothing comes behind the number */
	CHECK_INT(offered("say a"), 0);         /* words are the user's own */
}

static void files_are_completed_folder_by_folder(void **state)
{
	char dir[] = "/tmp/clampmeter-complete-XXXXXX", line[120], path[120];

	(void)state;
	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/lesson.cm", dir);
	fclose(fopen(path, "w"));
	snprintf(path, sizeof path, "%s/.hidden", dir);
	fclose(fopen(path, "w"));
	snprintf(path, sizeof path, "%s/lessons", dir);
	CHECK(mkdir(path, 0700) == 0);
	snprintf(line, sizeof line, "source %s/", dir);
	CHECK_INT(offered(line), 2);
	snprintf(path, sizeof path, "%s/lessons/", dir);
	CHECK(has(path));                       /* a folder ends in a slash */
	snprintf(line, sizeof line, "source %s/.h", dir);
	CHECK_INT(offered(line), 1);            /* hidden ones when they are asked for */
	snprintf(line, sizeof line, "source %s/nothing/", dir);
	CHECK_INT(offered(line), 0);
	snprintf(line, sizeof line, "rm -rf %s", dir);
	CHECK_INT(system(line), 0);
}

static void the_hint_names_the_argument_that_comes_next(void **state)
{
	struct buf hint = { 0 };

	(void)state;
	complete_hint("step ", &hint);
	CHECK_STR(hint.data, "n: a whole number");
	complete_hint("move up ", &hint);
	CHECK_STR(hint.data, "n: a whole number");
	complete_hint("step", &hint);           /* still in the word */
	CHECK_INT(hint.len, 0);
	complete_hint("step 3 ", &hint);        /* takes no more */
	CHECK_INT(hint.len, 0);
	complete_hint("", &hint);
	CHECK_INT(hint.len, 0);
	complete_hint("nonsense ", &hint);
	CHECK_INT(hint.len, 0);
	buf_free(&hint);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_line_offers_every_command),
		TEST(what_is_offered_begins_with_what_was_typed),
		TEST(arguments_are_completed_by_their_type),
		TEST(files_are_completed_folder_by_folder),
		TEST(the_hint_names_the_argument_that_comes_next),
	};

	return cmocka_run_group_tests(tests, open_app, close_app);
}
