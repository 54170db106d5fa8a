/*
 * awrs_draw -- adaptive weighted rejection sampling: a token from p restricted to
 * what a test accepts, without testing all of them, and an unbiased estimate of the
 * probability that it accepts (Lipkin et al. 2025).
 *
 * Tokens are drawn from p and tested; a rejected one is not drawn again.  The first
 * that is accepted is the sample.  The weight comes in two forms:
 *
 *   recursive   each rejection multiplies it by 1 - q, q the token's share of what
 *               was left; after the acceptance the next token is tested too: if it
 *               is rejected, the weight is multiplied by the q of the accepted one.
 *   geometric   drawing goes on, the accepted put back, until `accepts` are found; each
 *               draw is preceded by as many phantom rejections as drawing with the
 *               rejected put back would have had, a geometric number.  With a
 *               accepted and r rejected, w = (accepts - 1) / (a + r - 1).
 *
 * The second is cheaper where one token has most of the probability.
 */
#ifndef ENGINE_SAMPLERS_AWRS_DRAW_H
#define ENGINE_SAMPLERS_AWRS_DRAW_H

#include <stdbool.h>
#include <stddef.h>

enum { AWRS_BLOCK = 256 };

struct awrs {
	/* The tokens that may still be drawn, their probabilities in sums of blocks. */
	float *p;               /* [n]; 0 once rejected */
	double *block;          /* [awrs_blocks(n)] */
	size_t n;
	bool (*accept)(void *of, size_t i);
	double (*uniform)(void *of);    /* the next number in [0, 1) */
	void *of;
	/* Outcome. */
	double log_weight;      /* -INFINITY when nothing was accepted */
	size_t n_tests;
};

static inline size_t awrs_blocks(size_t n)
{
	return (n + AWRS_BLOCK - 1) / AWRS_BLOCK;
}

enum { AWRS_NONE = -1 };

/* Both: p is filled (its sum may be anything positive) and is used up.  The token,
 * or AWRS_NONE. */
long awrs_recursive(struct awrs *a);
long awrs_geometric(struct awrs *a, int accepts);

#endif
