/*
 * neuronfind -- from a word to the neurons that name it.
 *
 * Tokens are compared folded: letters in lower case and one space in front
 * dropped, so that " dog", "dog" and " Dog" are one word.  A neuron is found when
 * a token of the word is among its ten; neurons are ranked by the probability
 * they give it (the paper's strength).
 *
 * Threads  any; nothing is kept
 */
#ifndef ANALYSIS_NEURONFIND_H
#define ANALYSIS_NEURONFIND_H

#include "analysis/neuronmap.h"

/* Appends the folded form. */
void neuronfind_fold(const char *s, size_t n, struct buf *out);

/* The tokens that a text names, or those nearest to it in spelling. */
struct neuronfind_tokens {
	bool found;             /* false: they are only near */
	int n;
	int32_t id[64];         /* found: by id; near: nearest first, at most 5 */
};
void neuronfind_tokens(const struct vocab *v, const char *text, size_t n, struct neuronfind_tokens *out);

struct neuronfind_hit {
	int layer, index;
	int rank;               /* of the token in the neuron's list, from 0 */
	int32_t id;
	float logit, prob, cosine;
};

/* All neurons that name one of the tokens, by falling probability; *out is
 * allocated (free()). */
size_t neuronfind(const struct neuronmap *map, const struct neuronfind_tokens *t, struct neuronfind_hit **out);

#endif
