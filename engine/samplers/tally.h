/*
 * tally -- a number per token of the recent text, found by id.
 *
 * Belongs to one stage for the time of its apply(): between tally_open() and
 * tally_close() the numbers are its own, outside they are all zero.
 *
 * Owns     the stage's room (or memory of its own when a stage is applied by hand)
 */
#ifndef ENGINE_SAMPLERS_TALLY_H
#define ENGINE_SAMPLERS_TALLY_H

#include "engine/sampler.h"

struct tally {
	int32_t *of;            /* [n] by id; ids that are not in the window may lie behind it */
	size_t n;
	const int32_t *window;  /* the tokens looked at, the last of the text */
	size_t n_window;
	int32_t *more;          /* [n_window], for whatever the stage wants */
	bool own;
};

/* All zero.  `last`: how many tokens of the end of the text; 0: all. */
void tally_open(struct tally *t, const struct sampler_context *cx, size_t last);
/* The same with the number of occurrences. */
void tally_count(struct tally *t, const struct sampler_context *cx, size_t last);
void tally_close(struct tally *t);

static inline int32_t tally_of(const struct tally *t, int32_t id)
{
	return (size_t)id < t->n ? t->of[id] : 0;
}

#endif
