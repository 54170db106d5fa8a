#include "engine/safetensors.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/base/half.h"
#include "engine/base/mapfile.h"
#include "engine/base/mem.h"

enum { MAX_HEADER = 100000000, MAX_ENTRIES = 65536 };

static const struct {
	const char *name;
	size_t size;
} types[N_ST_TYPES] = {
	[ST_F32] = { "F32", 4 }, [ST_F16] = { "F16", 2 }, [ST_BF16] = { "BF16", 2 }, [ST_I32] = { "I32", 4 },
};

/* Types of the format that exist and are not ours. */
static const char *const foreign[] = { "BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "I16", "U16", "U32", "F64", "I64",
	"U64", "C64", "F4", "F6_E2M3", "F6_E3M2", "F8_E8M0" };

struct safetensors {
	struct mapfile map;
	const unsigned char *data;
	size_t size, header;
	const char *path;
	json_t *root;
	struct st_entry *entry;
	size_t n;
};

static bool reject(const struct safetensors *s, struct err *e, enum err_code code, const char *name, const char *what)
{
	if (name)
		return err_set(e, code, "%.200s: tensor %.64s: %s", s->path, name, what);
	return err_set(e, code, "%.200s: %s", s->path, what);
}

static bool read_header(struct safetensors *s, struct err *e)
{
	uint64_t n = 0;
	char what[160];
	json_error_t je;

	if (s->size < 8)
		return reject(s, e, ERR_FILE, NULL, "shorter than the 8 bytes of header length");
	for (int i = 8; i-- > 0;)
		n = n << 8 | s->data[i];
	if (n > MAX_HEADER || n > s->size - 8) {
		snprintf(what, sizeof what, "header length at offset 0 is %llu, %zu bytes follow (limit %d)",
		    (unsigned long long)n, s->size - 8, MAX_HEADER);
		return reject(s, e, ERR_FILE, NULL, what);
	}
	s->header = (size_t)n;
	s->root = json_loadb((const char *)s->data + 8, s->header, JSON_REJECT_DUPLICATES, &je);
	if (!s->root || !json_is_object(s->root)) {
		snprintf(what, sizeof what, "header is not a JSON object (offset %d: %.80s)", 8 + je.position,
		    s->root ? "another kind of value" : je.text);
		return reject(s, e, ERR_FILE, NULL, what);
	}
	if (json_object_size(s->root) > MAX_ENTRIES)
		return reject(s, e, ERR_FILE, NULL, "more than 65536 tensors");
	return true;
}

static bool read_type(const struct safetensors *s, struct st_entry *t, const json_t *v, struct err *e)
{
	const char *name = json_string_value(v);
	char what[80];

	for (int i = 0; name && i < N_ST_TYPES; i++)
		if (!strcmp(types[i].name, name)) {
			t->type = (enum st_type)i;
			return true;
		}
	for (size_t i = 0; name && i < sizeof foreign / sizeof *foreign; i++)
		if (!strcmp(foreign[i], name)) {
			snprintf(what, sizeof what, "dtype %s is not supported (F32, F16, BF16, I32 are)", name);
			return reject(s, e, ERR_UNSUPPORTED, t->name, what);
		}
	snprintf(what, sizeof what, "dtype is %.20s, expected F32, F16, BF16 or I32", name ? name : "no string");
	return reject(s, e, ERR_FILE, t->name, what);
}

static bool read_shape(const struct safetensors *s, struct st_entry *t, const json_t *v, struct err *e)
{
	size_t n = 1;

	if (!json_is_array(v) || json_array_size(v) > ST_MAX_DIMS)
		return reject(s, e, ERR_FILE, t->name, "shape is not an array of at most 8 numbers");
	t->n_dims = (int)json_array_size(v);
	for (int i = 0; i < t->n_dims; i++) {
		const json_t *d = json_array_get(v, (size_t)i);
		json_int_t value = json_integer_value(d);

		if (!json_is_integer(d) || value < 0 || !mem_mul(n, (size_t)value, &n))
			return reject(s, e, ERR_FILE, t->name, "shape has a dimension that is no size");
		t->dim[i] = value;
	}
	t->n = n;
	return mem_mul(n, types[t->type].size, &t->bytes) ||
	    reject(s, e, ERR_FILE, t->name, "shape is larger than memory can be");
}

