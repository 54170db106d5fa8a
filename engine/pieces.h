/*
 * pieces -- the vocabulary as the file has it, shared by the tokenizers, and the
 * list of ids they write.
 *
 * Shapes   raw, kind, score: [n]
 * Owns     the arrays; the bytes of raw[] belong to the file
 */
#ifndef ENGINE_PIECES_H
#define ENGINE_PIECES_H

#include <stddef.h>
#include <stdint.h>

#include "engine/gguf.h"
#include "engine/vocab.h"

struct pieces {
	int n;
	struct gguf_str *raw;
	uint8_t *kind;                  /* enum token_kind; NULL: all normal */
	float *score;                   /* NULL: none, all alike */
	int unk;                        /* -1: none */
	bool spaces_plain;              /* a space is a space, not U+2581 (llama2.c) */
	bool space_prefix;              /* SentencePiece: a text starts with a space */
};

#define SPM_SPACE "\xe2\x96\x81"        /* U+2581, SentencePiece's visible space */

/* The byte a piece like <0x0A> stands for, -1 when it is not of that form. */
int piece_byte(struct gguf_str s);
/* Whether merging may arrive at the piece: text that spells out a control token, the
 * unknown token or <0x0A> stays text. */
bool piece_is_text(const struct pieces *p, int id);
/* The letters of GPT-2's alphabet: every byte gets a printable character (bytes_to_unicode
 * in OpenAI's encoder.py).  Code point of a byte; byte of a code point or -1. */
uint32_t alphabet_char(unsigned char byte);
int alphabet_byte(uint32_t cp);

struct ids {
	int32_t *v;
	size_t n, room;
};

void ids_add(struct ids *ids, int32_t id);
/* Once more what stands at [at, at + n). */
void ids_repeat(struct ids *ids, size_t at, size_t n);

/* What the symbol `s` becomes when no piece has it: the unknown token, else an error that
 * names the byte. */
bool ids_add_unknown(struct ids *ids, const struct pieces *p, unsigned char byte, struct err *e) MUST_CHECK;

#endif
