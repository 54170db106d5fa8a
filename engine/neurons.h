/*
 * neurons -- which neurons say most: |activation| times the length of the
 * column through which a neuron writes into the residual stream.
 *
 * Column lengths need every weight of the down-projections once; they are
 * measured in parallel before the first pass that is watched, from the weights
 * as stored.
 *
 * Shapes   norm: [n_layers][d_ff]
 * Threads  neurons_measure() on the engine thread, neurons_strongest() on any
 */
#ifndef ENGINE_NEURONS_H
#define ENGINE_NEURONS_H

#include "engine/base/pool.h"
#include "engine/model.h"
#include "engine/step.h"

struct neurons {
	int n_layers, d_ff;
	bool measured;
	float *norm;
};

void neurons_init(struct neurons *n, const struct hparams *hp);
void neurons_free(struct neurons *n);
/* Does nothing the second time. */
void neurons_measure(struct neurons *n, const struct model *m, struct pool *p);
/* The STEP_NEURONS strongest of mlp, [d_ff], by falling contribution. */
void neurons_strongest(const struct neurons *n, int layer, const float *mlp, struct step_neuron *out);

#endif
