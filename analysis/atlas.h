/*
 * atlas -- the neuron maps (neuronmap.h) of the model that is open: read from the
 * cache, and made in the background where they are missing.
 *
 * A map is wanted by site and variant.  It can be looked at from the moment it is
 * open, as far as it has got; wanting another one stops the one in work, which
 * keeps what it has and goes on from there when it is wanted again.  What a map
 * is doing is a phase:
 *
 *      ASLEEP -> HASHING -> BUILDING -> COMPLETE
 *                   \----------\-----> STOPPED, FAILED
 *
 * Building uses all threads it was given, at the lowest urgency the system has:
 * whoever generates meanwhile comes first.
 *
 * Owns     its thread and the maps; the model is borrowed
 * Threads  all functions from the UI thread; the work itself on the atlas's
 */
#ifndef ANALYSIS_ATLAS_H
#define ANALYSIS_ATLAS_H

#include "analysis/neuronmap.h"

struct atlas;

enum atlas_phase { ATLAS_ASLEEP, ATLAS_HASHING, ATLAS_BUILDING, ATLAS_COMPLETE, ATLAS_STOPPED, ATLAS_FAILED };

/* What is known of one map at this moment. */
struct atlas_sheet {
	enum atlas_phase phase;
	const struct neuronmap *map;    /* NULL while it is not open */
	double done;                    /* 0..1, of the phase */
	double left_s;                  /* seconds until it is complete; NAN: not known yet */
	const char *why;                /* it failed; else "" */
};

struct atlas *atlas_new(const struct model *m, int n_threads, struct err *e) MUST_CHECK;
void atlas_free(struct atlas *a);       /* NULL is fine */

struct atlas_sheet atlas_sheet(const struct atlas *a, enum neuron_site s, enum neuron_variant v);

/* Nothing to do where it is complete or in work.  ERR_USAGE where the model has no
 * such vector. */
bool atlas_want(struct atlas *a, enum neuron_site s, enum neuron_variant v, struct err *e) MUST_CHECK;
/* False when none is in work. */
bool atlas_cancel(struct atlas *a);
bool atlas_works(const struct atlas *a);

/* To poll; -1 for NULL.  Readable when a map came to its end, whichever: take it. */
int atlas_fd(const struct atlas *a);
bool atlas_take(struct atlas *a, enum neuron_site *s, enum neuron_variant *v);

#endif
