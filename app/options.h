/*
 * options -- the command line, read against options.def and jobs.def.
 *
 *      clampmeter [COMMAND] [MODEL] [options]      in any order; `--' ends options
 *
 * Owns     texts point into argv; options_free() lets go of the lists
 */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include <stdint.h>

#include "app/job.h"

struct option_list {
	const char **item;
	int n;
};

/* The words of --backend, in their order. */
enum backend_choice { CHOOSE_AUTO, CHOOSE_CPU, CHOOSE_CUDA };

#define OPTION_FLAG   bool
#define OPTION_TEXT   const char *
#define OPTION_LIST   struct option_list
#define OPTION_INT    int
#define OPTION_SEED   uint64_t
#define OPTION_CHOICE int

enum option_id {
#define OPTION(field, c, name, type, arg, lo, hi, init, jobs, others, help) OPT_##field,
#define ALIAS(name, field)
#include "app/options.def"
	N_OPTIONS
};

/* A field of each row; what was not given holds its initial value, or 0. */
struct options {
	enum job_id job;
	uint64_t given;         /* bit per option that was typed */
	struct option_list words;       /* of commands that take more than a model */
	const char *session;    /* of `replay': its word is no model */
#define OPTION(field, c, name, type, arg, lo, hi, init, jobs, others, help) OPTION_##type field;
#define ALIAS(name, field)
#include "app/options.def"
};

enum option_type { OPT_FLAG, OPT_TEXT, OPT_LIST, OPT_INT, OPT_SEED, OPT_CHOICE };

struct option_def {
	const char *name;       /* "tokens": typed as --tokens */
	char letter;            /* 'n', or 0 */
	enum option_type type;
	const char *argument;   /* NULL for flags */
	long lo, hi;
	const char *initial;    /* shown by help; NULL when there is none */
	unsigned jobs;          /* bit per job that uses it */
	bool accepted;          /* harmless to the other jobs */
	const char *help;
	size_t offset;          /* of the field */
};

extern const struct option_def option_defs[N_OPTIONS];

/* ERR_USAGE with one line that names the argument at fault.  The options hold
 * good values either way. */
bool options_parse(struct options *o, int argc, char **argv, struct err *e) MUST_CHECK;
void options_free(struct options *o);
/* True when it was typed, whatever the value. */
bool options_given(const struct options *o, enum option_id id);

#endif
