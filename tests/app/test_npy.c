#include "app/npy.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

static char dir[] = "/tmp/clampmeter-npy-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof path, "%s/a.npy", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static size_t slurp(unsigned char *out, size_t room)
{
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(out, 1, room, f) : 0;

	if (f)
		fclose(f);
	return n;
}

static void an_array_has_numpys_header_and_its_rows(void **state)
{
	const float rows[6] = {1, 2, 3, 4, 5, -0.5f};
	unsigned char got[512];
	struct npy w;
	struct err e;

	(void)state;
	CHECK(npy_open(&w, path, 3, 2, &e));
	CHECK(npy_rows(&w, rows, 1, &e));
	CHECK(npy_rows(&w, rows + 2, 2, &e));
	CHECK(npy_finish(&w, &e));
	CHECK_INT(slurp(got, sizeof got), 128 + sizeof rows);
	CHECK(!memcmp(got, "\x93NUMPY\x01\x00\x76\x00", 10));
	CHECK(strstr((char *)got + 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }") != NULL);
	CHECK_INT(got[127], '\n');
	CHECK(!memcmp(got + 128, rows, sizeof rows));
	unlink(path);
}

static void the_data_begins_at_a_multiple_of_64_whatever_the_shape(void **state)
{
	unsigned char got[512];
	struct npy w;
	struct err e;

	(void)state;
	for (size_t cols = 1; cols < 2000000000; cols = cols * 7 + 3) {
		CHECK(npy_open(&w, path, 0, cols, &e));
		CHECK(npy_finish(&w, &e));
		CHECK_INT(slurp(got, sizeof got) % 64, 0);
	}
	unlink(path);
}

static void nothing_has_the_name_before_it_is_finished(void **state)
{
	const float row[2] = {1, 2};
	struct stat st;
	struct npy w;
	struct err e;

	(void)state;
	CHECK(npy_open(&w, path, 2, 2, &e));
	CHECK(npy_rows(&w, row, 1, &e));
	CHECK(stat(path, &st) != 0);
	npy_give_up(&w);
	npy_give_up(&w);
	CHECK(stat(path, &st) != 0);
	/* The temporary file is gone as well: the directory is empty and can go. */
	CHECK(rmdir(dir) == 0);
	CHECK(mkdir(dir, 0700) == 0);
}

static void an_array_that_was_there_survives_a_failure(void **state)
{
	const float row[1] = {7};
	unsigned char got[512];
	struct npy w;
	struct err e;

	(void)state;
	CHECK(npy_open(&w, path, 1, 1, &e) && npy_rows(&w, row, 1, &e) && npy_finish(&w, &e));
	CHECK(npy_open(&w, path, 5, 1, &e) && npy_rows(&w, row, 1, &e));
	npy_give_up(&w);
	CHECK_INT(slurp(got, sizeof got), 128 + sizeof row);
	unlink(path);
}

static void a_place_that_cannot_be_written_is_an_error(void **state)
{
	struct npy w;
	struct err e;

	(void)state;
	CHECK(!npy_open(&w, "no/such/directory/a.npy", 1, 1, &e));
	CHECK_INT(e.code, ERR_RUN);
	CHECK(strstr(e.msg, "no/such/directory/a.npy") != NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_array_has_numpys_header_and_its_rows),
		TEST(the_data_begins_at_a_multiple_of_64_whatever_the_shape),
		TEST(nothing_has_the_name_before_it_is_finished),
		TEST(an_array_that_was_there_survives_a_failure),
		TEST(a_place_that_cannot_be_written_is_an_error),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
