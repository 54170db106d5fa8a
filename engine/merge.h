/*
 * merge -- the loop both tokenizers share: the best pair of neighbours becomes
 * one symbol, until no pair is left.
 *
 * The symbols of a text form a list; every pair of neighbours that may merge
 * waits in a heap, best key first and leftmost among equals.  A pair taken
 * from the heap is stale when either side has grown since.  n symbols cost
 * O(n log n).
 *
 * Shapes   sym: [n_sym], a live symbol has len > 0 and next > its own index, -1 at the end
 * Owns     its two arrays, kept between texts, from merge_new() to merge_free()
 */
#ifndef ENGINE_MERGE_H
#define ENGINE_MERGE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

struct merge_sym {
	uint32_t start, len;            /* bytes of the text; len 0: merged into a neighbour */
	int32_t prev, next;
	int32_t id;                     /* of the piece, -1 when there is none (yet) */
};

/* A pair that may merge: smaller keys go first. */
struct merge_pair {
	uint32_t key;
	int32_t id;                     /* what it becomes */
};

/* False when the two do not merge. */
typedef bool merge_fn(const void *ctx, const struct merge_sym *left, const struct merge_sym *right,
    struct merge_pair *out);

struct merge {
	struct merge_sym *sym;
	size_t n_sym;
	struct merge_item *heap;
	size_t room;                    /* symbols both arrays can take */
};

/* Room for n symbols (n < 2^31); what was in sym is lost when it has to grow. */
bool merge_reserve(struct merge *m, size_t n, struct err *e) MUST_CHECK;
/* Appends a symbol behind the last one. */
void merge_push(struct merge *m, uint32_t start, uint32_t len, int32_t id);
void merge_run(struct merge *m, merge_fn *fn, const void *ctx);
void merge_free(struct merge *m);

#endif
