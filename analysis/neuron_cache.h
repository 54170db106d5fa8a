/*
 * neuron_cache -- neurons that were read lately, for a screen that shows many and
 * may not wait for any.
 *
 * The screen asks with neuron_cache_find(), which never computes; what is not
 * there it hands to the analyst thread, which calls neuron_cache_read() (some
 * milliseconds a neuron, less each when several are read at once).  The entries
 * used longest ago make room for new ones.
 *
 * Owns     its entries, and the lengths of the head's rows from the first read on
 * Threads  find and read from any; a lock guards the entries, not the computing
 */
#ifndef ANALYSIS_NEURON_CACHE_H
#define ANALYSIS_NEURON_CACHE_H

#include "analysis/neuron.h"

struct neuron_cache;

/* `room` readings of 2 KB each, `k` tokens kept of each; cheap, reads no weight. */
struct neuron_cache *neuron_cache_new(const struct model *m, int room, int k);
void neuron_cache_free(struct neuron_cache *c);

/* False when that neuron was not read yet. */
bool neuron_cache_find(struct neuron_cache *c, const struct neuron_ref *r, enum neuron_variant v,
    struct neuron_reading *out);
/* Reads those of the neurons that are not there and keeps them.  `pool` may be NULL;
 * it may not be the engine's. */
bool neuron_cache_read(struct neuron_cache *c, const struct neuron_wish *wishes, int n, struct pool *pool,
    struct err *e) MUST_CHECK;

#endif
