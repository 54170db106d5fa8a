/*
 * lockstep -- two models of one shape read the same tokens, and where they come
 * apart.
 *
 *      drift     |b - a| / |a| of the residual streams behind a layer
 *      cosine    between them
 *      entropy   mean over heads of |H_b - H_a| of the attention rows, nats
 *      kl        KL(a || b) of the next-token distributions, nats
 *
 * The base is a.  The models take turns, a piece of the text each, so that only
 * one piece of one residual stream is kept; the context starts anew whenever it
 * is full.  A model with itself is exactly zero everywhere.
 *
 * Shapes   layers: [n_layers]; tokens: [n]; drift, cosine, entropy: [n][n_layers]
 * Owns     its arrays, to lockstep_free()
 * Threads  one at a time; the pool works inside the passes
 */
#ifndef ANALYSIS_LOCKSTEP_H
#define ANALYSIS_LOCKSTEP_H

#include <stdatomic.h>

#include "analysis/reader.h"

struct lockstep_layer {
	double drift;           /* over all positions: sqrt(sum |b - a|^2 / sum |a|^2) */
	double worst;           /* of a single position */
	int worst_at;
	double cosine;          /* mean over positions */
	double entropy;         /* mean over positions and heads */
};

struct lockstep_token {
	double kl, jsd;
	double nll[2];          /* -ln p of the token that follows; NAN for the last of a context */
	int32_t best[2];        /* likeliest next token */
};

struct lockstep {
	int n_layers;
	size_t n;
	struct lockstep_layer *layers;
	struct lockstep_token *tokens;
	float *drift, *cosine, *entropy;        /* [n][n_layers]: of a position behind a layer */
	/* The first position, and in it the first layer, whose drift is above the
	 * threshold; -1: none. */
	long first_token;
	int first_layer;
	/* Over all positions: */
	double kl, kl_max, jsd, agreement, perplexity[2];
	size_t n_predicted;     /* positions behind the perplexities */
};

struct lockstep_options {
	const struct model *base, *other;
	const struct edit_set *edits;   /* under which the other reads; NULL: none */
	int n_prompt;                   /* positions that were given, for the scope of edits */
	const int32_t *tokens;
	size_t n;
	int n_ctx;
	bool exact;
	double threshold;
	struct pool *pool;
	const atomic_bool *stop;        /* NULL: never */
	void (*progress)(void *to, size_t done, size_t of);
	void *to;
};

/* ERR_UNSUPPORTED when the shapes differ; says which number. */
bool lockstep_run(struct lockstep *k, const struct lockstep_options *opt, struct err *e) MUST_CHECK;
void lockstep_free(struct lockstep *k);

/* The first position, and in it the first layer, whose drift is above the threshold. */
void lockstep_first(struct lockstep *k, double threshold);

/*
 * The same for a text that grows: caches stay between the pieces, nothing is read
 * twice.  `tokens` of the options is not looked at, `n` is how many there may be.
 */
struct lockstepper;

struct lockstepper *lockstepper_new(const struct lockstep_options *opt, struct err *e) MUST_CHECK;
void lockstepper_free(struct lockstepper *s);
/* n more tokens behind those that were read.  ERR_INTERRUPTED: some of them were. */
bool lockstepper_read(struct lockstepper *s, const int32_t *tokens, size_t n, struct err *e) MUST_CHECK;
/* All positions so far; good until the next call. */
const struct lockstep *lockstepper_result(struct lockstepper *s);
/* Brings `to` (zeros at first; it owns its arrays, of `room` positions) up to `k`,
 * whose first to->n positions it has already. */
bool lockstep_update(struct lockstep *to, const struct lockstep *k, size_t room, struct err *e) MUST_CHECK;

#endif
