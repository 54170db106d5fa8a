/*
 * swap -- matrices that stand in for the model's own.
 *
 *      L3.ffn_up q4_0          one matrix, by its name in a GGUF file
 *      L*.ffn_up rtn bits=3    the same in every layer
 *      L3 q4_0, L* q4_0        all matrices of a layer, of all layers
 *      all q4_0                all matrices of the model
 *      output q4_0             one that belongs to no layer
 *
 * Who makes them stands on a floor above (a swap names its method and no more);
 * a swap that has not been made, or was read from a recording, has no matrices
 * and changes nothing.  What is swapped is whole matrices: vectors (norms,
 * biases) stay.
 *
 * Owns     counted; the matrices it was given.  Never changes once it is in an
 *          edit set
 */
#ifndef ENGINE_SWAP_H
#define ENGINE_SWAP_H

#include <stdatomic.h>

#include "engine/site.h"
#include "engine/weights.h"

enum { SWAP_METHOD = 96, SWAP_TEXT = 160 };
enum { SWAP_EVERYTHING = -3 };  /* in the place of a layer: the whole model */

struct swap_piece {
	int layer;              /* NO_LAYER for what belongs to the model */
	enum weight which;
	struct tensor t;        /* data: the swap's */
	double change, before;  /* ||W' - W||, ||W|| */
};

struct swap {
	atomic_int refs;
	int layer;              /* of the target; EVERY_LAYER, NO_LAYER, SWAP_EVERYTHING */
	enum weight which;      /* WEIGHT_ALL: every matrix there */
	char method[SWAP_METHOD];       /* as it was typed, blanks made single */
	struct swap_piece *piece;       /* [n] */
	int n;
	size_t bytes;           /* of all matrices */
	double n_weights, bits; /* that they stand for; stored bits, scales and all */
};

/* The target and the method; the method's words are not looked at.  Moves *text
 * behind them: to the end, or to ` in SCOPE'. */
struct swap *swap_parse(const char **text, const struct hparams *hp, struct err *e) MUST_CHECK;
const char *swap_format(const struct swap *s, char out[SWAP_TEXT]);
/* "L3.ffn_up", "L3", "all" */
const char *swap_target(const struct swap *s, char out[64]);

/* One with the same words and no matrices. */
struct swap *swap_like(const struct swap *s);
/* True when `which` of a layer (NO_LAYER) is meant. */
bool swap_means(const struct swap *s, int layer, enum weight which);
/* Takes the tensor's data (from mem_big) over, also when nothing else is done. */
void swap_add(struct swap *s, const struct swap_piece *piece, double bits);

const struct swap *swap_ref(const struct swap *s);
void swap_unref(const struct swap *s);

/* Bytes of all matrices of all swaps of the process: what bounds them. */
size_t swap_bytes_held(void);

#endif
