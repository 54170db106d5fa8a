#include "engine/gguf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/cursor.h"
#include "engine/base/mapfile.h"
#include "engine/base/mem.h"

/*
 * A file is
 *     "GGUF" version:u32 n_tensors:u64 n_values:u64
 *     n_values  times  key:string type:u32 value
 *     n_tensors times  name:string n_dims:u32 ne:u64[n_dims] type:u32 offset:u64
 *     padding to the alignment, then the data; offsets count from here
 * with string = length:u64 bytes, array = type:u32 length:u64 elements
 * (docs/gguf.md of ggml).
 */
enum {
	MAX_ENTRIES = 65536,
	MAX_KEY = 65535,
	MAX_NAME = 63,                  /* GGML_MAX_NAME with its NUL */
	MAX_STRING = 16 << 20,
	MAX_ARRAY = 1 << 24,
	MAX_ALIGNMENT = 65536,
	DEFAULT_ALIGNMENT = 32,
	MIN_VALUE_BYTES = 8 + 1 + 4 + 1,
	MIN_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8,
};

/* A key or a tensor name in the file, with the entry it belongs to. */
struct name_ref {
	const unsigned char *s;
	size_t n, entry;
};

struct gguf {
	struct mapfile map;             /* empty when the bytes are somebody else's */
	char *path;
	size_t size;
	int version;
	size_t alignment;
	struct gguf_value *values;
	size_t n_values;
	const struct gguf_value **by_key;
	struct tensor_dir dir;
	char *names;                    /* keys and tensor names, each with its NUL */
	size_t trailing;
};

