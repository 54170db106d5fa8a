/* test_vec: vectors and the container they come in: written, read back, and refused. */
#include <stdlib.h>
#include <unistd.h>

#include "engine/edit.h"
#include "engine/learn.h"
#include "engine/safetensors.h"
#include "tests/test.h"
#include "tests/tiny_model.h"

static struct hparams shape(void)
{
	return (struct hparams){ .arch = arch_find("llama", 5), .n_layers = 4, .d_model = 8, .n_heads = 2, .n_kv_heads = 1,
		.d_head = 4, .d_ff = 16, .n_vocab = 32 };
}

static const float dog[8] = { 1, -2, 0.5f, 0, 3, 0, 0, -1 };

static char *write_dog(const struct hparams *hp, const char *operation)
{
	struct err e = { 0 };
	struct address at = { .site = SITE_resid_post, .layer = 2, .head = -1, .index = -1 };
	char *path = tiny_temp_file("", 0, ".vec");
	struct vec *v = vec_new("dog", operation, &at, 2, 8, dog);

	assert_non_null(path);
	if (!vec_write(v, path, hp, "a model", &e))
		fail_msg("%s", e.msg);
	vec_unref(v);
	return path;
}

static void drop(char *path)
{
	unlink(path);
	free(path);
}

static void a_vector_survives_the_way_to_disk_and_back(void **state)
{
	struct hparams hp = shape();
	struct err e = { 0 };
	char *path = write_dog(&hp, "add");
	const struct vec *v = vec_open(path, &hp, &e);

	(void)state;
	if (!v)
		fail_msg("%s", e.msg);
	assert_memory_equal(v->v, dog, sizeof dog);
	CHECK_INT(v->at.layer, 2);
	CHECK_NEAR(v->scale, 2, 0);
	CHECK_NEAR(v->norm, sqrt(1 + 4 + 0.25 + 9 + 1), 1e-6);
	vec_unref(v);
	drop(path);
}

static void a_vector_of_another_shape_is_refused(void **state)
{
	struct hparams hp = shape(), wide = shape();
	struct err e = { 0 };
	char *path = write_dog(&hp, "add");

	(void)state;
	wide.d_model = 16;
	assert_null(vec_open(path, &wide, &e));
	CHECK_INT(e.code, ERR_FILE);
	assert_non_null(strstr(e.msg, "d_model 8; this one has 16"));
	drop(path);
}

static void apply(const char *line, const struct hparams *hp, float *x)
{
	struct err e = { 0 };
	struct edit ed;
	const struct edit_set *none = edit_set_empty(), *s;

	if (!edit_parse(line, hp, &ed, &e))
		fail_msg("%s: %s", line, e.msg);
	s = edit_set_with(none, &ed, 1);
	edit_drop(&ed);
	edit_set_apply(s, 2, SITE_resid_post, hp, x, 0, 0, NULL, NULL);
	edit_set_unref(s);
	edit_set_unref(none);
}

static void a_vector_is_added_scaled_by_header_and_user(void **state)
{
	struct hparams hp = shape();
	char *path = write_dog(&hp, "add"), line[256];
	float x[8] = { 0 };

	(void)state;
	snprintf(line, sizeof line, "L2.resid + %s * 3", path);
	apply(line, &hp, x);
	for (int i = 0; i < 8; i++)
		CHECK_NEAR(x[i], 6 * dog[i], 1e-6);
	drop(path);
}

static void a_projection_leaves_nothing_along_the_vector(void **state)
{
	struct hparams hp = shape();
	char *path = write_dog(&hp, "project"), line[256];
	float x[8] = { 3, 1, 4, 1, 5, 9, 2, 6 }, before[8];
	double along = 0, moved = 0;

	(void)state;
	memcpy(before, x, sizeof x);
	/* The header's scale of 2 times one half is the whole part. */
	snprintf(line, sizeof line, "L2.resid project %s * 0.5", path);
	apply(line, &hp, x);
	for (int i = 0; i < 8; i++) {
		along += (double)x[i] * (double)dog[i];
		moved += fabs((double)x[i] - (double)before[i]);
	}
	CHECK_NEAR(along, 0, 1e-5);
	assert_true(moved > 0.1);
	drop(path);
}

static void a_vector_used_otherwise_than_its_header_says_is_refused(void **state)
{
	struct hparams hp = shape();
	struct err e = { 0 };
	char *path = write_dog(&hp, "add"), line[256];
	struct edit ed;

	(void)state;
	snprintf(line, sizeof line, "L2.resid project %s", path);
	assert_false(edit_parse(line, &hp, &ed, &e));
	assert_non_null(strstr(e.msg, "is a vector to add"));
	snprintf(line, sizeof line, "L1.resid + %s", path);
	assert_false(edit_parse(line, &hp, &ed, &e));
	assert_non_null(strstr(e.msg, "is a vector for L2.resid, not for L1.resid"));
	snprintf(line, sizeof line, "L2.mlp = %s", path);
	assert_false(edit_parse(line, &hp, &ed, &e));
	drop(path);
}

