/*
 * export -- a recorded session as another file: trace lines, a table, a report
 * for a browser, a cast for a terminal, a script.
 *
 * export_open() reads the whole session once, so a bad one is refused before
 * anything is written.  Each writer goes through it from the start.  Nothing that
 * a model or a session says becomes markup, a formula or a control sequence.
 *
 * Owns     the session file, from export_open() to export_close()
 */
#ifndef APP_EXPORT_H
#define APP_EXPORT_H

#include "engine/session_file.h"

struct theme;

struct export {
	struct session_file *file;
	const struct session_header *header;
	struct probe_plan *plan;        /* every lens */
	const char *path;               /* of the session: borrowed */
	int n_steps;
	/* What is being written: */
	int fd;                         /* -1: standard output */
	const char *name;
	struct buf text;                /* not yet written */
	/* For the cast. */
	int rows, cols, pace;           /* pace: tokens a second */
	const struct theme *theme;
};

bool export_open(struct export *x, const char *path, struct err *e) MUST_CHECK;
void export_close(struct export *x);

/* One writer of the family; text goes to x->text, export_flush() now and then. */
typedef bool export_fn(struct export *x, struct err *e);
/* Runs it into a file, `-' for standard output.  A file appears whole or not at all. */
bool export_to(struct export *x, const char *path, export_fn *write, struct err *e) MUST_CHECK;
bool export_flush(struct export *x, struct err *e) MUST_CHECK;

/* The next entry, which export_open() has already found good. */
bool export_next(struct export *x, struct session_entry *en, struct err *e) MUST_CHECK;
/* Text of a token as it may be shown: escaped; newlines as \n. */
void export_piece(const struct export *x, int32_t id, struct buf *out);

export_fn export_text, export_trace, export_csv, export_html, export_cast, export_script;

#endif
