#include "tests/bad_gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "tests/tiny_model.h"

static const float one[64];

/* A whole good model, still in parts. */
void bad_good(struct gguf_build *b)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_Q8_0);

	gguf_build_init(b);
	s.n_layers = 1;
	tiny_hparams(b, &s);
	gguf_build_u32(b, "llama.rope.dimension_count", 16);
	gguf_build_f32(b, "llama.rope.freq_base", 10000);
	tiny_vocab(b, &s);
	tiny_tensors(b, &s);
}

void bad_finish(struct gguf_build *b, struct buf *out)
{
	gguf_build_bytes(b, out);
	gguf_build_free(b);
}

/* The bytes of a value: behind the text of its key and its type. */
static char *value_of(struct gguf_build *b, const char *key)
{
	char *at = gguf_build_find(&b->values, key);

	return at + strlen(key) + 4;
}

static void number(char *at, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		at[i] = (char)(v >> 8 * i & 255);
}

/* ---- header ---- */

void bad_cut(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	bad_finish(&b, out);
	out->len = (size_t)k->v;
}

void bad_starts_with(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	bad_finish(&b, out);
	memcpy(out->data, k->key, k->v ? (size_t)k->v : strlen(k->key));
}

void bad_version(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	b.version = (uint32_t)k->v;
	bad_finish(&b, out);
}

/* Counts in a file of 100 bytes. */
void bad_counts(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	gguf_build_init(&b);
	b.n_tensors = k->v;
	b.n_values = k->w;
	bad_finish(&b, out);
	while (out->len < 100)
		buf_char(out, 0);
}

void bad_desync(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	b.n_values += k->v;
	b.n_tensors += k->w;
	bad_finish(&b, out);
}

/* ---- metadata ---- */

void bad_raw_key(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	gguf_build_init(&b);
	gguf_build_put(&b.values, k->v, 8);
	for (uint64_t i = 0; i < (k->w ? k->w : 32); i++)
		buf_char(&b.values, 'k');
	b.n_values = 1;
	bad_finish(&b, out);
}

void bad_odd_key(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	gguf_build_value(&b, k->key, k->v ? (size_t)k->v : strlen(k->key), GGUF_U32, &k->v, 4);
	bad_finish(&b, out);
}

void bad_twice(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	gguf_build_str(&b, k->key, "gpt2");
	bad_finish(&b, out);
}

void bad_many_keys(struct buf *out, const struct bad *k)
{
	struct gguf_build b;
	char key[16];

	gguf_build_init(&b);
	for (uint64_t i = 0; i < k->v; i++) {
		snprintf(key, sizeof key, "k%d", (int)(i * 7919 % k->v));
		gguf_build_value(&b, key, strlen(key), GGUF_U8, "", 1);
	}
	bad_finish(&b, out);
}

/* A value of type w whose bytes are v, and some more. */
void bad_odd_value(struct buf *out, const struct bad *k)
{
	struct gguf_build b;
	uint64_t bytes[4] = { k->v, 0, 0, 0 };

	bad_good(&b);
	gguf_build_value(&b, k->key, strlen(k->key), (uint32_t)k->w, bytes, sizeof bytes);
	bad_finish(&b, out);
}

/* The value type of a key that is there becomes v. */
void bad_retyped(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	number(value_of(&b, k->key) - 4, k->v, 4);
	bad_finish(&b, out);
}

void bad_array_length(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	gguf_build_array(&b, "some.array", (enum gguf_type)k->w, (size_t)k->v, one, sizeof one);
	bad_finish(&b, out);
}

void bad_long_array(struct buf *out, const struct bad *k)
{
	struct gguf_build b;
	void *bytes = mem_zalloc((size_t)k->v);

	gguf_build_init(&b);
	gguf_build_array(&b, "some.array", GGUF_U8, (size_t)k->v, bytes, (size_t)k->v);
	free(bytes);
	bad_finish(&b, out);
}

void bad_long_string(struct buf *out, const struct bad *k)
{
	struct gguf_build b;
	char *text = mem_zalloc((size_t)k->v + 1);

	memset(text, 'x', (size_t)k->v);
	gguf_build_init(&b);
	gguf_build_str(&b, k->key, text);
	free(text);
	bad_finish(&b, out);
}

