#include "app/metadata.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/gguf.h"

enum { SHOWN = 200 };           /* bytes of a string, about two lines */

static const char *const type_names[N_GGUF_TYPES] = {
	[GGUF_U8] = "u8", [GGUF_I8] = "i8", [GGUF_U16] = "u16", [GGUF_I16] = "i16", [GGUF_U32] = "u32",
	[GGUF_I32] = "i32", [GGUF_F32] = "f32", [GGUF_BOOL] = "bool", [GGUF_STR] = "string", [GGUF_ARR] = "array",
	[GGUF_U64] = "u64", [GGUF_I64] = "i64", [GGUF_F64] = "f64",
};

static uint64_t little_endian(const unsigned char *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

/* A number as text; the sign of small ones is carried up by the casts. */
static void show_number(struct report *r, const struct gguf_value *v)
{
	uint64_t bits = little_endian(v->data, v->type == GGUF_U64 || v->type == GGUF_I64 || v->type == GGUF_F64 ? 8
	    : v->type == GGUF_U32 || v->type == GGUF_I32 || v->type == GGUF_F32 ? 4
	    : v->type == GGUF_U16 || v->type == GGUF_I16 ? 2 : 1);
	uint32_t low = (uint32_t)bits;
	char text[32];
	float f;
	double d;

	switch (v->type) {
	case GGUF_I8:
		report_int(r, v->key, (int8_t)bits, "");
		return;
	case GGUF_I16:
		report_int(r, v->key, (int16_t)bits, "");
		return;
	case GGUF_I32:
		report_int(r, v->key, (int32_t)bits, "");
		return;
	case GGUF_I64:
		report_int(r, v->key, (int64_t)bits, "");
		return;
	case GGUF_BOOL:
		report_bool(r, v->key, bits);
		return;
	case GGUF_F32:
		memcpy(&f, &low, sizeof f);
		snprintf(text, sizeof text, "%.9g", (double)f);
		report_str(r, v->key, text);
		return;
	case GGUF_F64:
		memcpy(&d, &bits, sizeof d);
		snprintf(text, sizeof text, "%.17g", d);
		report_str(r, v->key, text);
		return;
	default:
		snprintf(text, sizeof text, "%" PRIu64, bits);
		if (bits > INT64_MAX)
			report_str(r, v->key, text);
		else
			report_int(r, v->key, (int64_t)bits, "");
	}
}

static void show_value(struct report *r, const struct gguf_value *v)
{
	struct buf text = {.data = NULL};

	if (v->is_array) {
		buf_printf(&text, "[%" PRIu64 " x %s]", v->n, type_names[v->type]);
		report_text(r, v->key, text.data, text.len);
	} else if (v->type == GGUF_STR) {
		buf_add(&text, v->data, v->n < SHOWN ? (size_t)v->n : SHOWN);
		if (v->n > SHOWN)
			buf_printf(&text, "... (%" PRIu64 " bytes)", v->n);
		report_text(r, v->key, text.data, text.len);
	} else {
		show_number(r, v);
	}
	buf_free(&text);
}

void metadata_show(struct report *r, const struct gguf *g)
{
	report_names(r, "metadata");
	for (size_t i = 0; i < gguf_n_values(g); i++)
		show_value(r, gguf_value_at(g, i));
	report_end(r);
}
