#include "tests/gguf_build.h"

#include <string.h>

void gguf_build_init(struct gguf_build *b)
{
	*b = (struct gguf_build){ .magic = "GGUF", .version = 3, .alignment = 32 };
}

void gguf_build_free(struct gguf_build *b)
{
	buf_free(&b->values);
	buf_free(&b->table);
	buf_free(&b->data);
}

void gguf_build_put(struct buf *out, uint64_t v, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes; i++)
		buf_char(out, (char)(v >> 8 * i & 255));
}

void gguf_build_put_str(struct buf *out, const char *s, size_t n)
{
	gguf_build_put(out, n, 8);
	buf_add(out, s, n);
}

static void pad(struct buf *out, size_t alignment)
{
	while (alignment && out->len % alignment)
		buf_char(out, 0);
}

void gguf_build_bytes(const struct gguf_build *b, struct buf *out)
{
	buf_add(out, b->magic, 4);
	gguf_build_put(out, b->version, 4);
	gguf_build_put(out, b->n_tensors, 8);
	gguf_build_put(out, b->n_values, 8);
	buf_add(out, b->values.data, b->values.len);
	buf_add(out, b->table.data, b->table.len);
	if (b->data.len) {
		pad(out, b->alignment);
		buf_add(out, b->data.data, b->data.len);
	}
}

void gguf_build_value(struct gguf_build *b, const char *key, size_t n_key, uint32_t type, const void *data, size_t bytes)
{
	gguf_build_put_str(&b->values, key, n_key);
	gguf_build_put(&b->values, type, 4);
	buf_add(&b->values, data, bytes);
	b->n_values++;
}

void gguf_build_u32(struct gguf_build *b, const char *key, uint32_t v)
{
	gguf_build_value(b, key, strlen(key), GGUF_U32, &v, 4);
}

void gguf_build_f32(struct gguf_build *b, const char *key, float v)
{
	gguf_build_value(b, key, strlen(key), GGUF_F32, &v, 4);
}

void gguf_build_bool(struct gguf_build *b, const char *key, bool v)
{
	gguf_build_value(b, key, strlen(key), GGUF_BOOL, &(unsigned char){ v }, 1);
}

void gguf_build_str(struct gguf_build *b, const char *key, const char *s)
{
	gguf_build_value(b, key, strlen(key), GGUF_STR, NULL, 0);
	gguf_build_put_str(&b->values, s, strlen(s));
}

void gguf_build_strings(struct gguf_build *b, const char *key, const char *const *s, size_t n)
{
	gguf_build_array(b, key, GGUF_STR, n, NULL, 0);
	for (size_t i = 0; i < n; i++)
		gguf_build_put_str(&b->values, s[i], strlen(s[i]));
}

void gguf_build_array(struct gguf_build *b, const char *key, enum gguf_type type, size_t n, const void *data, size_t bytes)
{
	gguf_build_value(b, key, strlen(key), GGUF_ARR, NULL, 0);
	gguf_build_put(&b->values, type, 4);
	gguf_build_put(&b->values, n, 8);
	buf_add(&b->values, data, bytes);
}

void gguf_build_row(struct gguf_build *b, const char *name, size_t n_name, uint32_t n_dims, const uint64_t *ne,
    uint32_t type, uint64_t offset)
{
	gguf_build_put_str(&b->table, name, n_name);
	gguf_build_put(&b->table, n_dims, 4);
	/* A count of dimensions that is a lie is followed by at most eight. */
	for (uint32_t i = 0; i < n_dims && i < 8; i++)
		gguf_build_put(&b->table, ne[i], 8);
	gguf_build_put(&b->table, type, 4);
	gguf_build_put(&b->table, offset, 8);
	b->n_tensors++;
}

void gguf_build_tensor(struct gguf_build *b, const char *name, enum dtype type, int n_dims, const uint64_t *ne,
    const void *data, size_t bytes)
{
	gguf_build_row(b, name, strlen(name), (uint32_t)n_dims, ne, dtype_gguf_id(type), b->data.len);
	buf_add(&b->data, data, bytes);
	pad(&b->data, b->alignment);
}

char *gguf_build_find(const struct buf *in, const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i + n <= in->len; i++)
		if (!memcmp(in->data + i, text, n))
			return in->data + i;
	return NULL;
}