static const unsigned char type_bytes[N_GGUF_TYPES] = {
	[GGUF_U8] = 1, [GGUF_I8] = 1, [GGUF_U16] = 2, [GGUF_I16] = 2, [GGUF_U32] = 4, [GGUF_I32] = 4,
	[GGUF_F32] = 4, [GGUF_BOOL] = 1, [GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8,
};

static const unsigned char *read_string(struct cursor *c, size_t limit, const char *field, size_t *n)
{
	size_t at = cursor_offset(c);
	uint64_t len = cursor_uint(c, 8, field);

	*n = 0;
	if (cursor_ok(c) && len > limit) {
		if (len > c->left)
			cursor_can_hold(c, len, 1, field);
		cursor_fail(c, ERR_FILE, at, "%s is %" PRIu64 " bytes long, at most %zu are allowed", field, len, limit);
	}
	const unsigned char *s = cursor_bytes(c, (size_t)len, field);
	if (s)
		*n = (size_t)len;
	return s;
}

/* A key or a name: 1 to `limit` bytes of printable ASCII, as the format demands. */
static bool read_name(struct cursor *c, size_t limit, const char *field, struct name_ref *out)
{
	size_t at = cursor_offset(c);
	char text[40];

	out->s = read_string(c, limit, field, &out->n);
	if (!out->s)
		return false;
	if (out->n == 0)
		return cursor_fail(c, ERR_FILE, at, "%s is empty", field);
	for (size_t i = 0; i < out->n; i++)
		if (out->s[i] < 0x20 || out->s[i] >= 0x7f)
			return cursor_fail(c, ERR_FILE, at + 8 + i, "%s \"%s\" holds byte 0x%02x, expected printable ASCII",
			    field, cursor_printable(out->s, out->n, text, sizeof text), out->s[i]);
	cursor_name(c, out->s, out->n);
	return true;
}

static bool check_bools(struct cursor *c, const unsigned char *p, size_t n)
{
	for (size_t i = 0; p && i < n; i++)
		if (p[i] > 1)
			return cursor_fail(c, ERR_FILE, (size_t)(p - c->data) + i, "bool is %u, expected 0 or 1", p[i]);
	return cursor_ok(c);
}

static bool read_type(struct cursor *c, bool element, enum gguf_type *out)
{
	size_t at = cursor_offset(c);
	uint64_t t = cursor_uint(c, 4, "value type");

	*out = GGUF_U8;
	if (cursor_ok(c) && t >= N_GGUF_TYPES)
		return cursor_fail(c, ERR_FILE, at, "value type is %" PRIu64 ", expected 0 to %d", t, N_GGUF_TYPES - 1);
	if (element && t == GGUF_ARR)
		return cursor_fail(c, ERR_UNSUPPORTED, at, "arrays of arrays are not supported");
	*out = (enum gguf_type)t;
	return cursor_ok(c);
}

static bool read_array(struct cursor *c, struct gguf_value *v)
{
	size_t at, len;

	v->is_array = true;
	if (!read_type(c, true, &v->type))
		return false;
	at = cursor_offset(c);
	v->n = cursor_uint(c, 8, "array length");
	if (!cursor_can_hold(c, v->n, v->type == GGUF_STR ? 8 : type_bytes[v->type], "array"))
		return false;
	if (v->n > MAX_ARRAY)
		return cursor_fail(c, ERR_FILE, at, "array length is %" PRIu64 ", at most %d are allowed", v->n, MAX_ARRAY);
	v->offset = cursor_offset(c);
	v->data = c->p;
	if (v->type != GGUF_STR)
		cursor_items(c, v->n, type_bytes[v->type], "array");
	else
		for (uint64_t i = 0; i < v->n && cursor_ok(c); i++)
			read_string(c, MAX_STRING, "string of an array", &len);
	return v->type == GGUF_BOOL ? check_bools(c, v->data, v->n) : cursor_ok(c);
}

static bool read_value(struct cursor *c, struct gguf_value *v, struct name_ref *key)
{
	size_t len;

	if (!read_name(c, MAX_KEY, "key", key) || !read_type(c, false, &v->type))
		return false;
	if (v->type == GGUF_ARR)
		return read_array(c, v);
	v->n = 1;
	if (v->type == GGUF_STR) {
		v->data = read_string(c, MAX_STRING, "string", &len);
		v->n = len;
	} else {
		v->data = cursor_bytes(c, type_bytes[v->type], "value");
	}
	if (!v->data)
		return false;
	v->offset = (size_t)(v->data - c->data);
	return v->type != GGUF_BOOL || check_bools(c, v->data, 1);
}

/* ne and type of a tensor, up to row_bytes; its size in bytes goes to *bytes. */
static bool read_shape(struct cursor *c, struct tensor *t, size_t *bytes)
{
	size_t at = cursor_offset(c), count = 1;
	uint64_t n_dims = cursor_uint(c, 4, "number of dimensions");

	if (cursor_ok(c) && (n_dims < 1 || n_dims > TENSOR_MAX_DIMS))
		return cursor_fail(c, ERR_FILE, at, "has %" PRIu64 " dimensions, expected 1 to %d", n_dims, TENSOR_MAX_DIMS);
	t->n_dims = (int)n_dims;
	for (int i = 0; i < TENSOR_MAX_DIMS; i++)
		t->ne[i] = 1;
	for (int i = 0; i < t->n_dims && cursor_ok(c); i++) {
		size_t here = cursor_offset(c);
		uint64_t ne = cursor_uint(c, 8, "dimension");

		if (cursor_ok(c) && (ne == 0 || ne > PTRDIFF_MAX))
			return cursor_fail(c, ERR_FILE, here, "dimension %d is %" PRIu64 ", expected 1 to %td", i, ne, PTRDIFF_MAX);
		if (cursor_ok(c) && !mem_mul(count, (size_t)ne, &count))
			return cursor_fail(c, ERR_FILE, here, "dimension %d is %" PRIu64 ": more weights than can be counted", i, ne);
		t->ne[i] = (int64_t)ne;
	}

	at = cursor_offset(c);
	const char *foreign;
	uint32_t id = (uint32_t)cursor_uint(c, 4, "tensor type");
	int type = dtype_from_gguf(id, &foreign);
	if (cursor_ok(c) && type < 0 && foreign)
		return cursor_fail(c, ERR_UNSUPPORTED, at, "type %s is not supported", foreign);
	if (cursor_ok(c) && type < 0)
		return cursor_fail(c, ERR_FILE, at, "type is %" PRIu32 ", which is no tensor type", id);
	if (!cursor_ok(c))
		return false;

	size_t block = (size_t)dtypes[type]->block;
	t->type = (enum dtype)type;
	t->cols = (size_t)t->ne[0];
	t->rows = count / t->cols;
	if (t->cols % block)
		return cursor_fail(c, ERR_FILE, at, "rows of %zu weights are not whole blocks of %zu (%s)", t->cols, block,
		    dtypes[type]->name);
	if (!mem_mul(t->cols / block, (size_t)dtypes[type]->bytes, &t->row_bytes) ||
	    !mem_mul(t->row_bytes, t->rows, bytes))
		return cursor_fail(c, ERR_FILE, at, "needs more bytes than can be addressed");
	return true;
}

/* Tensors lie one behind the other, each padded to the alignment: *end is where
 * the last one stopped, counted from the start of the data. */
static bool read_tensor(struct cursor *c, struct tensor *t, struct name_ref *name, size_t alignment,
    size_t *offset, size_t *bytes, size_t *end)
{
	size_t at;
	uint64_t off;

	if (!read_name(c, MAX_NAME, "name", name) || !read_shape(c, t, bytes))
		return false;
	at = cursor_offset(c);
	off = cursor_uint(c, 8, "data offset");
	if (!cursor_ok(c))
		return false;
	if (off % alignment)
		return cursor_fail(c, ERR_FILE, at, "data offset 0x%" PRIx64 " is not a multiple of the alignment %zu", off, alignment);
	if (off != *end)
		return cursor_fail(c, ERR_FILE, at, "data offset is 0x%" PRIx64 ", expected 0x%zx, where the tensor before ends%s",
		    off, *end, off < *end ? " (they overlap)" : "");
	*offset = (size_t)off;
	if (!mem_add(*end, *bytes, end) || !mem_add(*end, alignment - 1, end))
		return cursor_fail(c, ERR_FILE, at, "needs %zu bytes, more than can be addressed", *bytes);
	*end -= *end % alignment;
	return true;
}

static bool read_header(struct gguf *g, struct cursor *c)
{
	const unsigned char *magic = cursor_bytes(c, 4, "header");
	const char *like = mapfile_looks_like(c->data, c->size);
	char text[20];
	uint64_t version, n_tensors, n_values;

	if (magic && memcmp(magic, "GGUF", 4))
		return cursor_fail(c, ERR_FILE, 0, "starts with \"%s\", expected \"GGUF\"%s%s",
		    cursor_printable(magic, 4, text, sizeof text), like ? "; it looks like " : "", like ? like : "");
	version = cursor_uint(c, 4, "version");
	if (cursor_ok(c) && version && !(version & 0xffff))
		return cursor_fail(c, ERR_UNSUPPORTED, 4, "version is 0x%08" PRIx64 ": a big-endian file", version);
	if (cursor_ok(c) && version == 1)
		return cursor_fail(c, ERR_UNSUPPORTED, 4, "version is 1, expected 2 or 3");
	if (cursor_ok(c) && version != 2 && version != 3)
		return cursor_fail(c, ERR_FILE, 4, "version is %" PRIu64 ", expected 2 or 3", version);
	g->version = (int)version;
	n_tensors = cursor_uint(c, 8, "number of tensors");
	n_values = cursor_uint(c, 8, "number of metadata keys");
	if (cursor_ok(c) && n_tensors > MAX_ENTRIES)
		return cursor_fail(c, ERR_FILE, 8, "number of tensors is %" PRIu64 ", at most %d are allowed", n_tensors, MAX_ENTRIES);
	if (cursor_ok(c) && n_values > MAX_ENTRIES)
		return cursor_fail(c, ERR_FILE, 16, "number of metadata keys is %" PRIu64 ", at most %d are allowed", n_values, MAX_ENTRIES);
	if (!cursor_can_hold(c, n_values, MIN_VALUE_BYTES, "metadata keys") ||
	    !cursor_can_hold(c, n_tensors, MIN_TENSOR_BYTES, "tensors"))
		return false;
	g->n_values = (size_t)n_values;
	g->dir.n = (size_t)n_tensors;
	return true;
}

static int by_bytes(const void *a, const void *b)
{
	const struct name_ref *x = a, *y = b;
	int d = memcmp(x->s, y->s, x->n < y->n ? x->n : y->n);

	return d ? d : x->n != y->n ? (x->n < y->n ? -1 : 1) : x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* Sorting finds twins whatever the file's author intended; a hash table with a
 * known hash could be made quadratic. */
static bool sort_names(struct cursor *c, struct name_ref *r, size_t n, const char *thing)
{
	qsort(r, n, sizeof *r, by_bytes);
	for (size_t i = 1; i < n; i++)
		if (r[i].n == r[i - 1].n && !memcmp(r[i].s, r[i - 1].s, r[i].n)) {
			cursor_enter(c, thing, r[i].entry);
			cursor_name(c, r[i].s, r[i].n);
			return cursor_fail(c, ERR_FILE, (size_t)(r[i].s - c->data) - 8, "is there twice (entries %zu and %zu)",
			    r[i - 1].entry, r[i].entry);
		}
	return true;
}

static bool read_alignment(struct gguf *g, struct cursor *c, const struct gguf_value *v)
{
	uint64_t a = 0;

	if (!v->is_array && v->type == GGUF_U32)
		memcpy(&a, v->data, 4);
	else
		return cursor_fail(c, ERR_FILE, v->offset, "has the wrong type, expected u32");
	if (a == 0 || a > MAX_ALIGNMENT || (a & (a - 1)))
		return cursor_fail(c, ERR_FILE, v->offset, "is %" PRIu64 ", expected a power of two up to %d", a, MAX_ALIGNMENT);
	g->alignment = (size_t)a;
	return true;
}

static bool name_is(const struct name_ref *r, const char *s)
{
	return r->n == strlen(s) && !memcmp(r->s, s, r->n);
}

static bool read_values(struct gguf *g, struct cursor *c, struct name_ref *keys)
{
	g->alignment = DEFAULT_ALIGNMENT;
	for (size_t i = 0; i < g->n_values; i++) {
		cursor_enter(c, "key", i);
		keys[i].entry = i;
		if (!read_value(c, &g->values[i], &keys[i]))
			return false;
		if (name_is(&keys[i], "general.alignment") && !read_alignment(g, c, &g->values[i]))
			return false;
	}
	return sort_names(c, keys, g->n_values, "key");
}

/* What follows the table once must lie in the file: the data of every tensor. */
static bool place_tensors(struct gguf *g, struct cursor *c, const struct name_ref *names,
    const size_t *offset, const size_t *bytes, size_t end)
{
	size_t base = cursor_offset(c), limit;

	if (g->dir.n == 0 || !mem_add(base, (g->alignment - base % g->alignment) % g->alignment, &base)) {
		g->trailing = c->left;
		return true;
	}
	for (size_t i = 0; i < g->dir.n; i++) {
		size_t left = base < c->size && offset[i] < c->size - base ? c->size - base - offset[i] : 0;

		cursor_enter(c, "tensor", i);
		cursor_name(c, names[i].s, names[i].n);
		if (bytes[i] > left)
			return cursor_fail(c, ERR_FILE, base + offset[i], "needs %zu bytes, %zu are left in the file", bytes[i], left);
		g->dir.t[i].data = c->data + base + offset[i];
	}
	/* The padding behind the last one may be missing, and is not trailing. */
	g->trailing = mem_add(base, end, &limit) && limit < c->size ? c->size - limit : 0;
	return true;
}

static bool read_tensors(struct gguf *g, struct cursor *c, struct name_ref *names, size_t *offset, size_t *bytes)
{
	size_t end = 0;

	for (size_t i = 0; i < g->dir.n; i++) {
		cursor_enter(c, "tensor", i);
		names[i].entry = i;
		if (!read_tensor(c, &g->dir.t[i], &names[i], g->alignment, &offset[i], &bytes[i], &end))
			return false;
	}
	return place_tensors(g, c, names, offset, bytes, end) && sort_names(c, names, g->dir.n, "tensor");
}

/* Terminated copies of all names; `keys` is sorted, and so is by_key. */
static void keep_names(struct gguf *g, const struct name_ref *keys, const struct name_ref *names)
{
	size_t total = 0;
	char *p;

	for (size_t i = 0; i < g->n_values; i++)
		total += keys[i].n + 1;
	for (size_t i = 0; i < g->dir.n; i++)
		total += names[i].n + 1;
	p = g->names = mem_zalloc(total);
	for (size_t i = 0; i < g->n_values; p += keys[i].n + 1, i++) {
		g->values[keys[i].entry].key = memcpy(p, keys[i].s, keys[i].n);
		g->by_key[i] = &g->values[keys[i].entry];
	}
	for (size_t i = 0; i < g->dir.n; p += names[i].n + 1, i++)
		g->dir.t[names[i].entry].name = memcpy(p, names[i].s, names[i].n);
}

static bool read_file(struct gguf *g, const void *data, size_t size, struct err *e)
{
	struct cursor c;
	struct name_ref *keys, *names;
	size_t *offset, *bytes;
	bool ok;

	g->size = size;
	cursor_init(&c, g->path, data, size, e);
	if (!read_header(g, &c))
		return false;
	g->values = mem_array(g->n_values, sizeof *g->values);
	g->by_key = mem_array(g->n_values, sizeof *g->by_key);
	g->dir.t = mem_array(g->dir.n, sizeof *g->dir.t);
	keys = mem_array(g->n_values, sizeof *keys);
	names = mem_array(g->dir.n, sizeof *names);
	offset = mem_array(g->dir.n, sizeof *offset);
	bytes = mem_array(g->dir.n, sizeof *bytes);
	ok = read_values(g, &c, keys) && read_tensors(g, &c, names, offset, bytes);
	if (ok)
		keep_names(g, keys, names);
	free(bytes);
	free(offset);
	free(names);
	free(keys);
	return ok;
}

/* A model in several files says so in each of them. */
static bool check_split(const struct gguf *g, struct err *e)
{
	int64_t n = 1;

	if (!gguf_int(g, "split.count", 0, UINT16_MAX, &n, e))
		return err_wrap(e, "%s", cursor_tail(g->path, 160));
	if (n > 1)
		return err_set(e, ERR_UNSUPPORTED, "%s: is one of %d parts of a split model; merge them first (llama-gguf-split --merge)",
		    cursor_tail(g->path, 160), (int)n);
	return true;
}

struct gguf *gguf_open_mem(const char *label, const void *data, size_t size, struct err *e)
{
	struct gguf *g = mem_zalloc(sizeof *g);

	g->path = mem_strdup(label);
	if (read_file(g, data, size, e) && check_split(g, e))
		return g;
	gguf_close(g);
	return NULL;
}

struct gguf *gguf_open(const char *path, struct err *e)
{
	struct mapfile map;
	struct gguf *g;

	if (!mapfile_open(&map, path, e))
		return NULL;
	g = gguf_open_mem(path, map.data, map.size, e);
	if (g)
		g->map = map;
	else
		mapfile_close(&map);
	return g;
}

void gguf_close(struct gguf *g)
{
	if (!g)
		return;
	free(g->names);
	free(g->dir.t);
	free(g->by_key);
	free(g->values);
	free(g->path);
	mapfile_close(&g->map);
	free(g);
}

const char *gguf_path(const struct gguf *g) { return g->path; }
int gguf_version(const struct gguf *g) { return g->version; }
size_t gguf_size(const struct gguf *g) { return g->size; }
size_t gguf_trailing(const struct gguf *g) { return g->trailing; }
const struct tensor_dir *gguf_tensors(const struct gguf *g) { return &g->dir; }
size_t gguf_n_values(const struct gguf *g) { return g->n_values; }
const struct gguf_value *gguf_value_at(const struct gguf *g, size_t i) { return &g->values[i]; }

static int key_against_value(const void *key, const void *value)
{
	const struct gguf_value *const *v = value;

	return strcmp(key, (*v)->key);
}

const struct gguf_value *gguf_find(const struct gguf *g, const char *key)
{
	const struct gguf_value **v = bsearch(key, g->by_key, g->n_values, sizeof *g->by_key, key_against_value);

	return v ? *v : NULL;
}
