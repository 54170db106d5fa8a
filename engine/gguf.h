/*
 * gguf -- a model file of version 2 or 3, mapped read-only and never trusted.
 *
 * gguf_open() walks metadata and tensor table once with a checked cursor: every
 * count is compared with the bytes that are left before anything is allocated,
 * every offset and size with the size of the file.  After it has succeeded the
 * directory holds only tensors whose bytes exist, and every metadata value can
 * be read without a check.  Rejected with one line that names offset, field,
 * expected and found: ERR_FILE, or ERR_UNSUPPORTED for what is valid but not
 * ours (a tensor type, a split file, version 1).
 *
 * Keys and tensor names are printable ASCII, so they may be shown as they are.
 * The tensors lie one behind the other in the order of the table, without holes,
 * as the writers of the format have it; only what follows the last is tolerated.
 *
 * Limits   65,536 keys and tensors, keys 65,535 bytes, names 63, strings 16 MiB,
 *          arrays 2^24 elements, alignment a power of two up to 65,536
 * Owns     the mapping and the directory, from gguf_open() to gguf_close()
 * Threads  immutable after open
 */
#ifndef ENGINE_GGUF_H
#define ENGINE_GGUF_H

#include <stdint.h>

#include "engine/tensor.h"

enum gguf_type {
	GGUF_U8, GGUF_I8, GGUF_U16, GGUF_I16, GGUF_U32, GGUF_I32, GGUF_F32, GGUF_BOOL,
	GGUF_STR, GGUF_ARR, GGUF_U64, GGUF_I64, GGUF_F64, N_GGUF_TYPES
};

struct gguf_value {
	const char *key;                /* NUL-terminated copy */
	enum gguf_type type;            /* of the value, or of the elements of an array */
	bool is_array;
	uint64_t n;                     /* elements of an array, bytes of a string, else 1 */
	const unsigned char *data;      /* in the file; strings of an array: see gguf_strings */
	size_t offset;                  /* of `data` in the file, for messages */
};

struct gguf;

struct gguf *gguf_open(const char *path, struct err *e) MUST_CHECK;
/* The same over bytes in memory (fuzzing, the built-in model), which must stay. */
struct gguf *gguf_open_mem(const char *label, const void *data, size_t size, struct err *e) MUST_CHECK;
void gguf_close(struct gguf *g);

const char *gguf_path(const struct gguf *g);
int gguf_version(const struct gguf *g);
size_t gguf_size(const struct gguf *g);         /* bytes of the file */
size_t gguf_trailing(const struct gguf *g);     /* bytes behind the last tensor: worth a warning */
const struct tensor_dir *gguf_tensors(const struct gguf *g);
size_t gguf_n_values(const struct gguf *g);
const struct gguf_value *gguf_value_at(const struct gguf *g, size_t i);
const struct gguf_value *gguf_find(const struct gguf *g, const char *key);      /* NULL if absent */

/* Typed reads.  Absent: *out keeps what it held and the answer is true; present
 * with another type or out of [lo, hi]: false, with `e` naming key and offset.
 * Any integer type is accepted for an int, f32 or f64 for a float (finite). */
bool gguf_int(const struct gguf *g, const char *key, int64_t lo, int64_t hi, int64_t *out, struct err *e) MUST_CHECK;
bool gguf_float(const struct gguf *g, const char *key, double lo, double hi, double *out, struct err *e) MUST_CHECK;
bool gguf_bool(const struct gguf *g, const char *key, bool *out, struct err *e) MUST_CHECK;
/* Not NUL-terminated: *s points into the file.  *s = NULL when absent. */
bool gguf_str(const struct gguf *g, const char *key, const char **s, size_t *n, struct err *e) MUST_CHECK;
/* An array of strings as views; the caller frees *out (small array, one entry each).
 * NULL and 0 when absent. */
struct gguf_str { const char *s; size_t n; };
bool gguf_strings(const struct gguf *g, const char *key, struct gguf_str **out, size_t *n, struct err *e) MUST_CHECK;
/* A numeric array of exactly this element type, unaligned in the file. NULL when absent. */
bool gguf_array(const struct gguf *g, const char *key, enum gguf_type type, const void **data, size_t *n, struct err *e) MUST_CHECK;

#endif
