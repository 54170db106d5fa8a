/*
 * neuronscan_impl -- a scan on its way, for the two files that do it: neuronscan.c
 * rounds and multiplies, neuronscan_rank.c keeps and ranks candidates.
 */
#ifndef ANALYSIS_NEURONSCAN_IMPL_H
#define ANALYSIS_NEURONSCAN_IMPL_H

#include <math.h>

#include "analysis/neuronscan.h"
#include "engine/neuron_kernels.h"

enum {
	GROUP = 96,                     /* neurons of one task: they stay in the second cache */
	LIST = 64,                      /* candidates of a neuron before they are ranked */
};

/* More than float and double arithmetic lose around a bound: a share of the bound,
 * and a share of |w| |h|. */
#define SLACK  1.001
#define LOSSES 0x1p-20

#define LOG2_E 1.4426950408889634
#define LN_2   0.6931471805599453

struct candidate {
	int32_t id;
	bool exact;
	double lo, hi;                  /* both the logit when exact */
	double len;                     /* |h|, when exact */
};

struct neuron {
	struct nk_round r;
	int32_t sums[2];                /* of q1 and q2 */
	double low[NEURON_LABELS];      /* the best lower bounds, falling */
	int n_low, n_list;
	struct candidate list[LIST];
	double sum, ref;                /* sum 2^(logit log2 e - ref) so far */
};

/* 64 head rows of a piece. */
struct tile {
	struct nk_tile t;
	struct nk_round r[NK_TOKENS];
	bool left_out[NK_TOKENS];
	const uint8_t *q1, *q2;         /* [NK_TOKENS][pad], 128 added */
};

struct scan {
	const struct neuronscan *s;
	const struct neuron_kernels *nk;
	const struct tensor *head;
	size_t d, pad, stride;          /* d_model, padded; of neurons, off the powers of two */
	size_t n_groups;
	size_t piece_first, piece_tiles, room_tiles;
	uint8_t *panel, *q1, *q2;       /* [room_tiles][NK_TOKENS][pad] */
	struct tile *tile;              /* [room_tiles] */
	int8_t *w1, *w2;                /* [n_groups * GROUP][stride] */
	struct neuron *neuron;
	float *wide;                    /* [workers][GROUP + 1][d] */
	uint64_t *looked_twice, *exact; /* [workers] */
	struct neuron_labels *out;
};

/* GROUP vectors and one more, of one worker. */
static inline float *wide_of(const struct scan *c, int worker)
{
	return c->wide + (size_t)worker * (GROUP + 1) * c->d;
}

/* The tenth best lower bound: what is below it is out. */
static inline double floor_of(const struct neuron *u)
{
	return u->n_low < NEURON_LABELS ? -INFINITY : u->low[NEURON_LABELS - 1];
}

/* Vectors [from, from + n) of the job, n at most GROUP, across layers. */
void neuronscan_vectors(const struct scan *c, size_t from, size_t n, float *out);
/* A logit joins the sum of powers, or leaves it: `sign` is 1 or -1. */
void neuronscan_add_power(struct neuron *u, double logit, double sign);
/* Look 2, or look 3 where a head row cannot be rounded: token `id`, row v of the tile. */
void neuronscan_look(struct scan *c, size_t j, const struct tile *t, size_t v, int32_t id, int32_t dot, int worker);
/* Look 3 for all that are left. */
void neuronscan_label(struct scan *c, struct neuron *u, const float *w, struct neuron_labels *out, int worker);

#endif
