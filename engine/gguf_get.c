/*
 * Typed reads of metadata: what is absent keeps its default, what is there must
 * have the right type and lie in its range.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/gguf.h"

static const char *const type_names[N_GGUF_TYPES] = {
	"u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array", "u64", "i64", "f64",
};

static bool wrong_type(const struct gguf_value *v, const char *expected, struct err *e)
{
	return err_set(e, ERR_FILE, "key %.64s at offset 0x%zx: is %s%s, expected %s", v->key, v->offset,
	    v->is_array ? "an array of " : "of type ", type_names[v->type], expected);
}

static uint64_t load(const struct gguf_value *v, size_t n_bytes)
{
	uint64_t bits = 0;

	for (size_t i = n_bytes; i-- > 0;)
		bits = bits << 8 | v->data[i];
	return bits;
}

/* False when the value is no integer; one above INT64_MAX becomes INT64_MAX. */
static bool integer(const struct gguf_value *v, int64_t *out)
{
	uint64_t u;

	if (v->is_array)
		return false;
	switch (v->type) {
	case GGUF_U8: *out = (int64_t)load(v, 1); return true;
	case GGUF_I8: *out = (int8_t)load(v, 1); return true;
	case GGUF_U16: *out = (int64_t)load(v, 2); return true;
	case GGUF_I16: *out = (int16_t)load(v, 2); return true;
	case GGUF_U32: *out = (int64_t)load(v, 4); return true;
	case GGUF_I32: *out = (int32_t)load(v, 4); return true;
	case GGUF_I64: *out = (int64_t)load(v, 8); return true;
	case GGUF_U64:
		u = load(v, 8);
		*out = u > INT64_MAX ? INT64_MAX : (int64_t)u;
		return true;
	default: return false;
	}
}

bool gguf_int(const struct gguf *g, const char *key, int64_t lo, int64_t hi, int64_t *out, struct err *e)
{
	const struct gguf_value *v = gguf_find(g, key);
	int64_t i;

	if (!v)
		return true;
	if (!integer(v, &i))
		return wrong_type(v, "an integer", e);
	if (i < lo || i > hi) {
		bool big = v->type == GGUF_U64 && i == INT64_MAX;

		return err_set(e, ERR_FILE, "key %.64s at offset 0x%zx: is %" PRId64 "%s, expected %" PRId64 " to %" PRId64,
		    v->key, v->offset, i, big ? " or more" : "", lo, hi);
	}
	*out = i;
	return true;
}

bool gguf_float(const struct gguf *g, const char *key, double lo, double hi, double *out, struct err *e)
{
	const struct gguf_value *v = gguf_find(g, key);
	double d;
	float f;

	if (!v)
		return true;
	if (v->is_array || (v->type != GGUF_F32 && v->type != GGUF_F64))
		return wrong_type(v, "a float", e);
	if (v->type == GGUF_F32) {
		memcpy(&f, v->data, sizeof f);
		d = (double)f;
	} else {
		memcpy(&d, v->data, sizeof d);
	}
	if (!isfinite(d) || d < lo || d > hi)
		return err_set(e, ERR_FILE, "key %.64s at offset 0x%zx: is %g, expected %g to %g", v->key, v->offset, d, lo, hi);
	*out = d;
	return true;
}

bool gguf_bool(const struct gguf *g, const char *key, bool *out, struct err *e)
{
	const struct gguf_value *v = gguf_find(g, key);

	if (!v)
		return true;
	if (v->is_array || v->type != GGUF_BOOL)
		return wrong_type(v, "bool", e);
	*out = v->data[0] != 0;
	return true;
}

bool gguf_str(const struct gguf *g, const char *key, const char **s, size_t *n, struct err *e)
{
	const struct gguf_value *v = gguf_find(g, key);

	*s = NULL;
	*n = 0;
	if (!v)
		return true;
	if (v->is_array || v->type != GGUF_STR)
		return wrong_type(v, "a string", e);
	*s = (const char *)v->data;
	*n = (size_t)v->n;
	return true;
}

bool gguf_strings(const struct gguf *g, const char *key, struct gguf_str **out, size_t *n, struct err *e)
{
	const struct gguf_value *v = gguf_find(g, key);
	const unsigned char *p;

	*out = NULL;
	*n = 0;
	if (!v)
		return true;
	if (!v->is_array || v->type != GGUF_STR)
		return wrong_type(v, "an array of strings", e);
	*n = (size_t)v->n;
	*out = mem_array(*n, sizeof **out);
	p = v->data;
	for (size_t i = 0; i < *n; i++) {
		uint64_t len;

		memcpy(&len, p, 8);
		(*out)[i] = (struct gguf_str){ .s = (const char *)p + 8, .n = (size_t)len };
		p += 8 + len;
	}
	return true;
}

bool gguf_array(const struct gguf *g, const char *key, enum gguf_type type, const void **data, size_t *n, struct err *e)
{
	const struct gguf_value *v = gguf_find(g, key);
	char expected[40];

	*data = NULL;
	*n = 0;
	if (!v)
		return true;
	if (!v->is_array || v->type != type) {
		snprintf(expected, sizeof expected, "an array of %s", type_names[type]);
		return wrong_type(v, expected, e);
	}
	*data = v->data;
	*n = (size_t)v->n;
	return true;
}
