/*
 * command -- one line in, one thing done: the only way in.
 *
 * Keys, the prompt, panes, the mouse, scripts and the config file all speak in
 * these lines.  A row of commands.def says name, keys, typed arguments and help;
 * cmd_NAME() does the work and knows nothing of who asked.
 */
#ifndef APP_COMMAND_H
#define APP_COMMAND_H

#include <stddef.h>

#include "app/args.h"
#include "engine/base/err.h"

struct app;

struct command {
	const char *name;       /* as typed */
	const char *keys;       /* "Space", "q F10", or "" */
	const char *args;       /* "text:text", "n:int?" */
	const char *label;      /* short, for the key line; "" keeps it out */
	const char *help;
	bool (*run)(struct app *a, const struct args *args, struct err *e);
};

enum command_id {
#define COMMAND(id, text, key, spec, word, doc) COMMAND_##id,
#include "app/commands.def"
#undef COMMAND
	N_COMMANDS
};

extern const struct command commands[N_COMMANDS];

#define COMMAND(id, text, key, spec, word, doc) bool cmd_##id(struct app *a, const struct args *args, struct err *e);
#include "app/commands.def"
#undef COMMAND

/* A name, or the beginning of exactly one. */
const struct command *command_find(const char *name, size_t n, struct err *e);
/* What a recording keeps of what was typed: all but what only opens a prompt. */
bool command_kept(const char *line);
/* True for what changes only how things are shown, and touches no file. */
bool command_only_looks(const char *line);
/* Empty lines and lines that begin with # do nothing. */
bool command_line(struct app *a, const char *line, struct err *e) MUST_CHECK;

#endif
