/*
 * vocab -- token ids and their pieces.
 *
 * Built in one pass over views into the model file; the map from bytes to id is
 * built at the first lookup, so a program that only prints pieces never pays
 * for it.  For a byte-level vocabulary ("gpt2") pieces are stored in the file
 * in the printable alphabet of GPT-2; vocab_bytes() gives the real bytes.
 *
 * Owns     its tables; piece bytes belong to the file (or to the vocab, decoded)
 * Threads  immutable after vocab_read(); the lazy map is guarded by pthread_once
 *          or the like
 */
#ifndef ENGINE_VOCAB_H
#define ENGINE_VOCAB_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

struct gguf;
struct vocab;

enum token_kind {               /* tokenizer.ggml.token_type */
	TOKEN_NORMAL = 1, TOKEN_UNKNOWN = 2, TOKEN_CONTROL = 3,
	TOKEN_USER = 4, TOKEN_UNUSED = 5, TOKEN_BYTE = 6,
};

/* `n_expected` is the number of embedding rows, 0 for a vocabulary-only file.
 * The gguf must stay open as long as the vocab lives. */
struct vocab *vocab_from_gguf(const struct gguf *g, int n_expected, struct err *e) MUST_CHECK;
/* llama2.c's tokenizer.bin: n_vocab records of (score f32, length i32, bytes). */
struct vocab *vocab_from_llama2c(const char *path, int n_vocab, struct err *e) MUST_CHECK;
void vocab_free(struct vocab *v);

int vocab_size(const struct vocab *v);
/* The bytes a token stands for when it is printed: "\n" for <0x0A>, " dog" for
 * the SentencePiece piece; control tokens give their name ("<s>").  *n = length. */
const char *vocab_bytes(const struct vocab *v, int id, size_t *n);
/* As stored in the file, for inspect. */
const char *vocab_raw(const struct vocab *v, int id, size_t *n);
enum token_kind vocab_kind(const struct vocab *v, int id);
/* Special ids, -1 where the model has none. */
int vocab_bos(const struct vocab *v);
int vocab_eos(const struct vocab *v);
/* End of generation: eos, end-of-turn (<|eot_id|>, <|im_end|>, <end_of_turn>) and the like. */
bool vocab_is_end(const struct vocab *v, int id);
/* What the file says; the command line's --no-bos overrides. */
bool vocab_add_bos(const struct vocab *v);
/* "SentencePiece BPE", "byte-level BPE (llama-bpe)": for inspect and the status line. */
const char *vocab_describe(const struct vocab *v);

/* Tokenize.  Special tokens written out in the text ("<|im_start|>") become
 * their ids when `special` is true, else they are text; user-defined tokens
 * always do.  BOS is put in front when add_bos and the model has one.  *out is
 * allocated (free(), never NULL on success), *n_out its length.  The first call
 * builds the maps; merges that are malformed are told here, ERR_FILE. */
bool vocab_encode(const struct vocab *v, const char *text, size_t n, bool add_bos, bool special,
    int32_t **out, size_t *n_out, struct err *e) MUST_CHECK;
/* The same with special tokens on, but not inside the spans (in the order of the
 * text): what a user typed between the marks of a chat cannot end its turn. */
struct vocab_span { size_t at, n; };
bool vocab_encode_spans(const struct vocab *v, const char *text, size_t n, bool add_bos,
    const struct vocab_span *plain, size_t n_plain, int32_t **out, size_t *n_out, struct err *e) MUST_CHECK;
/* The id whose printed bytes are exactly these, or -1. */
int vocab_find(const struct vocab *v, const char *bytes, size_t n);

#endif
