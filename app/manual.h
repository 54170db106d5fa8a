/*
 * manual -- everything the program says about itself, made from its tables:
 * options, commands, samplers, edits, places, lenses, formats.
 *
 * A row that is added to a table is documented by that; nothing is said twice.
 * In the tables `this' is a word to be typed.
 */
#ifndef APP_MANUAL_H
#define APP_MANUAL_H

#include "app/job.h"
#include "engine/base/buf.h"

/* --help: the whole program for JOB_meter, else one command. */
void manual_help(struct buf *out, enum job_id job);
/* --version; `job` is not looked at. */
void manual_version(struct buf *out, enum job_id job);
/* Which build this is, for recordings: two that say the same compute the same. */
const char *manual_build(void);
/* clampmeter(1) in man(7) form; `job` is not looked at. */
void manual_page(struct buf *out, enum job_id job);

/* Its part on the screen: panes, keys, commands. */
void manual_screen(struct buf *out);

/* One field of a trace line, as the manual describes it. */
struct trace_field {
	const char *name, *type, *doc;
};
extern const struct trace_field trace_fields[];
extern const size_t n_trace_fields;

#endif
