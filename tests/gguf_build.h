/*
 * gguf_build -- GGUF bytes in memory, right or wrong on purpose.
 *
 * Values and tensors are appended in the order of the calls; gguf_build_bytes()
 * puts header, values, table, padding and data together.  Everything that is
 * written is a public field until then, so a test lies about a count by setting
 * it, and about anything else by the raw calls.
 *
 * Owns     its buffers, from gguf_build_init() to gguf_build_free()
 */
#ifndef TESTS_GGUF_BUILD_H
#define TESTS_GGUF_BUILD_H

#include "engine/base/buf.h"
#include "engine/dtype.h"
#include "engine/gguf.h"

struct gguf_build {
	char magic[5];
	uint32_t version;
	uint64_t n_tensors, n_values;   /* counted by the calls, written as they stand */
	size_t alignment;               /* of the data; the key is the test's business */
	struct buf values, table, data;
};

void gguf_build_init(struct gguf_build *b);
void gguf_build_free(struct gguf_build *b);
/* The whole file, appended to `out`. */
void gguf_build_bytes(const struct gguf_build *b, struct buf *out);

void gguf_build_u32(struct gguf_build *b, const char *key, uint32_t v);
void gguf_build_f32(struct gguf_build *b, const char *key, float v);
void gguf_build_bool(struct gguf_build *b, const char *key, bool v);
void gguf_build_str(struct gguf_build *b, const char *key, const char *s);
void gguf_build_strings(struct gguf_build *b, const char *key, const char *const *s, size_t n);
/* A numeric array: n elements in `bytes` bytes. */
void gguf_build_array(struct gguf_build *b, const char *key, enum gguf_type type, size_t n, const void *data, size_t bytes);
/* Any type number and any bytes after it. */
void gguf_build_value(struct gguf_build *b, const char *key, size_t n_key, uint32_t type, const void *data, size_t bytes);

/* The next tensor, with its bytes; its offset is where the data stands. */
void gguf_build_tensor(struct gguf_build *b, const char *name, enum dtype type, int n_dims, const uint64_t *ne,
    const void *data, size_t bytes);
/* Only a row of the table, with whatever numbers. */
void gguf_build_row(struct gguf_build *b, const char *name, size_t n_name, uint32_t n_dims, const uint64_t *ne,
    uint32_t type, uint64_t offset);

/* Little-endian numbers and length-prefixed strings, as the format has them. */
void gguf_build_put(struct buf *out, uint64_t v, size_t n_bytes);
void gguf_build_put_str(struct buf *out, const char *s, size_t n);
/* Where `text` stands for the first time in bytes already written, to spoil
 * what lies there or behind it; NULL if nowhere. */
char *gguf_build_find(const struct buf *in, const char *text);

#endif
