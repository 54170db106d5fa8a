/*
 * session_run -- a session on a tiny model whose steps are all kept: for tests of
 * what a session does.  A failure on the way fails the test.
 *
 * Owns     model, session and steps, from run_start() to run_end()
 */
#ifndef TESTS_SESSION_RUN_H
#define TESTS_SESSION_RUN_H

#include "engine/session.h"
#include "tests/tiny_model.h"

enum { N_TEXT = 12 };
extern const int32_t run_text[N_TEXT];

/* The plan has three probes: 0 the entropy of every head, 1 neuron 0 of every
 * layer, 2 the distance to the step before (0 where there is none). */
enum { RUN_STEPS = 256 };

struct run {
	struct tiny tiny;
	struct probe_plan *plan;
	struct session *s;
	const struct step *steps[RUN_STEPS];
	int n;
};

/* No text yet, the default sampler. */
void run_start(struct run *r, const char *arch, struct session_options opt);
void run_end(struct run *r);
/* With run_text as the prompt and a greedy sampler of revision 7. */
void run_begin(struct run *r, const char *arch, struct session_options opt);
void run_generate(struct run *r, int n);
/* A set with the one edit of `line`, number 1. */
const struct edit_set *run_edits(const struct run *r, const char *line, uint32_t revision);

#endif
