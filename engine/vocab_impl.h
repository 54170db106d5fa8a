/* vocab_impl -- the inside of a vocab, for vocab.c and vocab_read.c alone. */
#ifndef ENGINE_VOCAB_IMPL_H
#define ENGINE_VOCAB_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/base/mapfile.h"
#include "engine/pieces.h"
#include "engine/pretok.h"

/* The bytes every token prints, built at the first question. */
struct printed {
	char *bytes;
	uint32_t *at;                   /* [n + 1] */
};

/* What encoding needs, built at the first text.  One of spm and bpe is set. */
struct coder {
	struct tok_spm *spm;
	struct tok_bpe *bpe;
	struct special *special;
	struct gguf_str *merges;
	struct err err;                 /* why there is no tokenizer */
};

struct vocab {
	struct pieces p;
	const struct pretok_row *row;   /* NULL: SentencePiece */
	const struct gguf *file;        /* NULL: llama2.c */
	struct mapfile map;             /* llama2.c */
	bool *end;                      /* [n] ends a generation */
	int bos, eos;
	bool add_bos;
	bool strip_after;               /* Phi-3: special tokens swallow the spaces behind them */
	char describe[96];

	pthread_mutex_t lock;           /* whoever builds one of these holds it */
	_Atomic(struct printed *) printed;
	_Atomic(struct coder *) coder;
};

/* Zeroed but for the lock and ids of -1. */
struct vocab *vocab_new(void);

#endif
