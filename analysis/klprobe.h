/*
 * klprobe -- how far a model's predictions are from a base model's on one text:
 *      KL(base || other), nats a position
 *
 * The base is read once and its distributions are kept, so that a search can ask
 * about thousands of candidates at the cost of one pass each.  The text is cut to
 * what fits in KLPROBE_BYTES; a share of it can be asked for.
 *
 * Shapes   kept: [n][n_vocab] probabilities of the base
 * Owns     what is kept; models and pool are borrowed
 * Threads  one at a time
 */
#ifndef ANALYSIS_KLPROBE_H
#define ANALYSIS_KLPROBE_H

#include <stdatomic.h>

#include "analysis/reader.h"

#define KLPROBE_BYTES ((size_t)256 << 20)

struct klprobe;

struct klprobe_options {
	const struct model *base;
	const int32_t *tokens;
	size_t n, most;                 /* most: of them, at most (0: all) */
	int n_ctx;
	struct pool *pool;
	const atomic_bool *stop;        /* NULL: never */
};

/* Reads the base; ERR_INTERRUPTED when stopped. */
struct klprobe *klprobe_new(const struct klprobe_options *opt, struct err *e) MUST_CHECK;
void klprobe_free(struct klprobe *k);
size_t klprobe_positions(const struct klprobe *k);

/* Mean over the first `share` (0..1] of the positions. */
bool klprobe_ask(struct klprobe *k, const struct model *other, double share, double *kl, struct err *e) MUST_CHECK;

#endif
