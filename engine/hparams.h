/*
 * hparams -- the shape of a model, read once and validated once.
 *
 * After hparams_check() has said yes: every count is at least 1, d_model is
 * n_heads * d_head for the families we run, n_heads is a multiple of
 * n_kv_heads, n_rot is even and at most d_head (0 where the family has no
 * RoPE), epsilon, base and scale are finite and positive.  n_layers times any
 * width fits in an int; what involves two widths, n_vocab or a context is a
 * size_t product.  Code behind it trusts that.
 *
 * Limits   1,024 layers, d_model 65,536, d_ff and n_vocab 2^20, n_ctx_train 2^24
 */
#ifndef ENGINE_HPARAMS_H
#define ENGINE_HPARAMS_H

#include "engine/arch.h"
#include "engine/base/err.h"

struct gguf;

struct hparams {
	const struct arch *arch;
	int n_layers, d_model, n_heads, n_kv_heads, d_head, d_ff, n_vocab;
	int n_ctx_train;        /* context the model was trained for */
	int n_rot;              /* channels of a head that RoPE turns */
	float norm_eps;
	float rope_base;
	float rope_scale;       /* positions are divided by it (linear scaling); 1 = none */
};

bool hparams_read(struct hparams *hp, const struct gguf *g, struct err *e) MUST_CHECK;
/* Called by every loader; names the field, what was expected and what was found. */
bool hparams_check(const struct hparams *hp, struct err *e) MUST_CHECK;

#endif
