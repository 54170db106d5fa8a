/*
 * rope -- rotary position embedding (Su et al. 2021): turns pairs of channels of
 * a query or key by an angle that grows with the position.
 *
 * angle(pos, i) = pos / scale * base^(-2i / n_rot) / factor[i]
 *
 * factor is the rope_freqs tensor of Llama 3.1 and later, or all ones.  Angles
 * are computed in double, once a pass, and serve all layers.
 */
#ifndef ENGINE_ROPE_H
#define ENGINE_ROPE_H

#include "engine/hparams.h"
#include "engine/tensor.h"

struct rope {
	enum rope_kind kind;
	int n_rot, max_m;
	double *freq;           /* [n_rot / 2] */
	float *cos, *sin;       /* [max_m][n_rot / 2] */
};

/* factors may be NULL. */
void rope_init(struct rope *r, const struct hparams *hp, const struct tensor *factors, int max_m);
void rope_free(struct rope *r);
/* Angles of positions pos0 .. pos0 + m - 1. */
void rope_set(struct rope *r, int pos0, int m);
/* Turns x, [n_heads][d_head], as position number j of those set. */
void rope_apply(const struct rope *r, int j, float *x, int n_heads, int d_head);

#endif
