/*
 * model -- a mapped file with its hyper-parameters, weights and vocabulary.
 *
 * Immutable after model_open() and shared freely between threads.  Weights stay
 * in their stored type inside the mapping; nothing is repacked.
 *
 * Owns     the mapping and all that views it, from model_open() to model_close()
 */
#ifndef ENGINE_MODEL_H
#define ENGINE_MODEL_H

#include <stdint.h>

#include "engine/hparams.h"
#include "engine/vocab.h"
#include "engine/weights.h"

struct gguf;
struct llama2c;

struct model {
	struct hparams hp;
	struct weights w;
	struct vocab *vocab;
	const struct tensor_dir *dir;
	struct gguf *gguf;              /* one of the two is NULL */
	struct llama2c *bin;
	char *path;
	char *name;                     /* general.name, or the file's name */
	size_t file_bytes;
	bool in_memory;                 /* `path` is a label, not a file */
};

/* GGUF or llama2.c, told apart by their first bytes.  `tokenizer` names the
 * tokenizer.bin of a llama2.c model (NULL: tokenizer.bin or tok*.bin beside it);
 * a GGUF file brings its own. */
struct model *model_open(const char *path, const char *tokenizer, struct err *e) MUST_CHECK;
/* A GGUF model that lies in memory (tests, fuzzing, the built-in one); the bytes
 * must outlive the model. */
struct model *model_open_mem(const char *label, const void *data, size_t size, struct err *e) MUST_CHECK;
void model_close(struct model *m);

/* Matrix bytes read to decode one token: all weights once, one embedding row. */
size_t model_bytes_per_token(const struct model *m);
/* Number of weights. */
uint64_t model_n_params(const struct model *m);

#endif
