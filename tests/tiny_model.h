/*
 * tiny_model -- a whole small model from a seed.
 *
 * Every row of archs.def, every dtype, grouped queries, tied head or not: the
 * tensors come from weights.def, so a new family needs nothing here.  Matrices
 * have a standard deviation that keeps the residual stream near 1; types that
 * we cannot write (K-quants) get random valid blocks of the same deviation.
 * The vocabulary is real enough to tokenize English: bytes, letters and some
 * merges, SentencePiece for "llama", byte-level for the others.  Same spec,
 * same bytes.
 */
#ifndef TESTS_TINY_MODEL_H
#define TESTS_TINY_MODEL_H

#include "engine/base/buf.h"
#include "engine/model.h"
#include "tests/gguf_build.h"

struct tiny_spec {
	const char *arch;
	int n_layers, d_model, n_heads, n_kv_heads, d_ff, n_ctx;
	enum dtype type;        /* of matrices; vectors and positions are F32 */
	bool own_head;          /* an output.weight beside token_embd.weight */
	bool rope_freqs;        /* a rope_freqs.weight, as Llama 3 has */
	float rope_scale;       /* linear scaling, 0 or 1: none */
	const char *chat;       /* tokenizer.chat_template, NULL: none */
	uint64_t seed;
};

enum { TINY_VOCAB = 320 };      /* tokens of every tiny model */

/* 2 layers, d_model 64, 4 heads in 2 groups, d_ff 96, context 128; 256 wide
 * when the type has blocks of 256.  Change what the test is about. */
struct tiny_spec tiny_spec(const char *arch, enum dtype type);

/* The parts, for tests that spoil one of them. */
void tiny_hparams(struct gguf_build *b, const struct tiny_spec *s);
void tiny_vocab(struct gguf_build *b, const struct tiny_spec *s);
void tiny_tensors(struct gguf_build *b, const struct tiny_spec *s);
/* All of it, as the bytes of a GGUF file appended to `out`. */
void tiny_bytes(const struct tiny_spec *s, struct buf *out);

/* A model over bytes that live as long as it does. */
struct tiny {
	struct buf bytes;
	struct model *model;
};
/* False when the model does not open, with `e` filled. */
bool tiny_open(struct tiny *t, const struct tiny_spec *s, struct err *e) MUST_CHECK;
void tiny_close(struct tiny *t);

/* The bytes in a new file of the temporary directory.  The caller unlinks and
 * frees the path; NULL when it cannot be written.  `suffix`: ".gguf". */
char *tiny_temp_file(const void *data, size_t n, const char *suffix);
char *tiny_temp_model(const struct tiny_spec *s);

#endif