static bool read_entry(struct safetensors *s, const char *name, const json_t *v, struct err *e)
{
	struct st_entry *t = &s->entry[s->n];
	const json_t *offsets = json_object_get(v, "data_offsets");
	const json_t *from = json_array_get(offsets, 0), *to = json_array_get(offsets, 1);
	size_t room = s->size - 8 - s->header;
	char what[120];

	*t = (struct st_entry){ .name = name };
	if (!read_type(s, t, json_object_get(v, "dtype"), e) || !read_shape(s, t, json_object_get(v, "shape"), e))
		return false;
	json_int_t a = json_integer_value(from), b = json_integer_value(to);
	if (json_array_size(offsets) != 2 || !json_is_integer(from) || !json_is_integer(to) || a < 0 || b < a ||
	    (uint64_t)b > room)
		return reject(s, e, ERR_FILE, name, "data_offsets are not two places inside the file, in order");
	if ((size_t)(b - a) != t->bytes) {
		snprintf(what, sizeof what, "data_offsets span %lld bytes, its shape needs %zu", (long long)(b - a), t->bytes);
		return reject(s, e, ERR_FILE, name, what);
	}
	t->data = s->data + 8 + s->header + (size_t)a;
	s->n++;
	return true;
}

static int by_place(const void *a, const void *b)
{
	const struct st_entry *x = a, *y = b;

	if (x->data != y->data)
		return (const char *)x->data < (const char *)y->data ? -1 : 1;
	return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

static bool read_entries(struct safetensors *s, struct err *e)
{
	const char *key;
	json_t *v;

	s->entry = mem_array(json_object_size(s->root), sizeof *s->entry);
	json_object_foreach(s->root, key, v) {
		const char *mk;
		json_t *mv;

		if (strcmp(key, "__metadata__")) {
			if (!read_entry(s, key, v, e))
				return false;
			continue;
		}
		if (!json_is_object(v))
			return reject(s, e, ERR_FILE, NULL, "__metadata__ is not an object of strings");
		json_object_foreach(v, mk, mv)
			if (!json_is_string(mv))
				return reject(s, e, ERR_FILE, NULL, "__metadata__ is not an object of strings");
	}
	qsort(s->entry, s->n, sizeof *s->entry, by_place);
	const unsigned char *at = s->data + 8 + s->header;
	for (size_t i = 0; i < s->n; at += s->entry[i++].bytes)
		if (s->entry[i].data != at)
			return reject(s, e, ERR_FILE, s->entry[i].name, "its bytes do not follow those of the tensor before it");
	return at == s->data + s->size || reject(s, e, ERR_FILE, NULL, "bytes behind the last tensor");
}

static bool read_all(struct safetensors *s, struct err *e)
{
	return read_header(s, e) && read_entries(s, e);
}

struct safetensors *safetensors_open_mem(const char *label, const void *data, size_t size, struct err *e)
{
	struct safetensors *s = mem_zalloc(sizeof *s);

	s->path = label;
	s->data = data;
	s->size = size;
	if (read_all(s, e))
		return s;
	safetensors_close(s);
	return NULL;
}

struct safetensors *safetensors_open(const char *path, struct err *e)
{
	struct safetensors *s = mem_zalloc(sizeof *s);

	s->path = path;
	if (!mapfile_open(&s->map, path, e))
		goto fail;
	s->data = s->map.data;
	s->size = s->map.size;
	if (read_all(s, e))
		return s;
fail:
	safetensors_close(s);
	return NULL;
}

void safetensors_close(struct safetensors *s)
{
	if (!s)
		return;
	free(s->entry);
	json_decref(s->root);
	mapfile_close(&s->map);
	free(s);
}

size_t safetensors_n(const struct safetensors *s)
{
	return s->n;
}

const struct st_entry *safetensors_at(const struct safetensors *s, size_t i)
{
	return &s->entry[i];
}

const struct st_entry *safetensors_find(const struct safetensors *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->entry[i].name, name))
			return &s->entry[i];
	return NULL;
}

