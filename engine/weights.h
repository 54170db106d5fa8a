/*
 * weights -- the tensors of a model by their place in the forward pass.
 *
 * weights.def has a row per tensor: field, name in the file, rows, columns, and
 * whether this model needs it.  weights_bind() checks presence, shape and type
 * against the hyper-parameters; inside, shapes are trusted.
 *
 * Owns     the array of layers; tensors are views into the file
 */
#ifndef ENGINE_WEIGHTS_H
#define ENGINE_WEIGHTS_H

#include "engine/hparams.h"
#include "engine/tensor.h"

struct layer_weights {
#define GLOBAL(field, name, rows, cols, need)
#define LAYER(field, name, rows, cols, need) const struct tensor *field;
#include "engine/weights.def"
};

struct weights {
#define GLOBAL(field, name, rows, cols, need) const struct tensor *field;
#define LAYER(field, name, rows, cols, need)
#include "engine/weights.def"
	struct layer_weights *layers;   /* [n_layers] */
	bool tied_head;                 /* lm_head is tok_embd */
};

bool weights_bind(struct weights *w, const struct tensor_dir *dir, const struct hparams *hp, struct err *e) MUST_CHECK;
void weights_free(struct weights *w);

#endif
