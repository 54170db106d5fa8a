/*
 * tok_bpe -- byte-level BPE: the text is cut by the pre-tokenizer, the bytes of
 * each piece become their letters of GPT-2's alphabet, and the neighbours whose
 * merge stands first in the file merge first (Sennrich et al. 2016, Radford et
 * al. 2019).
 *
 * Bytes that are not UTF-8 are encoded through the alphabet like all others, so
 * the ids of any text give back exactly that text.  Rows flagged PRETOK_SPM
 * start from characters instead of bytes, with U+2581 for a space and <0xNN>
 * for what has no piece.
 *
 * A merge of pieces the vocabulary does not have, or into one it does not have,
 * is ignored: no text could come to it; so is one into a control token, which
 * text must not be able to spell.  A merge that is not two pieces with
 * one space between them is an error, the file is not what it says.
 *
 * Owns     the maps and the compiled pre-tokenizer
 * Threads  immutable after tok_bpe_new()
 */
#ifndef ENGINE_TOK_BPE_H
#define ENGINE_TOK_BPE_H

#include "engine/pieces.h"
#include "engine/pretok.h"

struct tok_bpe;

/* `p` and the bytes of the merges must outlive the tokenizer. */
struct tok_bpe *tok_bpe_new(const struct pieces *p, const struct pretok_row *row, const struct gguf_str *merges,
    size_t n_merges, struct err *e) MUST_CHECK;
void tok_bpe_free(struct tok_bpe *t);

bool tok_bpe_encode(const struct tok_bpe *t, const char *text, size_t n, struct ids *out, struct err *e) MUST_CHECK;
/* The id whose piece stands for exactly these bytes, or is written exactly so; -1 if none. */
int tok_bpe_find(const struct tok_bpe *t, const char *bytes, size_t n);

#endif
