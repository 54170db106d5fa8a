/*
 * swap_make -- the matrices of a swap: what a quantizer makes of the model's own.
 *
 * A method that is a type of GGUF files gives matrices of that type, so that the
 * model computes with them as it would with such a file; what any other method
 * gives back is kept in f32.  The same words give the same bits on any number of
 * threads.
 *
 * Matrices that do not suit the method (a row of Q4_K is whole blocks of 256) stay
 * the model's own when there are others; when none suits, that is an error.
 *
 * Threads  any; the pool's workers run inside
 */
#ifndef ANALYSIS_SWAP_MAKE_H
#define ANALYSIS_SWAP_MAKE_H

#include <stdatomic.h>

#include "engine/base/pool.h"
#include "engine/model.h"
#include "engine/swap.h"

struct swap_options {
	struct pool *pool;              /* NULL: the caller's thread alone */
	size_t room;                    /* bytes at most; 0: as many as it takes */
	/* Asked now and then, 0..1 done; false: give up with ERR_INTERRUPTED.  May be NULL. */
	bool (*go)(void *of, double done);
	void *of;
	const atomic_bool *stop;        /* the same within a matrix; NULL: never */
};

/* What is asked for can be made, as far as its words tell: a method there is, and
 * a matrix the model has. */
bool swap_check(const struct model *m, const struct swap *asked, struct err *e) MUST_CHECK;
/* How many matrices are meant. */
int swap_count(const struct model *m, const struct swap *asked);

struct swap *swap_make(const struct model *m, const struct swap *asked, const struct swap_options *opt,
    struct err *e) MUST_CHECK;

#endif
