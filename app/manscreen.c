/*
 * What the manual page says about the screen: panes, keys and commands, from the
 * tables the screen itself is made of.
 */
#include <string.h>

#include "app/args.h"
#include "app/command.h"
#include "app/condition.h"
#include "app/manual.h"
#include "app/roff.h"
#include "views/pane.h"

static const struct {
	const char *key, *pane, *line;
} key_lines[] = {
#define KEY_LINE(k, p, l, label) {k, p, l},
#include "app/keys.def"
#undef KEY_LINE
};

static void panes_section(struct buf *out)
{
	roff_section(out, "THE SCREEN");
	roff_text(out, "Every pane shows the step under the cursor, which stays on the newest one until it is moved.  "
		       "Everything that can be done is a command; a key is a command with a short name.  The panes:");
	for (int i = 0; i < N_PANES; i++) {
		struct buf doc = {.data = NULL};

		buf_printf(&doc, "%s.  %s", panes[i]->doc, panes[i]->read_it);
		roff_entry(out, panes[i]->name, NULL, doc.data);
		buf_free(&doc);
	}
}

static bool ends_in_space(const char *s)
{
	return *s && s[strlen(s) - 1] == ' ';
}

static void keys_section(struct buf *out)
{
	roff_section(out, "KEYS");
	roff_text(out, "{site} is what is chosen in the focused pane, {pane} the pane itself.  `bind' changes keys.");
	for (int i = 0; i < N_COMMANDS; i++)
		if (*commands[i].keys)
			roff_entry(out, commands[i].keys, NULL, commands[i].help);
	for (size_t i = 0; i < sizeof key_lines / sizeof *key_lines; i++) {
		struct buf doc = {.data = NULL};

		/* The space that `ask' leaves for what will be typed is not shown. */
		buf_printf(&doc, "`%.*s'%s%s%s", (int)(strlen(key_lines[i].line) - ends_in_space(key_lines[i].line)),
		    key_lines[i].line, *key_lines[i].pane ? " in the " : "",
		    key_lines[i].pane, *key_lines[i].pane ? " pane" : "");
		roff_entry(out, key_lines[i].key, NULL, doc.data);
		buf_free(&doc);
	}
}

/* "n:int?" becomes "[n]". */
static void arguments(struct buf *out, const char *spec)
{
	struct arg_spec a;

	for (int i = 0; args_spec(spec, i, &a); i++)
		buf_printf(out, a.optional ? "%s[%s]" : "%s%s", i ? " " : "", a.name);
}

static void commands_section(struct buf *out)
{
	roff_section(out, "SCREEN COMMANDS");
	roff_text(out, "Typed at the `:' prompt, bound to keys, or written in a script, one a line; a line that begins "
		       "with # is a comment.");
	for (int i = 0; i < N_COMMANDS; i++) {
		struct buf args = {.data = NULL};

		arguments(&args, commands[i].args);
		roff_entry(out, commands[i].name, args.data, commands[i].help);
		buf_free(&args);
	}
}

static void scripts_section(struct buf *out)
{
	roff_section(out, "SCRIPTS");
	roff_text(out, "A script is a file of screen commands.  Each line is done before the next begins: `run N' and `until' hold "
		       "it until the tokens are there, `prompt' and `append' only put text there.  Without a screen (run "
		       "--script) pauses and questions pass at once, and an expectation that fails ends it with status 5.  What "
		       "`track', `probe', `receipt' and `compare' answer goes to standard error, a line each with the place "
		       "in the script in front; with --json, standard output is an object with the text, its tokens, what "
		       "every edit did (`edits') and the same answers as figures (`answers').  A "
		       "condition compares a figure of the step under the cursor with a number: any signal (`entropy > 2.5'; "
		       "with its place where it has one a layer or a head, `attn_entropy L2.H3 < 1'), or one of these; `token "
		       "\"TEXT\"' and `text \"TEXT\"' hold when the token is the text and when the text has it in it.");
	for (size_t i = 0; i < n_condition_fields; i++)
		roff_entry(out, condition_fields[i].name, NULL, condition_fields[i].doc);
}

void manual_screen(struct buf *out)
{
	panes_section(out);
	keys_section(out);
	commands_section(out);
	scripts_section(out);
}