static void a_learned_vector_is_the_difference_of_the_means(void **state)
{
	static const char *const texts[2] = { "# animals\nthe dog\n\nthe cat\n", "a table\nthe red door\na wall" };
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	struct tiny t;
	struct err e = { 0 };
	struct learned got, back;
	char *file[3];

	(void)state;
	assert_true(tiny_open(&t, &spec, &e));
	for (int i = 0; i < 2; i++)
		file[i] = tiny_temp_file(texts[i], strlen(texts[i]), ".txt");
	file[2] = tiny_temp_file("", 0, ".vec");
	struct learn what = { .a = file[0], .b = file[1], .out = file[2], .n_threads = 1, .add_bos = true,
		.at = { .site = SITE_resid_post, .layer = 1, .head = -1, .index = -1 } };
	if (!learn_vector(t.model, &what, &got, &e))
		fail_msg("%s", e.msg);
	CHECK_INT(got.n_a, 2);
	CHECK_INT(got.n_b, 3);
	assert_true(got.norm > 0 && got.norm < 2 * got.spread);
	const struct vec *v = vec_open(file[2], &t.model->hp, &e);
	assert_non_null(v);
	CHECK_STR(v->operation, "add");
	CHECK_INT(v->at.layer, 1);
	/* The sets exchanged give the same vector the other way round. */
	what.a = file[1];
	what.b = file[0];
	assert_true(learn_vector(t.model, &what, &back, &e));
	const struct vec *w = vec_open(file[2], &t.model->hp, &e);
	for (int i = 0; i < v->n; i++)
		CHECK_NEAR(v->v[i], -w->v[i], 1e-6);
	what.a = "/nowhere/to/be/found";
	assert_false(learn_vector(t.model, &what, &back, &e));
	CHECK_INT(e.code, ERR_FILE);
	vec_unref(v);
	vec_unref(w);
	for (int i = 0; i < 3; i++)
		drop(file[i]);
	tiny_close(&t);
}

static void check_bytes(const char *header, size_t n_data, enum err_code code, const char *word)
{
	struct buf b = { 0 };
	struct err e = { 0 };
	size_t n = strlen(header);

	for (int i = 0; i < 8; i++)
		buf_char(&b, (char)(n >> 8 * i & 0xff));
	buf_str(&b, header);
	for (size_t i = 0; i < n_data; i++)
		buf_char(&b, 0);
	struct safetensors *s = safetensors_open_mem("x", b.data, b.len, &e);
	if (s)
		fail_msg("accepted: %s", header);
	CHECK_INT(e.code, code);
	if (!strstr(e.msg, word))
		fail_msg("\"%s\" does not say \"%s\"", e.msg, word);
	buf_free(&b);
}

#define T(shape, from, to) "\"a\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"

static void every_kind_of_bad_container_is_one_clear_line(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_null(safetensors_open_mem("x", "1234567", 7, &e));
	assert_null(safetensors_open_mem("x", "\xff\xff\xff\xff\xff\xff\xff\xff", 8, &e));
	check_bytes("[]", 0, ERR_FILE, "not a JSON object");
	check_bytes("{", 0, ERR_FILE, "not a JSON object");
	check_bytes("{" T("[2]", "0", "8") "," T("[2]", "0", "8") "}", 8, ERR_FILE, "duplicate");
	check_bytes("{" T("[2]", "0", "4") "}", 4, ERR_FILE, "needs 8");
	check_bytes("{" T("[2]", "0", "8") "}", 4, ERR_FILE, "inside the file");
	check_bytes("{" T("[2]", "8", "0") "}", 8, ERR_FILE, "in order");
	check_bytes("{" T("[2]", "-8", "0") "}", 8, ERR_FILE, "inside the file");
	check_bytes("{" T("[2]", "4", "12") "}", 12, ERR_FILE, "do not follow");
	check_bytes("{" T("[2]", "0", "8") "}", 12, ERR_FILE, "behind the last");
	check_bytes("{" T("[2,18446744073709551614]", "0", "8") "}", 8, ERR_FILE, "");
	check_bytes("{" T("[4611686018427387904,4]", "0", "0") "}", 0, ERR_FILE, "shape");
	check_bytes("{" T("[-1]", "0", "0") "}", 0, ERR_FILE, "shape");
	check_bytes("{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, ERR_UNSUPPORTED, "F64");
	check_bytes("{\"a\":{\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, ERR_FILE, "dtype");
	check_bytes("{\"__metadata__\":{\"a\":1}}", 0, ERR_FILE, "__metadata__");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_vector_survives_the_way_to_disk_and_back),
		TEST(a_vector_of_another_shape_is_refused),
		TEST(a_vector_is_added_scaled_by_header_and_user),
		TEST(a_projection_leaves_nothing_along_the_vector),
		TEST(a_vector_used_otherwise_than_its_header_says_is_refused),
		TEST(a_learned_vector_is_the_difference_of_the_means),
		TEST(every_kind_of_bad_container_is_one_clear_line),
	};

	return RUN(tests);
}
