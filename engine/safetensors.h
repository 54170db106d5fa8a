/*
 * safetensors -- the container of Hugging Face: eight bytes of length, a header
 * in JSON, then bytes.  Read with suspicion, written for our own vectors and maps.
 *
 * Read: header at most 100 MB and 65,536 entries; names unique; every offset
 * pair inside the file, tensors following each other without hole or overlap
 * and ending where the file ends; the byte size of every shape is computed with
 * checks and compared.  F32, F16, BF16 and I32 are read; another type is
 * ERR_UNSUPPORTED.
 * Written: to a file beside the target that is renamed at the end, so that a
 * reader never sees half of one.
 *
 * Owns     the mapping and the entries, until safetensors_close()
 */
#ifndef ENGINE_SAFETENSORS_H
#define ENGINE_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

enum st_type { ST_F32, ST_F16, ST_BF16, ST_I32, N_ST_TYPES };

enum { ST_MAX_DIMS = 8 };

struct st_entry {
	const char *name;
	enum st_type type;
	int n_dims;
	int64_t dim[ST_MAX_DIMS];
	size_t n;               /* elements */
	size_t bytes;
	const void *data;       /* unaligned, little-endian */
};

struct safetensors;

struct safetensors *safetensors_open(const char *path, struct err *e) MUST_CHECK;
struct safetensors *safetensors_open_mem(const char *label, const void *data, size_t size, struct err *e) MUST_CHECK;
void safetensors_close(struct safetensors *s);
size_t safetensors_n(const struct safetensors *s);
const struct st_entry *safetensors_at(const struct safetensors *s, size_t i);
const struct st_entry *safetensors_find(const struct safetensors *s, const char *name);   /* NULL */
/* A string of __metadata__, or NULL. */
const char *safetensors_meta(const struct safetensors *s, const char *key);
/* Elements as f32; ERR_FILE for a type that is no float. */
bool safetensors_floats(const struct st_entry *t, float *out, struct err *e) MUST_CHECK;

struct st_meta {
	const char *key, *value;
};

/* Entries are written in the order given; `data` of each must be set. */
bool safetensors_write(const char *path, const struct st_meta *meta, size_t n_meta, const struct st_entry *entries,
    size_t n, struct err *e) MUST_CHECK;

#endif
