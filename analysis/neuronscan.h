/*
 * neuronscan -- many neurons against the whole vocabulary: the ten best tokens of
 * each, exactly, at the speed of 8-bit products.
 *
 * A neuron w and a head row h are held as w = w1 + w2 + w3 and h = h1 + h2 + h3:
 * two layers of 8 bits and what is left (neuron_kernels.h).  Three looks, each
 * at what the one before could not exclude:
 *
 *      1  w1.h1 for all pairs, in integers.  By Cauchy and Schwarz
 *            |w.h - w1.h1| <= |w - w1| |h| + |w1| |h - h1|
 *      2  w1.h1 + w1.h2 + w2.h1 for pairs that 1 lets through.
 *            |w.h - that|  <= |w3| |h| + |w1 + w2| |h3| + |w2| |h2|
 *      3  w.h in double for pairs that 2 lets through at the end.
 *
 * A pair is let through unless its upper bound is below the tenth best lower
 * bound found so far for its neuron: ten tokens are then certainly better.  The
 * lengths are measured on the vectors themselves, and enlarged by more than float
 * arithmetic can lose.  So the result is the exact one, whatever the data: only
 * the time depends on it.  When all tokens of a neuron come too close, all of
 * them reach look 3.  Vectors near the ends of float skip looks 1 and 2.
 *
 * The head passes in pieces of some MB that are widened and rounded once for
 * thousands of neurons; scores are never stored.  A neuron belongs to one task at
 * a time and sees the pieces in order, so results do not depend on threads.
 * `prob` is the one figure that is not exact: its denominator is summed from
 * w1.h1, and from look 2 for the pairs that reached it.  For neurons whose logits
 * spread over a few units it is good to some 1e-5 of itself (a test says 1e-3);
 * neuron_read() has it exactly.
 *
 * Threads  the calling thread and the pool's workers
 */
#ifndef ANALYSIS_NEURONSCAN_H
#define ANALYSIS_NEURONSCAN_H

#include "analysis/neuron.h"

enum { NEURON_LABELS = 10 };

/* By falling logit.  Ids -1 where the vocabulary is smaller, or the vector is not finite. */
struct neuron_labels {
	int32_t id[NEURON_LABELS];
	float logit[NEURON_LABELS], prob[NEURON_LABELS], cosine[NEURON_LABELS];
};

/* Neurons [first, first + n) of a site, counted through all layers: layer l
 * begins at l * d_ff. */
struct neuronscan {
	const struct model *m;
	struct pool *pool;
	enum neuron_site site;
	enum neuron_variant variant;
	size_t first, n;
	/* Asked between pieces, with the share done; false stops.  May be NULL. */
	bool (*go_on)(void *to, double done);
	void *to;
};

/* What it did, for the benchmark. */
struct neuronscan_counts {
	uint64_t pairs, looked_twice, exact;
	double round_s, scan_s, rank_s;
};

/* How many neurons make good use of the machine at a time; memory goes with it
 * (some 40 MB for d_model 4096). */
size_t neuronscan_block(const struct model *m);
/* out[n].  ERR_INTERRUPTED when go_on said so.  `counts` may be NULL; it is added to. */
bool neuronscan_run(const struct neuronscan *s, struct neuron_labels *out, struct neuronscan_counts *counts,
    struct err *e) MUST_CHECK;

#endif
