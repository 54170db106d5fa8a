#include "app/lineedit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "app/app.h"
#include "app/complete.h"
#include "app/history.h"
#include "engine/base/mem.h"
#include "engine/base/utf8.h"
#include "views/key.h"

enum { QUEUE = 64 };

struct lineedit {
	struct app *app;
	char *history;
	bool active;
	unsigned char queue[QUEUE];     /* bytes for readline */
	size_t head, n;
	char *entered;                  /* a line that is complete, until it is run */
	bool ended;                     /* Enter, or end of file on an empty line */
	struct buf words;               /* candidates, NUL after NUL */
	const char *next_word;
	char **matches;                 /* [n_matches]: the menu */
	int n_matches;
	struct buf hint;
	FILE *nowhere;
};

/* readline calls back without an argument. */
static struct lineedit *the;

static int next_byte(FILE *in)
{
	(void)in;
	if (the->head == the->n)
		return EOF;
	return the->queue[the->head++];
}

/* readline looks ahead for typing on its input stream, which is not where keys
 * come from; it would read an end of file there. */
static int nothing_ahead(void)
{
	return 0;
}

static void show_nothing(void)
{
}

static void take_line(char *line)
{
	the->entered = line;
	the->ended = true;
	/* Removed at once, so that readline does not begin another line. */
	rl_callback_handler_remove();
}

static char *next_match(const char *text, int state)
{
	const char *word = the->next_word;

	(void)text;
	(void)state;
	if (!word || word >= the->words.data + the->words.len)
		return NULL;
	the->next_word = word + strlen(word) + 1;
	return strdup(word);
}

static char **complete(const char *text, int start, int end)
{
	buf_clear(&the->words);
	rl_attempted_completion_over = 1;
	rl_filename_completion_desired = 0;
	the->next_word = NULL;
	if (complete_line(the->app, rl_line_buffer, (size_t)start, (size_t)end, &the->words))
		the->next_word = the->words.data;
	rl_completion_append_character =
	    the->words.len > 1 && the->words.data[strlen(the->words.data) - 1] == '/' ? '\0' : ' ';
	return rl_completion_matches(text, next_match);
}

static void forget_matches(struct lineedit *l)
{
	for (int i = 0; i < l->n_matches; i++)
		free(l->matches[i]);
	free(l->matches);
	l->matches = NULL;
	l->n_matches = 0;
}

/* matches[0] is what they have in common. */
static void keep_matches(char **matches, int n, int longest)
{
	(void)longest;
	forget_matches(the);
	the->matches = mem_array((size_t)n, sizeof *the->matches);
	for (int i = 0; i < n; i++)
		the->matches[i] = mem_strdup(matches[i + 1]);
	the->n_matches = n;
}

struct lineedit *lineedit_new(struct app *a, const char *history)
{
	struct lineedit *l = mem_zalloc(sizeof *l);

	the = l;
	l->app = a;
	l->history = history ? mem_strdup(history) : NULL;
	l->nowhere = fopen("/dev/null", "r+");
	rl_readline_name = "clampmeter";
	rl_instream = rl_outstream = l->nowhere;
	rl_catch_signals = 0;
	rl_catch_sigwinch = 0;
	rl_change_environment = 0;
	rl_prep_term_function = NULL;
	rl_deprep_term_function = NULL;
	rl_redisplay_function = show_nothing;
	rl_getc_function = next_byte;
	rl_input_available_hook = nothing_ahead;
	rl_attempted_completion_function = complete;
	rl_completion_display_matches_hook = keep_matches;
	rl_completer_word_break_characters = " ";
	rl_completer_quote_characters = "";
	rl_completion_query_items = -1;
	rl_initialize();
	rl_variable_bind("show-all-if-ambiguous", "on");
	rl_variable_bind("enable-bracketed-paste", "off");
	rl_variable_bind("bell-style", "none");
	using_history();
	if (l->history)
		history_load(l->history);
	return l;
}

void lineedit_free(struct lineedit *l)
{
	if (!l)
		return;
	lineedit_cancel(l);
	clear_history();
	buf_free(&l->words);
	buf_free(&l->hint);
	free(l->history);
	if (l->nowhere)
		fclose(l->nowhere);
	free(l);
	the = NULL;
}

void lineedit_open(struct lineedit *l, const char *begun)
{
	l->active = true;
	l->ended = false;
	l->entered = NULL;
	l->head = l->n = 0;
	rl_callback_handler_install(":", take_line);
	rl_insert_text(begun);
	rl_point = rl_end;
}

bool lineedit_active(const struct lineedit *l)
{
	return l->active;
}

void lineedit_cancel(struct lineedit *l)
{
	if (l->active && !l->ended)
		rl_callback_handler_remove();
	l->active = false;
	forget_matches(l);
}

static void feed(struct lineedit *l, const char *bytes, size_t n)
{
	l->head = l->n = 0;
	if (n > QUEUE)
		return;
	memcpy(l->queue, bytes, n);
	l->n = n;
	while (l->head < l->n && !l->ended) {
		size_t before = l->head;

		rl_callback_read_char();
		if (l->head == before)
			break;
	}
}

/* Keys as the bytes readline knows them by. */
static void feed_key(struct lineedit *l, int key)
{
	static const struct { int key; const char *bytes; } map[] = {
		{ KEY_IS_LEFT, "\002" }, { KEY_IS_RIGHT, "\006" }, { KEY_IS_UP, "\020" }, { KEY_IS_DOWN, "\016" },
		{ KEY_IS_HOME, "\001" }, { KEY_IS_END, "\005" }, { KEY_IS_DELETE, "\033[3~" },
		{ KEY_IS_PAGE_UP, "\020" }, { KEY_IS_PAGE_DOWN, "\016" },
	};
	char bytes[8];
	int n = 0;

	for (size_t i = 0; i < sizeof map / sizeof *map; i++)
		if (map[i].key == key) {
			feed(l, map[i].bytes, strlen(map[i].bytes));
			return;
		}
	if (key >= KEY_NAMED && !(key & KEY_ALT))
		return;
	if (key & KEY_ALT)
		bytes[n++] = KEY_ESC;
	key &= ~KEY_ALT;
	n += utf8_encode((uint32_t)key, bytes + n);
	feed(l, bytes, (size_t)n);
}

static void run_entered(struct lineedit *l)
{
	char *line = l->entered;

	l->entered = NULL;
	lineedit_cancel(l);
	if (line && *line) {
		history_add_line(l->history, line);
		app_log(l->app, ':', line);
		app_line(l->app, line);
	}
	free(line);
}

void lineedit_key(struct lineedit *l, int key)
{
	if (key != KEY_TAB)
		forget_matches(l);
	/* In vi mode Escape is the editor's; with an empty line it leaves all the same. */
	if (key == KEY_ESC && (rl_editing_mode == 1 || rl_end == 0)) {
		lineedit_cancel(l);
		return;
	}
	if (key == KEY_BACKSPACE_KEY && rl_end == 0) {
		lineedit_cancel(l);
		return;
	}
	feed_key(l, key);
	if (l->ended)
		run_entered(l);
}

struct prompt_view lineedit_view(struct lineedit *l)
{
	complete_hint(rl_line_buffer, &l->hint);
	return (struct prompt_view){
		.prompt = rl_display_prompt ? rl_display_prompt : ":",
		.text = rl_line_buffer, .point = (size_t)rl_point,
		.hint = l->hint.len && rl_point == rl_end ? l->hint.data : NULL,
		.matches = (const char *const *)l->matches, .n_matches = l->n_matches,
	};
}
