/*
 * verify -- a recorded session run again on the model, figure by figure.
 *
 * Orders are obeyed where they were obeyed, every step is computed anew and
 * compared with the recorded one: tokens, and every stored figure bit for bit
 * when build and kernels are those of the recording; else figures within
 * VERIFY_TOLERANCE (relative to 1 or the value, whichever is larger), which the
 * result says.
 */
#ifndef ENGINE_VERIFY_H
#define ENGINE_VERIFY_H

#include "engine/model.h"
#include "engine/session_file.h"

#define VERIFY_TOLERANCE 2e-3

struct verify_result {
	int n_steps;            /* compared */
	long n_figures;
	bool bitwise;           /* false: within the tolerance */
};

struct verify_options {
	int n_threads;          /* 0: as recorded, at most the cores there are */
	const char *build, *kernels;    /* of this program, held against the recording's */
	void (*progress)(void *to, int n_steps);        /* after each step, or NULL */
	/* Makes the matrices of a swap, which a recording only names; NULL: such a
	 * session cannot be verified. */
	struct swap *(*swap)(const struct model *m, const struct swap *asked, struct err *e);
	void *to;
};

/* ERR_MISMATCH at the first difference: step, field, recorded, found. */
bool verify_session(struct session_file *f, const struct model *m, const struct probe_plan *plan,
    const struct verify_options *opt, struct verify_result *out, struct err *e) MUST_CHECK;

#endif
