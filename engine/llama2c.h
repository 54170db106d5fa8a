/*
 * llama2c -- the .bin files of karpathy/llama2.c (version 0): seven int32 and
 * then float32 weights in a fixed order.
 *
 * The tensors come out under their GGUF names, so that weights_bind() and all
 * behind it know one kind of model.  The file's size must be exactly what the
 * header promises.
 *
 * Owns     the mapping and the directory
 */
#ifndef ENGINE_LLAMA2C_H
#define ENGINE_LLAMA2C_H

#include "engine/hparams.h"
#include "engine/tensor.h"

struct llama2c;

struct llama2c *llama2c_open(const char *path, struct err *e) MUST_CHECK;
/* The same over bytes in memory, which must stay. */
struct llama2c *llama2c_open_mem(const char *label, const void *data, size_t size, struct err *e) MUST_CHECK;
void llama2c_close(struct llama2c *b);
const struct hparams *llama2c_hparams(const struct llama2c *b);
const struct tensor_dir *llama2c_tensors(const struct llama2c *b);
size_t llama2c_size(const struct llama2c *b);

#endif
