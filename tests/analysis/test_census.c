/* threaded test: workers add to one sum */
#include "analysis/census.h"

#include <stdlib.h>

#include "engine/base/half.h"
#include "tests/test.h"

static struct tensor view(const void *data, enum dtype type, size_t rows, size_t cols)
{
	return (struct tensor){
		.name = "t", .type = type, .n_dims = 2, .ne = {(int64_t)cols, (int64_t)rows, 1, 1},
		.rows = rows, .cols = cols, .row_bytes = dtype_row_bytes(type, cols), .data = data,
	};
}

static struct census count(const struct tensor *t, int threads)
{
	struct err e;
	struct pool *p = pool_new(threads, &e);
	struct census c;

	CHECK(p != NULL);
	c = census_tensor(p, t);
	pool_free(p);
	return c;
}

static void every_kind_of_weight_is_counted(void **state)
{
	float w[10] = {1, -3, 0, -0.0f, NAN, INFINITY, -INFINITY, 2, -NAN, 1e-40f};
	struct tensor t = view(w, DTYPE_F32, 2, 5);
	struct census c = count(&t, 1);

	(void)state;
	CHECK_INT(c.n, 10);
	CHECK_INT(c.n_nan, 2);
	CHECK_INT(c.n_inf, 2);
	CHECK_INT(c.n_zero, 2);
	CHECK_NEAR(c.largest, 3, 0);
}

/* Rows longer than a piece, more weights than a task. */
static void long_rows_and_many_workers_give_the_same(void **state)
{
	enum { ROWS = 300, COLS = 9000 };
	uint16_t *w = calloc((size_t)ROWS * COLS, sizeof *w);
	struct tensor t = view(w, DTYPE_F16, ROWS, COLS);
	struct census one, four;

	(void)state;
	CHECK(w != NULL);
	for (size_t i = 0; i < (size_t)ROWS * COLS; i++)
		w[i] = f16_from_f32((float)(i % 1000) / 100);
	w[8999] = 0x7e00;
	w[(size_t)ROWS * COLS - 1] = 0x7c00;
	one = count(&t, 1);
	four = count(&t, 4);
	CHECK_INT(one.n, ROWS * COLS);
	CHECK_INT(one.n_nan, 1);
	CHECK_INT(one.n_inf, 1);
	CHECK_INT(one.n_zero, ROWS * COLS / 1000);
	CHECK_NEAR(one.largest, 9.99, 0.01);
	CHECK(one.n == four.n && one.n_nan == four.n_nan && one.n_inf == four.n_inf && one.n_zero == four.n_zero);
	CHECK(one.largest >= four.largest && one.largest <= four.largest);
	free(w);
}

static void a_scale_that_is_not_a_number_spoils_its_block(void **state)
{
	unsigned char blocks[2][34] = {{0}};
	struct tensor t = view(blocks, DTYPE_Q8_0, 1, 64);
	uint16_t nan = 0x7e00;
	struct census c;

	(void)state;
	memcpy(blocks[1], &nan, sizeof nan);
	memset(blocks[1] + 2, 1, 32);
	c = count(&t, 1);
	CHECK_INT(c.n_nan, 32);
	CHECK_INT(c.n_zero, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_kind_of_weight_is_counted),
		TEST(long_rows_and_many_workers_give_the_same),
		TEST(a_scale_that_is_not_a_number_spoils_its_block),
	};
	return RUN(tests);
}