const char *safetensors_meta(const struct safetensors *s, const char *key)
{
	return json_string_value(json_object_get(json_object_get(s->root, "__metadata__"), key));
}

bool safetensors_floats(const struct st_entry *t, float *out, struct err *e)
{
	const unsigned char *p = t->data;

	if (t->type == ST_I32)
		return err_set(e, ERR_FILE, "tensor %.64s: holds integers, expected floats", t->name);
	for (size_t i = 0; i < t->n; i++) {
		uint32_t u;
		uint16_t h;

		if (t->type == ST_F32) {
			memcpy(&u, p + 4 * i, sizeof u);
			out[i] = f32_from_bits(u);
		} else {
			memcpy(&h, p + 2 * i, sizeof h);
			out[i] = t->type == ST_F16 ? f16_to_f32(h) : bf16_to_f32(h);
		}
	}
	return true;
}

static void write_header(struct buf *b, const struct st_meta *meta, size_t n_meta, const struct st_entry *entries,
    size_t n)
{
	size_t at = 0;

	buf_str(b, "{\"__metadata__\":{");
	for (size_t i = 0; i < n_meta; i++) {
		buf_str(b, i ? "," : "");
		buf_json(b, meta[i].key, strlen(meta[i].key));
		buf_char(b, ':');
		buf_json(b, meta[i].value, strlen(meta[i].value));
	}
	buf_char(b, '}');
	for (size_t i = 0; i < n; i++) {
		const struct st_entry *t = &entries[i];

		buf_char(b, ',');
		buf_json(b, t->name, strlen(t->name));
		buf_printf(b, ":{\"dtype\":\"%s\",\"shape\":[", types[t->type].name);
		for (int d = 0; d < t->n_dims; d++)
			buf_printf(b, "%s%lld", d ? "," : "", (long long)t->dim[d]);
		buf_printf(b, "],\"data_offsets\":[%zu,%zu]}", at, at + t->n * types[t->type].size);
		at += t->n * types[t->type].size;
	}
	buf_char(b, '}');
	/* The data starts on a multiple of eight. */
	while (b->len % 8)
		buf_char(b, ' ');
}

static bool write_all(FILE *f, const struct buf *header, const struct st_entry *entries, size_t n)
{
	unsigned char len[8];

	for (int i = 0; i < 8; i++)
		len[i] = (unsigned char)((uint64_t)header->len >> 8 * i);
	if (fwrite(len, 1, 8, f) != 8 || fwrite(header->data, 1, header->len, f) != header->len)
		return false;
	for (size_t i = 0; i < n; i++) {
		size_t bytes = entries[i].n * types[entries[i].type].size;

		if (bytes && fwrite(entries[i].data, 1, bytes, f) != bytes)
			return false;
	}
	return fflush(f) == 0 && fsync(fileno(f)) == 0;
}

bool safetensors_write(const char *path, const struct st_meta *meta, size_t n_meta, const struct st_entry *entries,
    size_t n, struct err *e)
{
	struct buf header = { 0 }, part = { 0 };
	bool ok = false;
	FILE *f;

	buf_printf(&part, "%s.part", path);
	write_header(&header, meta, n_meta, entries, n);
	if ((f = fopen(part.data, "wb"))) {
		ok = write_all(f, &header, entries, n);
		ok = fclose(f) == 0 && ok && rename(part.data, path) == 0;
	}
	if (!ok) {
		err_set(e, ERR_RUN, "%.300s: %s", path, strerror(errno));
		if (f)
			unlink(part.data);
	}
	buf_free(&header);
	buf_free(&part);
	return ok;
}