void bad_nested(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	gguf_build_init(&b);
	gguf_build_value(&b, "a", 1, GGUF_ARR, NULL, 0);
	for (uint64_t i = 0; i < k->v; i++) {
		gguf_build_put(&b.values, GGUF_ARR, 4);
		gguf_build_put(&b.values, 1, 8);
	}
	bad_finish(&b, out);
}

void bad_bool_array(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	gguf_build_array(&b, "flags", GGUF_BOOL, 3, (char[]){ 0, 1, (char)k->v }, 3);
	bad_finish(&b, out);
}

void bad_alignment(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	gguf_build_init(&b);
	gguf_build_value(&b, "general.alignment", 17, (uint32_t)k->w, &k->v, k->w == GGUF_U64 ? 8 : 4);
	bad_finish(&b, out);
	for (int i = 0; i < 64; i++)
		buf_char(out, 0);
}

/* A file whose architecture is a text, or with no architecture at all. */
void bad_architecture(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	gguf_build_init(&b);
	if (k->key)
		gguf_build_str(&b, "general.architecture", k->key);
	else
		gguf_build_strings(&b, k->v ? "general.architecture" : "general.name", (const char *[]){ "llama" }, 1);
	bad_finish(&b, out);
}

/* ---- tensors ---- */

/* One row of the table, and a page of data: v, w and TYPE say what is wrong. */
void bad_odd_row(struct buf *out, const struct bad *k)
{
	uint64_t ne[8] = { 32, 2, 1, 1, 1, 1, 1, 1 }, type = 0, n_dims = 4, offset = 0;
	struct gguf_build b;

	switch (k->w & 0xff) {
	case NE0: ne[0] = k->v; break;
	case NE1: ne[1] = k->v; break;
	case NE3: ne[3] = k->v; break;
	case TYPE: type = k->v; break;
	case N_DIMS: n_dims = k->v; break;
	case OFFSET: offset = k->v; break;
	}
	gguf_build_init(&b);
	gguf_build_row(&b, k->key, strlen(k->key), (uint32_t)n_dims, ne, (uint32_t)(k->w >> 8 ? k->w >> 8 : type), offset);
	bad_finish(&b, out);
	for (int i = 0; i < 4096; i++)
		buf_char(out, 0);
}

/* Two tensors of v elements of type w. */
void bad_two_huge(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	gguf_build_init(&b);
	gguf_build_row(&b, "a", 1, 1, &k->v, (uint32_t)k->w, 0);
	gguf_build_row(&b, "b", 1, 1, &k->v, (uint32_t)k->w, 0);
	bad_finish(&b, out);
}

/* "a" of 64 bytes, then "b" that says it lies at v. */
void bad_second_offset(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	gguf_build_init(&b);
	gguf_build_tensor(&b, "a", DTYPE_F32, 1, (uint64_t[]){ 16 }, one, 64);
	gguf_build_row(&b, "b", 1, 1, (uint64_t[]){ 16 }, 0, k->v);
	gguf_build_put(&b.data, 0, 8);
	bad_finish(&b, out);
	for (int i = 0; i < 256; i++)
		buf_char(out, 0);
}

void bad_shortened(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	bad_finish(&b, out);
	out->len -= (size_t)k->v;
}

void bad_lengthened(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	bad_finish(&b, out);
	for (uint64_t i = 0; i < k->v; i++)
		buf_char(out, 0x55);
}

/* A model with one tensor more, its name of v bytes (or the one given). */
void bad_named(struct buf *out, const struct bad *k)
{
	struct gguf_build b;
	char *name = mem_zalloc((size_t)k->v + 1);

	memset(name, 'n', (size_t)k->v);
	bad_good(&b);
	gguf_build_tensor(&b, k->key ? k->key : name, DTYPE_F32, 1, (uint64_t[]){ 1 }, one, 4);
	free(name);
	bad_finish(&b, out);
}

