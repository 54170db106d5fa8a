#include "app/command.h"

#include <string.h>

const struct command commands[N_COMMANDS] = {
#define COMMAND(id, text, key, spec, word, doc) \
	[COMMAND_##id] = { .name = text, .keys = key, .args = spec, .label = word, .help = doc, .run = cmd_##id },
#include "app/commands.def"
#undef COMMAND
};

const struct command *command_find(const char *name, size_t n, struct err *e)
{
	const struct command *found = NULL;
	int matches = 0;

	for (int i = 0; i < N_COMMANDS; i++) {
		if (strncmp(commands[i].name, name, n))
			continue;
		if (strlen(commands[i].name) == n)
			return &commands[i];
		found = &commands[i];
		matches++;
	}
	if (matches == 1)
		return found;
	n = n < 40 ? n : 40;
	if (matches)
		err_set(e, ERR_USAGE, "\"%.*s\" could be %d commands", (int)n, name, matches);
	else
		err_set(e, ERR_USAGE, "no command is called \"%.*s\"", (int)n, name);
	return NULL;
}

/* NULL for empty lines, comments and what is no command. */
static const struct command *named_in(const char *line)
{
	struct err none;

	line += strspn(line, " \t:");
	if (!*line || *line == '#')
		return NULL;
	return command_find(line, strcspn(line, " \t"), &none);
}

bool command_kept(const char *line)
{
	const struct command *c = named_in(line);

	/* Words are kept as words. */
	return c && c != &commands[COMMAND_ask] && c != &commands[COMMAND_say] && c != &commands[COMMAND_copy];
}

bool command_only_looks(const char *line)
{
	static const enum command_id looking[] = {
		COMMAND_cursor, COMMAND_follow, COMMAND_peak, COMMAND_find, COMMAND_next, COMMAND_previous, COMMAND_lens,
		COMMAND_grid, COMMAND_series, COMMAND_show, COMMAND_focus, COMMAND_zoom, COMMAND_layout, COMMAND_move,
		COMMAND_help, COMMAND_goto, COMMAND_theme, COMMAND_compare,
		COMMAND_neuron, COMMAND_vector, COMMAND_variant,
	};
	const struct command *c = named_in(line);

	for (size_t i = 0; c && i < sizeof looking / sizeof *looking; i++)
		if (c == &commands[looking[i]])
			return true;
	return false;
}

bool command_line(struct app *a, const char *line, struct err *e)
{
	struct args args;
	const struct command *c;
	size_t n;

	line += strspn(line, " \t:");
	n = strcspn(line, " \t");
	if (!n || *line == '#')
		return true;
	c = command_find(line, n, e);
	if (!c)
		return false;
	return (args_parse(&args, c->args, line + n, e) && c->run(a, &args, e)) || err_wrap(e, "%s", c->name);
}
