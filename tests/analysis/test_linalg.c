#include "tests/test.h"

#include <stdlib.h>

#include "analysis/linalg.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"

/* This is a threaded test: products run on a pool. */

enum { N = 37, ROWS = 50, COLS = 31, RANK = 5 };

static void positive(double *h)
{
	double x[N * N];

	for (uint64_t i = 0; i < N * N; i++)
		x[i] = rng_uniform(7, i, 0) - 0.5;
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			double sum = i == j ? 0.1 : 0;

			for (int k = 0; k < N; k++)
				sum += x[i * N + k] * x[j * N + k];
			h[i * N + j] = sum;
		}
}

static void the_factor_of_the_inverse_gives_the_inverse(void **state)
{
	double h[N * N], u[N * N], worst = 0;
	struct err e;

	(void)state;
	positive(h);
	memcpy(u, h, sizeof h);
	CHECK(linalg_inverse_factor(u, N, NULL, &e));
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			double sum = 0;

			CHECK(j >= i || u[i * N + j] == 0);
			/* (U^T U) h should be the identity. */
			for (int k = 0; k < N; k++) {
				double inverse = 0;

				for (int p = 0; p < N; p++)
					inverse += u[p * N + i] * u[p * N + k];
				sum += inverse * h[k * N + j];
			}
			worst = fmax(worst, fabs(sum - (i == j)));
		}
	CHECK(worst < 1e-9);
	memset(u, 0, sizeof u);
	CHECK(!linalg_inverse_factor(u, N, NULL, &e) && e.code == ERR_RUN);
}

static void eigenvectors_are_those_of_the_matrix(void **state)
{
	double h[N * N], a[N * N], v[N * N], values[N];

	(void)state;
	positive(h);
	memcpy(a, h, sizeof h);
	linalg_eigen(a, values, v, N);
	for (int j = 0; j < N; j++) {
		CHECK(j == 0 || values[j] <= values[j - 1]);
		for (int i = 0; i < N; i++) {
			double sum = 0;

			for (int k = 0; k < N; k++)
				sum += h[i * N + k] * v[k * N + j];
			CHECK_NEAR(sum, values[j] * v[i * N + j], 1e-9);
		}
	}
	CHECK_NEAR(linalg_largest(h, N, 2000), values[0], 1e-6 * values[0]);
}

static void a_low_rank_matrix_is_found_again_by_any_number_of_threads(void **state)
{
	float a[ROWS * COLS] = {0};
	struct lowrank one, many;
	struct err e;
	struct pool *pool = pool_new(3, &e);
	double sq = 0;

	(void)state;
	for (uint64_t k = 0; k < RANK; k++)
		for (uint64_t i = 0; i < ROWS; i++)
			for (uint64_t j = 0; j < COLS; j++)
				a[i * COLS + j] += (float)((rng_uniform(8, i, k) - 0.5) * (rng_uniform(9, j, k) - 0.5));
	CHECK(lowrank_new(&one, a, ROWS, COLS, RANK, NULL, &e));
	CHECK(lowrank_new(&many, a, ROWS, COLS, RANK, pool, &e));
	for (int i = 0; i < ROWS; i++)
		for (int j = 0; j < COLS; j++) {
			CHECK_NEAR(lowrank_at(&one, (size_t)i, (size_t)j), a[i * COLS + j], 1e-6);
			CHECK(lowrank_at(&one, (size_t)i, (size_t)j) == lowrank_at(&many, (size_t)i, (size_t)j));
		}
	for (int i = 0; i < RANK; i++)
		sq += one.sigma[i] * one.sigma[i];
	CHECK_NEAR(sq, one.total_sq, 1e-6);
	lowrank_free(&one);
	lowrank_free(&many);
	pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_factor_of_the_inverse_gives_the_inverse), TEST(eigenvectors_are_those_of_the_matrix),
		TEST(a_low_rank_matrix_is_found_again_by_any_number_of_threads),
	};

	return RUN(tests);
}
