/*
 * layers -- the weights of a model as the forward pass wants them.
 *
 * Matrices stay views into the file; a fused q/k/v matrix becomes three views
 * of its rows.  Vectors (norms, biases) are widened to f32 and aligned once:
 * together they are a thousandth of a model.
 */
#ifndef ENGINE_LAYERS_H
#define ENGINE_LAYERS_H

#include "engine/model.h"

struct layer {
	struct tensor q, k, v;
	const struct tensor *attn_out, *gate, *up, *down;
	const float *attn_norm, *attn_norm_b, *mlp_norm, *mlp_norm_b;
	const float *q_b, *k_b, *v_b, *attn_out_b, *up_b, *down_b;      /* NULL where there is none */
};

struct layers {
	struct layer *l;        /* [n_layers] */
	const float *final_norm, *final_norm_b;
	float *vectors;         /* what all of the above point into */
};

void layers_init(struct layers *ls, const struct model *m);
/* The same layer with the matrices of `row` ([N_WEIGHTS], NULL: its own). */
void layer_swap(struct layer *l, const struct tensor *const *row, const struct hparams *hp);
void layers_free(struct layers *ls);

#endif
