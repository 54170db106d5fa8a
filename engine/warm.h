/*
 * warm -- the weights of a mapped file brought into memory ahead of the first pass,
 * in the order they lie in the file, and how far that is.
 *
 * A pass touches the weights layer by layer and waits for the disk at every one; a
 * reader that runs ahead keeps the disk busy, and can say how long it will take.
 * Weights that are in memory already are passed over in no time.
 *
 * Owns     its thread; the model is borrowed and must outlive it
 * Threads  any one at a time; the reading itself on a thread of its own
 */
#ifndef ENGINE_WARM_H
#define ENGINE_WARM_H

#include "engine/model.h"

struct warm;

/* NULL when there is nothing to bring (a model in memory), or too much: of a file
 * above four fifths of the machine's memory the first pages would be gone before
 * the last ones came.  A thread that cannot be had is no error either. */
struct warm *warm_start(const struct model *m);
/* Stops in the middle, too.  NULL is fine. */
void warm_free(struct warm *w);

/* Bytes so far, and of all. */
struct warm_state {
	size_t done, of;
	bool works;             /* false once all is there, and for NULL */
};
struct warm_state warm_now(const struct warm *w);

#endif
