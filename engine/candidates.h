/*
 * candidates -- sums, sorting and cutting over a list of candidates, for stages.
 *
 * A vocabulary has 150,000 entries, a stage has about a millisecond: sums take
 * the exponentials in blocks that the compiler makes vectors of, always in the
 * same lanes, so that every machine gets the same bits.
 *
 * Threads  none of these keeps anything
 */
#ifndef ENGINE_CANDIDATES_H
#define ENGINE_CANDIDATES_H

#include "engine/sampler.h"

enum { CANDIDATES_BLOCK = 64 };

/* p[i] = exp(c->c[from + i].logit - lse) for i < n <= CANDIDATES_BLOCK. */
void candidates_p(const struct candidates *c, size_t from, size_t n, double lse, double *p);
/* e[i] = exp(x[i]); 0 below -708, where a double has no more exponent to give. */
void exp_block(const double *x, size_t n, double *e);

/* Place of the likeliest; ties go to the smaller id. */
size_t candidates_best(const struct candidates *c);
/* Entropy in nats; *lse becomes ln of the sum of exp.  e: [n], becomes exp(logit -
 * the largest); NULL: not wanted. */
double candidates_entropy(const struct candidates *c, double *lse, double *e);
/* Keeps the k likeliest, in no order. */
void candidates_keep(struct candidates *c, size_t k);
/* Keeps one. */
void candidates_only(struct candidates *c, size_t i);
/* Keeps the shortest row, by falling key (ties by id), that holds probability
 * `mass` or more (with `past`: more than that), and at least one.  e: as above, or
 * NULL.  room: NUCLEUS_ROOM(n) bytes, of no meaning before or after. */
void candidates_nucleus(struct candidates *c, double mass, bool past, const double *e, void *room);
#define NUCLEUS_ROOM(n) ((n) * (sizeof(float) + sizeof(uint16_t)))

/* Sifts x down a heap whose root is the least of the best so far. */
void candidates_sift(struct candidate *heap, size_t n, struct candidate x);

#endif
