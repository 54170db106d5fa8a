/*
 * job -- what the program was started to do: the meter, or one batch command.
 *
 * The rows of jobs.def become the usage text, the man page and the dispatch of
 * main().  To add one: jobs/NAME.c with job_NAME(), and a row in jobs.def.
 */
#ifndef APP_JOB_H
#define APP_JOB_H

#include <stddef.h>

#include "engine/base/err.h"

struct options;

enum job_id {
#define JOB(id, args, doc, more) JOB_##id,
#include "app/jobs.def"
	N_JOBS
};

struct job {
	const char *name;       /* "" for the meter */
	const char *args;
	const char *doc;        /* one line */
	const char *more;       /* what a script has to know */
	/* False with `e` filled; e->code is the exit status. */
	bool (*run)(const struct options *o, struct err *e);
};

extern const struct job jobs[N_JOBS];

/* -1 when `word` names no batch command. */
int job_find(const char *word);

#define JOB(id, args, doc, more) bool job_##id(const struct options *o, struct err *e) MUST_CHECK;
#include "app/jobs.def"

#endif