void bad_many_tensors(struct buf *out, const struct bad *k)
{
	struct gguf_build b;
	char name[16];

	gguf_build_init(&b);
	for (uint64_t i = 0; i < k->v; i++) {
		snprintf(name, sizeof name, "t%d", (int)(i * 7919 % k->v));
		gguf_build_tensor(&b, name, DTYPE_F32, 1, (uint64_t[]){ 1 }, one, 4);
	}
	bad_finish(&b, out);
}

void bad_transposed(struct buf *out, const struct bad *k)
{
	struct gguf_build b;
	uint64_t ne[2];
	char *at;

	bad_good(&b);
	at = gguf_build_find(&b.table, k->key) + strlen(k->key) + 4;
	memcpy(ne, at, sizeof ne);
	number(at, ne[1], 8);
	number(at + 8, ne[0], 8);
	bad_finish(&b, out);
}

void bad_renamed(struct buf *out, const struct bad *k)
{
	struct gguf_build b;
	char *at;

	bad_good(&b);
	at = gguf_build_find(&b.table, k->key);
	*at = 'B';
	bad_finish(&b, out);
}

void bad_ones_everywhere(struct buf *out, const struct bad *k)
{
	struct tiny_spec s = tiny_spec("llama", (enum dtype)k->v);
	struct gguf_build b;

	gguf_build_init(&b);
	tiny_hparams(&b, &s);
	tiny_vocab(&b, &s);
	tiny_tensors(&b, &s);
	memset(b.data.data, 0xff, b.data.len);
	bad_finish(&b, out);
}

void bad_split(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	gguf_build_value(&b, "split.count", 11, GGUF_U16, &k->v, 2);
	bad_finish(&b, out);
}

/* ---- hyper-parameters and vocabulary ---- */

/* The four bytes of a value that is there become v. */
void bad_valued(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	number(value_of(&b, k->key), k->v, 4);
	bad_finish(&b, out);
}

void bad_added(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	gguf_build_u32(&b, k->key, (uint32_t)k->v);
	bad_finish(&b, out);
}

/* The key is there no longer. */
void bad_without(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	*gguf_build_find(&b.values, k->key) = 'X';
	bad_finish(&b, out);
}

void bad_scaling(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	gguf_build_str(&b, "llama.rope.scaling.type", k->key);
	bad_finish(&b, out);
}

void bad_scaling_factor(struct buf *out, const struct bad *k)
{
	struct gguf_build b;
	uint32_t bits = (uint32_t)k->v;

	bad_good(&b);
	gguf_build_value(&b, "llama.rope.scaling.factor", 25, GGUF_F32, &bits, 4);
	bad_finish(&b, out);
}

void bad_per_layer(struct buf *out, const struct bad *k)
{
	struct gguf_build b;

	bad_good(&b);
	*gguf_build_find(&b.values, k->key) = 'X';
	gguf_build_array(&b, k->key, GGUF_U32, (size_t)k->v, one, 4 * (size_t)k->v);
	bad_finish(&b, out);
}

/* A vocabulary of v tokens whose scores are an array of type w and v elements. */
void bad_vocabulary(struct buf *out, const struct bad *k)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_Q8_0);
	const char **tokens = mem_array((size_t)k->v, sizeof *tokens);
	char *scores = mem_zalloc(8 * ((size_t)k->v + 1));
	struct gguf_build b;

	for (uint64_t i = 0; i < k->v; i++)
		tokens[i] = "a";
	gguf_build_init(&b);
	tiny_hparams(&b, &s);
	gguf_build_str(&b, "tokenizer.ggml.model", "llama");
	gguf_build_strings(&b, "tokenizer.ggml.tokens", tokens, (size_t)k->v);
	if (k->w == GGUF_U8)
		gguf_build_array(&b, "tokenizer.ggml.scores", GGUF_U8, (size_t)k->v, scores, (size_t)k->v);
	if (k->w == GGUF_F32)
		gguf_build_array(&b, "tokenizer.ggml.scores", GGUF_F32, (size_t)k->v - 1, scores, 4 * ((size_t)k->v - 1));
	if (k->w == GGUF_I32)
		gguf_build_array(&b, "tokenizer.ggml.token_type", GGUF_F32, (size_t)k->v, scores, 4 * (size_t)k->v);
	tiny_tensors(&b, &s);
	free(scores);
	free(tokens);
	bad_finish(&b, out);
}
