/*
 * neuroncompare -- do two models call their neurons the same?
 *
 * The share of neurons whose first token is the same in both (Davies: 75.4 % of
 * up-projection neurons of Llama-3.1-8B and its Instruct model).  Two figures say
 * what such a share is worth: the control, what it would be on average were the
 * neurons of the other model shuffled within their layer, sum_t p(t) q(t); and
 * hubness, the share of neurons whose first token is among the 100 commonest,
 * since the LM head draws many vectors to a few tokens.
 *
 * Tokens are compared by their bytes, so the vocabularies may differ.
 */
#ifndef ANALYSIS_NEURONCOMPARE_H
#define ANALYSIS_NEURONCOMPARE_H

#include "analysis/neuronmap.h"

enum { NEURON_HUBS = 100 };

struct neuron_share {
	int n;                  /* neurons with a first token in both */
	double same, control;   /* of 1 */
};

/* A map and the vocabulary its ids are of. */
struct neuron_names {
	const struct neuronmap *map;
	const struct vocab *vocab;
};

/* layers: [n_layers], all: over all of them.  ERR_MISMATCH when the models differ in
 * shape, ERR_USAGE when the maps are of different sites or variants. */
bool neuroncompare(struct neuron_names a, struct neuron_names b, struct neuron_share *layers, struct neuron_share *all,
    struct err *e) MUST_CHECK;

/* Share of neurons whose first token is among the NEURON_HUBS commonest. */
double neuroncompare_hubness(const struct neuronmap *map, int n_vocab);

#endif
