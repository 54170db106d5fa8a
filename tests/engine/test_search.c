#include "tests/test.h"

#include "engine/base/rng.h"
#include "engine/dtype.h"
#include "engine/dtypes/search.h"

enum { N = 1 << 16 };

/* A standard normal number by Box and Muller. */
static float normal(uint64_t seed, uint64_t i)
{
	double u = 1 - rng_uniform(seed, i, 0), v = rng_uniform(seed, i, 1);

	return (float)(sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}

static double relative_error(enum dtype t, const float *x, size_t n)
{
	static unsigned char bytes[N * 4];
	static float y[N];
	double err = 0, ref = 0;

	dtypes[t]->quantize(x, bytes, n);
	dtypes[t]->dequantize(bytes, y, n);
	for (size_t i = 0; i < n; i++) {
		err += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
		ref += (double)x[i] * (double)x[i];
	}
	return err / ref;
}

static void a_search_loses_less_than_covering_the_range(void **state)
{
	static float x[N];

	(void)state;
	for (size_t i = 0; i < N; i++)
		x[i] = 0.03f * normal(5, i);
	/* Half a bit above the floor that a grid over the range of 32 normal values has. */
	CHECK(relative_error(DTYPE_Q2_K, x, N) < 0.10);
	CHECK(relative_error(DTYPE_Q3_K, x, N) < 0.030);
	CHECK(relative_error(DTYPE_Q4_K, x, N) < relative_error(DTYPE_Q4_1, x, N));
	CHECK(relative_error(DTYPE_Q5_K, x, N) < relative_error(DTYPE_Q5_1, x, N));
	CHECK(relative_error(DTYPE_Q6_K, x, N) < 0.0006);
}

static void more_bits_lose_less(void **state)
{
	static const enum dtype rising[] = { DTYPE_Q2_K, DTYPE_Q3_K, DTYPE_Q4_K, DTYPE_Q5_K, DTYPE_Q6_K, DTYPE_Q8_0 };
	static float x[N];

	(void)state;
	for (size_t i = 0; i < N; i++)
		x[i] = normal(6, i);
	for (size_t i = 0; i + 1 < sizeof rising / sizeof *rising; i++)
		CHECK(relative_error(rising[i + 1], x, N) < relative_error(rising[i], x, N) / 2);
}

static void weights_on_the_grid_come_back(void **state)
{
	static const enum dtype types[] = { DTYPE_Q2_K, DTYPE_Q3_K, DTYPE_Q4_K, DTYPE_Q5_K, DTYPE_Q6_K };
	float x[QK_K], y[QK_K];
	unsigned char bytes[QK_K];

	(void)state;
	/* One weight of each sign and zeros: every format has them exactly. */
	for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
		for (int i = 0; i < QK_K; i++)
			x[i] = i % 16 == 3 ? -0.5f : 0;
		dtypes[types[k]]->quantize(x, bytes, QK_K);
		dtypes[types[k]]->dequantize(bytes, y, QK_K);
		for (int i = 0; i < QK_K; i++)
			CHECK_NEAR(x[i], y[i], 1e-3);
	}
}

static void the_least_squares_scale_is_found(void **state)
{
	float x[32], scale, min;

	(void)state;
	for (int i = 0; i < 32; i++)
		x[i] = 0.25f * (float)(i % 16) - 1.5f;
	search_affine(x, 32, 15, &scale, &min);
	CHECK_NEAR(scale, 0.25, 1e-5);
	CHECK_NEAR(min, 1.5, 1e-5);
	for (int i = 0; i < 32; i++)
		x[i] = 0.125f * (float)(i % 8 - 4);
	CHECK_NEAR(search_symmetric(x, 32, 4), 0.125, 1e-6);
}

static void what_has_no_nearest_level_gets_one(void **state)
{
	(void)state;
	CHECK_INT(search_level(NAN, 0, 15), 0);
	CHECK_INT(search_level(INFINITY, 0, 15), 15);
	CHECK_INT(search_level(2.5f, 0, 15), 2);
	CHECK(search_inverse(0) == 0 && search_inverse(1e-42f) == 0 && search_inverse(INFINITY) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_search_loses_less_than_covering_the_range), TEST(more_bits_lose_less),
		TEST(weights_on_the_grid_come_back), TEST(the_least_squares_scale_is_found),
		TEST(what_has_no_nearest_level_gets_one),
	};

	return RUN(tests);
}
