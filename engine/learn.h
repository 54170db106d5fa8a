/*
 * learn -- a steering vector as the difference of means of two sets of prompts
 * (contrastive activation addition, Rimsky et al. 2024): at one place, averaged
 * over the last token of every prompt of A, minus the same for B.
 *
 * A prompt is a line of a text file; empty lines and lines that begin with # are
 * left out.  The vector goes to a file that says what it is for (vec.h).
 */
#ifndef ENGINE_LEARN_H
#define ENGINE_LEARN_H

#include "engine/model.h"
#include "engine/vec.h"

struct learn {
	const char *a, *b;      /* files */
	struct address at;      /* a whole vector of a layer */
	const char *out;        /* file */
	int n_threads;
	bool add_bos;
	bool (*go)(void *of, double done);      /* asked before each prompt, 0..1; false: give up.  May be NULL */
	void *of;
};

struct learned {
	int n_a, n_b;           /* prompts */
	float norm;             /* of the vector */
	float spread;           /* mean length of what it was averaged from */
};

/* Given up: false, and no error is set. */
bool learn_vector(const struct model *m, const struct learn *what, struct learned *out, struct err *e) MUST_CHECK;

#endif
