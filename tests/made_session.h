/*
 * made_session -- a recorded session for tests: a script run on a tiny model, or
 * the wild tokens of the made-up source.
 */
#ifndef TESTS_MADE_SESSION_H
#define TESTS_MADE_SESSION_H

#include "app/app.h"
#include "tests/tiny_model.h"

/* A script that uses everything: edits, sampler, seed, branches, a token by hand. */
extern const char made_script[];

/* A model, a live source on it that records, and an app; no screen. */
struct made {
	struct tiny tiny;
	struct probe_plan *plan;
	struct app *app;
	char *session;          /* path; unlinked by made_close() */
};
void made_open(struct made *m, int threads);
/* The same on another model. */
void made_open_on(struct made *m, const struct tiny_spec *spec, int threads);
/* Runs a script to its end; false with `e` when it failed. */
bool made_run(struct made *m, const char *script, struct err *e);
/* What is recorded is whole afterwards; the model stays. */
void made_stop(struct made *m);
void made_close(struct made *m);

/* A session whose tokens are control bytes and halves of characters, on a model
 * with markup in its name.  The caller unlinks and frees the path. */
char *made_wild_session(void);
/* A file's bytes, NUL-terminated; the caller frees them. */
struct buf made_slurp(const char *path);

#endif
