#include <stdlib.h>

#include "app/command.h"
#include "app/keymap.h"
#include "tests/test.h"
#include "views/key.h"

static const struct { const char *key, *pane, *line; } rows[] = {
#define KEY_LINE(key, pane, line, label) { key, pane, line },
#include "app/keys.def"
#undef KEY_LINE
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static void every_default_key_runs_a_command_that_is_there(void **state)
{
	struct keymap *m = keymap_new();
	struct binding b;
	struct err e;

	(void)state;
	for (size_t i = 0; keymap_at(m, i, &b); i++)
		if (!command_find(b.line, strcspn(b.line, " "), &e))
			fail_msg("%s: %s", b.line, e.msg);
	keymap_free(m);
}

/* Arguments of default keys are good ones; {site} and the like are not yet. */
static void lines_of_keys_have_arguments_that_are_read(void **state)
{
	struct args args;
	struct err e;

	(void)state;
	for (int i = 0; i < N_ROWS; i++) {
		const struct command *c = command_find(rows[i].line, strcspn(rows[i].line, " "), &e);

		CHECK(c);
		if (!strchr(rows[i].line, '{') && !args_parse(&args, c->args, rows[i].line + strcspn(rows[i].line, " "), &e))
			fail_msg("%s: %s", rows[i].line, e.msg);
	}
}

static void no_key_is_given_twice(void **state)
{
	struct keymap *m = keymap_new();
	struct binding a, b;

	(void)state;
	for (int i = 0; i < N_ROWS; i++)
		for (int k = 0; k < i; k++)
			if (!strcmp(rows[i].key, rows[k].key) && !strcmp(rows[i].pane, rows[k].pane))
				fail_msg("%s is there twice", rows[i].key);
	/* A key of commands.def that keys.def takes everywhere would be lost. */
	for (int i = 0; i < N_COMMANDS; i++)
		for (int k = 0; k < N_ROWS; k++)
			if (!*rows[k].pane && *commands[i].keys && !strcmp(commands[i].keys, rows[k].key))
				fail_msg("%s is in both tables", rows[k].key);
	for (size_t i = 0; keymap_at(m, i, &a); i++)
		for (size_t k = 0; k < i && keymap_at(m, k, &b); k++)
			CHECK(a.key != b.key || a.pane != b.pane);
	keymap_free(m);
}

static void a_pane_comes_before_everywhere(void **state)
{
	struct keymap *m = keymap_new();

	(void)state;
	keymap_bind(m, -1, 'X', "quit", "");
	keymap_bind(m, PANE_heads, 'X', "zoom", "");
	CHECK_STR(keymap_line(m, PANE_heads, 'X'), "zoom");
	CHECK_STR(keymap_line(m, PANE_text, 'X'), "quit");
	keymap_bind(m, PANE_heads, 'X', "", "");
	CHECK(!keymap_line(m, PANE_heads, 'X'));
	CHECK(!keymap_line(m, PANE_text, KEY_IS_F9));
	keymap_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_default_key_runs_a_command_that_is_there),
		TEST(lines_of_keys_have_arguments_that_are_read),
		TEST(no_key_is_given_twice),
		TEST(a_pane_comes_before_everywhere),
	};

	return RUN(tests);
}
