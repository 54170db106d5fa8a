/*
 * look -- one position seen again: what is too much to keep for every token.
 *
 * The position is recomputed from the cache, under the edits its step was made
 * under, and the cache is put back as it was: the run does not notice.  A position
 * of a line that was left is seen the same way, after what that line does not
 * share with the text of now has been read once more.  What was not asked for is
 * NULL.
 *
 * Shapes   as noted; n_layers, n_heads, ... are the model's
 * Owns     counted and immutable, like a step
 */
#ifndef ENGINE_LOOK_H
#define ENGINE_LOOK_H

#include <stdatomic.h>
#include <stdint.h>

#include "engine/edit.h"
#include "engine/kernels.h"

enum {
	LOOK_ATTENTION = 1,     /* rows of all heads of one layer */
	LOOK_NEURONS = 2,       /* site mlp of all layers */
	LOOK_LENS = 4,          /* the logit lens of all layers */
	LOOK_COMPARE = 8,       /* the next-token distribution with and without edits */
	LOOK_SITE = 16,         /* the values of one place */
	LOOK_NEURON = 32,       /* gate, up-projection and value of one neuron */
};

enum { LOOK_TOP = 5, LOOK_TRACK = 2 };

/* A position of a line that was left: its step, what it read, under which edits. */
struct look_past {
	int32_t step, token;
	uint32_t edits;
};

struct look_request {
	unsigned what;
	int pos;
	const struct look_past *past;   /* [pos + 1], the line that was left; NULL: the text of now */
	int n_prompt;           /* of that line */
	int step;               /* index of the step meant, -1: whatever stands at pos */
	int layer;              /* for LOOK_ATTENTION */
	struct address at;      /* for LOOK_SITE; for LOOK_NEURON: layer and index */
	int n_track;            /* for LOOK_COMPARE: tokens whose probability is wanted */
	int32_t track[LOOK_TRACK];
};

/* How far the look in work is, for whoever waits for it, and the way to call it off:
 * any thread may look at it and set `stop', which whoever asks for a look clears. */
struct look_watch {
	atomic_bool works, stop;
	_Atomic(float) done;    /* 0..1 */
};

struct look_candidate {
	int32_t id;
	float p;
};

/* mlp is what the down-projection reads: silu(gate) * up, or gelu(up) where the MLP has
 * no gate, which is then NAN. */
struct look_neuron {
	float gate, up, mlp;
};

/* What the LM head reads out of the residual stream behind a layer (nostalgebraist
 * 2020): final norm and head applied to resid_post. */
struct look_layer {
	struct look_candidate top[LOOK_TOP];
	struct softmax_stats softmax;   /* entropy = lse - mean, nats */
	float kl;               /* KL(final || this layer), nats */
};

struct look {
	atomic_int refs;
	struct look_request asked;
	int step;               /* index of the step it belongs to */
	uint32_t edits;         /* revision it was recomputed under */
	int n_layers, n_heads, d_ff, n_keys, n_site;
	float *attention;       /* [n_heads][n_keys] of layer asked.layer */
	float *neurons;         /* [n_layers][d_ff] */
	struct look_layer *lens;        /* [n_layers] */
	int settled;            /* first layer from which the likeliest token stays; n_layers: none */
	float jsd, kl;          /* edited against unedited, nats; NAN unless compared */
	int32_t best[2];        /* likeliest token with and without edits */
	float best_p[2];
	float tracked[LOOK_TRACK][2];   /* log-probabilities with and without edits, nats */
	float *site;            /* [n_site] */
	struct look_neuron neuron;      /* NAN unless asked for */
};

const struct look *look_ref(const struct look *k);
void look_unref(const struct look *k);

struct session;

/* False when the position has not been read, or its step is not the one meant (it
 * is on a branch that was left). */
bool session_look(struct session *s, const struct look_request *what, const struct look **out, struct err *e) MUST_CHECK;

#endif
