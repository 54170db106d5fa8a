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

/* Every row of weights.def. */
enum weight {
#define GLOBAL(field, name, rows, cols, need) WEIGHT_##field,
#define LAYER(field, name, rows, cols, need)  WEIGHT_##field,
#include "engine/weights.def"
	N_WEIGHTS,
	WEIGHT_ALL = -1,
};

struct weight_def {
	const char *field, *name;       /* "up", "ffn_up.weight" */
	bool layered;
};
extern const struct weight_def weight_defs[N_WEIGHTS];

/* `layer` counts for what belongs to one.  NULL where the model has none. */
const struct tensor *weights_get(const struct weights *w, int layer, enum weight which);

bool weights_bind(struct weights *w, const struct tensor_dir *dir, const struct hparams *hp, struct err *e) MUST_CHECK;
void weights_free(struct weights *w);

#endif
