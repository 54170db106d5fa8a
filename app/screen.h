/*
 * screen -- the interactive program: terminal, app and loop around a source.
 */
#ifndef APP_SCREEN_H
#define APP_SCREEN_H

#include <stdint.h>

#include "engine/source.h"

struct calibration;

struct screen_options {
	struct source *source;          /* borrowed */
	const struct model *model;      /* borrowed; NULL when there is none (a replay) */
	struct calibration *inputs;     /* borrowed: of what the source reads; may be NULL */
	int n_threads;                  /* for work in the background; 0: all cores */
	bool exact;                     /* as the session: activations stay in float */
	const char *prompt;             /* the first text, NULL: none; generation begins at once */
	bool chat;                      /* it is what a user says, in the model's template */
	int n_tokens;                   /* how many are generated first; 0: until stopped */
	const char *chain;              /* as typed; NULL: the default */
	const char *const *edits;       /* [n_edits], as typed */
	int n_edits;
	uint64_t seed;
	int pace;                       /* tokens a second; 0: full speed */
	int max_fps;                    /* 0: 30 */
	int color;                      /* enum color_wish */
	bool ascii, no_mouse;
	const char *theme;              /* NULL: by the terminal */
	const char *script;             /* command lines to run first; NULL: none */
	const char *config;             /* NULL: $XDG_CONFIG_HOME/clampmeter/config */
	bool alone;                     /* no history file, no config file */
};

/* Returns when the user leaves; the terminal is then as it was.  ERR_USAGE where
 * there is no terminal that can show it, ERR_INTERRUPTED after a second ^C.
 * SIGTERM and SIGHUP give the terminal back and are raised again. */
bool screen_run(const struct screen_options *o, struct err *e);

#endif
