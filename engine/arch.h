/*
 * arch -- what one family of models does differently, as a row of traits.
 *
 * One forward pass serves all rows of archs.def; it asks the traits, never the
 * name.  To add a family: a row in archs.def (and a trait, if it needs one that
 * nobody had).
 */
#ifndef ENGINE_ARCH_H
#define ENGINE_ARCH_H

#include <stdbool.h>
#include <stddef.h>

enum norm_kind { NORM_RMS, NORM_LAYER };
enum rope_kind {
	ROPE_NONE,
	ROPE_PAIRS,             /* rotates channels (2i, 2i+1): Llama as stored in GGUF */
	ROPE_HALVES,            /* rotates channels (i, i + n_rot/2): NeoX, Qwen2 */
};
enum mlp_kind {
	MLP_GATED_SILU,         /* down(silu(gate x) * up x) */
	MLP_PLAIN_GELU,         /* down(gelu(up x)), tanh form */
};

struct arch {
	const char *name;       /* general.architecture */
	const char *doc;        /* who uses it */
	enum norm_kind norm;
	enum rope_kind rope;
	enum mlp_kind mlp;
	bool pos_embd;          /* learned position vectors are added to the embedding */
	bool fused_qkv;         /* one attn_qkv tensor instead of three */
	bool qkv_bias;          /* attn_q.bias and its two companions are required */
	bool all_bias;          /* every matrix and norm of a layer has a bias */
};

extern const struct arch archs[];
extern const size_t n_archs;

/* `name` need not be terminated.  NULL when there is no such row. */
const struct arch *arch_find(const char *name, size_t n);

#endif
