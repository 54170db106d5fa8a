/*
 * tok_spm -- SentencePiece BPE: of all neighbours that form a piece, the pair
 * with the best score merges first (Kudo and Richardson 2018, as llama.cpp and
 * llama2.c run it on their files).
 *
 * Spaces are written as U+2581.  A character without a piece falls back to the
 * byte tokens <0xNN>, and where those are missing to the unknown token.  The
 * text is cut in front of a U+2581 wherever no piece reaches across, which
 * changes nothing in the result and keeps the heap as small as a word.
 *
 * Owns     the map from bytes to id
 * Threads  immutable after tok_spm_new()
 */
#ifndef ENGINE_TOK_SPM_H
#define ENGINE_TOK_SPM_H

#include "engine/pieces.h"

struct tok_spm;

/* `p` must outlive the tokenizer. */
struct tok_spm *tok_spm_new(const struct pieces *p);
void tok_spm_free(struct tok_spm *t);

/* Appends the ids of a text; `prefix` puts a space in front of it. */
bool tok_spm_encode(const struct tok_spm *t, const char *text, size_t n, bool prefix, struct ids *out,
    struct err *e) MUST_CHECK;
/* The id of the piece with exactly these bytes, spaces as the file writes them; -1 if none. */
int tok_spm_find(const struct tok_spm *t, const char *bytes, size_t n);

#endif
