#include "tests/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine/gguf.h"
#include "tests/gguf_build.h"
#include "tests/tiny_model.h"

static struct gguf *open_build(const struct gguf_build *b, struct buf *bytes)
{
	struct err e = { .code = ERR_NONE };
	struct gguf *g;

	gguf_build_bytes(b, bytes);
	g = gguf_open_mem("test.gguf", bytes->data, bytes->len, &e);
	if (!g)
		fail_msg("%s", e.msg);
	return g;
}

/* A value of every type, and two tensors. */
static void fill(struct gguf_build *b)
{
	static const float weights[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const struct { const char *key; enum gguf_type t; uint64_t v; size_t n; } ints[] = {
		{ "z.u8", GGUF_U8, 200, 1 }, { "y.i8", GGUF_I8, 0xfe, 1 }, { "x.u16", GGUF_U16, 60000, 2 },
		{ "w.i16", GGUF_I16, 0xfffe, 2 }, { "v.u32", GGUF_U32, 4000000000, 4 }, { "u.i32", GGUF_I32, 0xfffffffe, 4 },
		{ "t.u64", GGUF_U64, UINT64_MAX, 8 }, { "s.i64", GGUF_I64, UINT64_MAX - 1, 8 },
	};

	gguf_build_init(b);
	for (size_t i = 0; i < sizeof ints / sizeof *ints; i++)
		gguf_build_value(b, ints[i].key, strlen(ints[i].key), ints[i].t, &ints[i].v, ints[i].n);
	gguf_build_f32(b, "f", 1.5f);
	gguf_build_value(b, "d", 1, GGUF_F64, &(double){ 2.5 }, 8);
	gguf_build_bool(b, "yes", true);
	gguf_build_str(b, "text", "hello");
	gguf_build_strings(b, "words", (const char *[]){ "a", "", "cde" }, 3);
	gguf_build_array(b, "ints", GGUF_I32, 3, (int32_t[]){ 1, -2, 3 }, 12);
	gguf_build_array(b, "none", GGUF_F32, 0, NULL, 0);
	gguf_build_tensor(b, "one", DTYPE_F32, 2, (uint64_t[]){ 2, 3 }, weights, 24);
	gguf_build_tensor(b, "two", DTYPE_F16, 1, (uint64_t[]){ 4 }, weights, 8);
}

static void values_of_every_type_are_read(void **state)
{
	struct err e = { .code = ERR_NONE };
	struct buf bytes = { .data = NULL };
	struct gguf_str *words;
	struct gguf_build b;
	const void *data;
	const char *s;
	double f = 0;
	int64_t i = 0;
	bool yes = false;
	size_t n;

	(void)state;
	fill(&b);
	struct gguf *g = open_build(&b, &bytes);
	CHECK(gguf_int(g, "z.u8", 0, 255, &i, &e) && i == 200);
	CHECK(gguf_int(g, "y.i8", -9, 9, &i, &e) && i == -2);
	CHECK(gguf_int(g, "x.u16", 0, 65535, &i, &e) && i == 60000);
	CHECK(gguf_int(g, "w.i16", -9, 9, &i, &e) && i == -2);
	CHECK(gguf_int(g, "v.u32", 0, INT64_MAX, &i, &e) && i == 4000000000);
	CHECK(gguf_int(g, "u.i32", -9, 9, &i, &e) && i == -2);
	CHECK(gguf_int(g, "s.i64", -9, 9, &i, &e) && i == -2);
	CHECK(!gguf_int(g, "t.u64", -9, 9, &i, &e) && strstr(e.msg, "9223372036854775807 or more, expected -9 to 9"));
	CHECK(gguf_float(g, "f", 0, 9, &f, &e) && f == 1.5);
	CHECK(gguf_float(g, "d", 0, 9, &f, &e) && f == 2.5);
	CHECK(gguf_bool(g, "yes", &yes, &e) && yes);
	CHECK(gguf_str(g, "text", &s, &n, &e) && n == 5 && !memcmp(s, "hello", 5));
	CHECK(gguf_strings(g, "words", &words, &n, &e) && n == 3);
	CHECK(words[0].n == 1 && *words[0].s == 'a' && words[1].n == 0 && words[2].n == 3 && !memcmp(words[2].s, "cde", 3));
	free(words);
	CHECK(gguf_array(g, "ints", GGUF_I32, &data, &n, &e) && n == 3);
	CHECK(gguf_array(g, "none", GGUF_F32, &data, &n, &e) && n == 0 && data);
	gguf_close(g);
	gguf_build_free(&b);
	buf_free(&bytes);
}

static void what_is_absent_keeps_its_default(void **state)
{
	struct err e = { .code = ERR_NONE };
	struct buf bytes = { .data = NULL };
	struct gguf_build b;
	struct gguf_str *words;
	const void *data;
	const char *s;
	double f = 7;
	int64_t i = 7;
	bool yes = true;
	size_t n;

	(void)state;
	fill(&b);
	struct gguf *g = open_build(&b, &bytes);
	CHECK(gguf_int(g, "no", 0, 1, &i, &e) && i == 7);
	CHECK(gguf_float(g, "no", 0, 1, &f, &e) && f == 7);
	CHECK(gguf_bool(g, "no", &yes, &e) && yes);
	CHECK(gguf_str(g, "no", &s, &n, &e) && !s && n == 0);
	CHECK(gguf_strings(g, "no", &words, &n, &e) && !words && n == 0);
	CHECK(gguf_array(g, "no", GGUF_F32, &data, &n, &e) && !data && n == 0);
	CHECK(!gguf_find(g, "no") && !gguf_find(g, "") && !gguf_find(g, "zzz"));
	gguf_close(g);
	gguf_build_free(&b);
	buf_free(&bytes);
}

static void a_wrong_type_names_key_and_offset(void **state)
{
	struct err e = { .code = ERR_NONE };
	struct buf bytes = { .data = NULL };
	struct gguf_build b;
	struct gguf_str *words;
	const void *data;
	const char *s;
	double f;
	int64_t i;
	bool yes;
	size_t n;

	(void)state;
	fill(&b);
	struct gguf *g = open_build(&b, &bytes);
	CHECK(!gguf_int(g, "f", 0, 1, &i, &e) && e.code == ERR_FILE && strstr(e.msg, "is of type f32, expected an integer"));
	CHECK(!gguf_int(g, "ints", 0, 1, &i, &e) && strstr(e.msg, "is an array of i32"));
	CHECK(!gguf_float(g, "v.u32", 0, 1, &f, &e) && strstr(e.msg, "key v.u32 at offset 0x"));
	CHECK(!gguf_bool(g, "z.u8", &yes, &e) && strstr(e.msg, "expected bool"));
	CHECK(!gguf_str(g, "words", &s, &n, &e) && !s && strstr(e.msg, "expected a string"));
	CHECK(!gguf_strings(g, "ints", &words, &n, &e) && !words && strstr(e.msg, "an array of strings"));
	CHECK(!gguf_array(g, "ints", GGUF_F32, &data, &n, &e) && !data && strstr(e.msg, "is an array of i32, expected an array of f32"));
	CHECK(!gguf_array(g, "words", GGUF_F32, &data, &n, &e));
	gguf_close(g);
	gguf_build_free(&b);
	buf_free(&bytes);
}

static void the_directory_is_in_the_order_of_the_file(void **state)
{
	struct buf bytes = { .data = NULL };
	struct gguf_build b;
	char text[96];

	(void)state;
	fill(&b);
	struct gguf *g = open_build(&b, &bytes);
	const struct tensor_dir *dir = gguf_tensors(g);
	CHECK_INT(dir->n, 2);
	CHECK_STR(dir->t[0].name, "one");
	CHECK(dir->t[0].cols == 2 && dir->t[0].rows == 3 && dir->t[0].row_bytes == 8 && dir->t[0].n_dims == 2);
	CHECK_INT(tensor_bytes(&dir->t[0]), 24);
	CHECK_STR(tensor_shape_text(&dir->t[0], text, sizeof text), "[2, 3]");
	CHECK_STR(tensor_shape_text(&dir->t[1], text, sizeof text), "[4]");
	CHECK_INT(((size_t)(dir->t[1].data - (const unsigned char *)bytes.data)) % 32, 0);
	CHECK(tensor_find(dir, "two") == &dir->t[1] && !tensor_find(dir, "three"));
	float row[2];
	tensor_row_f32(&dir->t[0], 2, row);
	CHECK(row[0] == 5 && row[1] == 6);
	CHECK_INT(gguf_n_values(g), 15);
	CHECK_STR(gguf_value_at(g, 0)->key, "z.u8");
	CHECK_INT(gguf_version(g), 3);
	CHECK_INT(gguf_size(g), bytes.len);
	CHECK_STR(gguf_path(g), "test.gguf");
	gguf_close(g);
	gguf_build_free(&b);
	buf_free(&bytes);
}

static void version_2_and_any_alignment_up_to_64k_open(void **state)
{
	(void)state;
	for (uint32_t a = 1; a <= 65536; a *= 2) {
		struct buf bytes = { .data = NULL };
		struct gguf_build b;

		gguf_build_init(&b);
		b.version = 2;
		b.alignment = a;
		gguf_build_u32(&b, "general.alignment", a);
		gguf_build_tensor(&b, "x", DTYPE_F32, 1, (uint64_t[]){ 3 }, (float[]){ 1, 2, 3 }, 12);
		gguf_build_tensor(&b, "y", DTYPE_F32, 1, (uint64_t[]){ 1 }, (float[]){ 4 }, 4);
		struct gguf *g = open_build(&b, &bytes);
		float y;
		tensor_row_f32(tensor_find(gguf_tensors(g), "y"), 0, &y);
		CHECK(y == 4);
		gguf_close(g);
		gguf_build_free(&b);
		buf_free(&bytes);
	}
}

static void trailing_bytes_are_counted_and_missing_padding_is_none(void **state)
{
	struct err e = { .code = ERR_NONE };
	struct buf bytes = { .data = NULL };
	struct gguf_build b;
	struct gguf *g;

	(void)state;
	fill(&b);
	gguf_build_bytes(&b, &bytes);
	/* "two" is 8 bytes and 24 of padding. */
	for (size_t cut = 0; cut <= 24; cut++) {
		g = gguf_open_mem("cut", bytes.data, bytes.len - cut, &e);
		CHECK(g && gguf_trailing(g) == 0);
		gguf_close(g);
	}
	g = gguf_open_mem("cut", bytes.data, bytes.len - 25, &e);
	CHECK(!g && strstr(e.msg, "tensor two") && strstr(e.msg, "needs 8 bytes, 7 are left in the file"));
	buf_str(&bytes, "tail");
	g = gguf_open_mem("long", bytes.data, bytes.len, &e);
	CHECK(g && gguf_trailing(g) == 4);
	gguf_close(g);
	gguf_build_free(&b);
	buf_free(&bytes);
}

static void a_file_opens_like_memory(void **state)
{
	struct tiny_spec s = tiny_spec("gpt2", DTYPE_Q8_0);
	struct err e = { .code = ERR_NONE };
	char *path = tiny_temp_model(&s);
	struct gguf *g;

	(void)state;
	CHECK(path);
	g = gguf_open(path, &e);
	CHECK(g && gguf_tensors(g)->n > 20);
	CHECK_STR(gguf_path(g), path);
	gguf_close(g);
	unlink(path);
	free(path);
	CHECK(!gguf_open("/nonexistent.gguf", &e) && e.code == ERR_FILE);
}

static void the_shared_models_open(void **state)
{
	static const char *const names[] = { "stories260K.gguf", "stories260K-pad192-Q4_0.gguf" };

	(void)state;
	if (access(SHARED "models/stories260K.gguf", R_OK))
		SKIP("no " SHARED "models");
	for (size_t i = 0; i < 2; i++) {
		struct err e = { .code = ERR_NONE };
		char path[128];

		snprintf(path, sizeof path, SHARED "models/%s", names[i]);
		struct gguf *g = gguf_open(path, &e);
		CHECK(g && tensor_find(gguf_tensors(g), "blk.4.ffn_down.weight") && gguf_trailing(g) == 0);
		gguf_close(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_of_every_type_are_read), TEST(what_is_absent_keeps_its_default), TEST(a_wrong_type_names_key_and_offset),
		TEST(the_directory_is_in_the_order_of_the_file), TEST(version_2_and_any_alignment_up_to_64k_open),
		TEST(trailing_bytes_are_counted_and_missing_padding_is_none), TEST(a_file_opens_like_memory),
		TEST(the_shared_models_open),
	};

	return RUN(tests);
}
