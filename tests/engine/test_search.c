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

/* Weighted loss of levels chosen under (x - base) * inverse when scale and minimum
 * are the best for them; in double. */
static double loss_of_trial(const double *x, const double *w, int n, double base, double inverse, int lo, int hi, bool affine)
{
	double sw = 0, sx = 0, sq = 0, sqq = 0, sqx = 0, loss = 0, scale, min = 0;
	double q[32];

	for (int i = 0; i < n; i++) {
		q[i] = fmin(fmax(rint((x[i] - base) * inverse), lo), hi);
		sw += w[i];
		sx += w[i] * x[i];
		sq += w[i] * q[i];
		sqq += w[i] * q[i] * q[i];
		sqx += w[i] * q[i] * x[i];
	}
	scale = affine ? (sw * sqx - sx * sq) / (sw * sqq - sq * sq) : sqx / sqq;
	if (affine && (min = (scale * sq - sx) / sw) < 0) {
		scale = sqx / sqq;
		min = 0;
	}
	for (int i = 0; i < n; i++)
		loss += w[i] * (scale * q[i] - min - x[i]) * (scale * q[i] - min - x[i]);
	return loss;
}

/* The loss that the scale found leads to, with levels that are nearest under it. */
static double loss_of_result(const double *x, const double *w, int n, double scale, double min, int lo, int hi)
{
	double loss = 0;

	for (int i = 0; i < n; i++) {
		double d = scale * fmin(fmax(rint((x[i] + min) / scale), lo), hi) - min - x[i];

		loss += w[i] * d * d;
	}
	return loss;
}

static void no_trial_beats_what_is_found(void **state)
{
	(void)state;
	for (uint64_t g = 0; g < 400; g++) {
		int n = g % 2 ? 32 : 16, top = g % 3 ? 15 : 3, half = g % 3 ? 32 : 4;
		double x[32], w[32], v[32], rms = 0, lo = 0, hi = -INFINITY, at = 0, affine = INFINITY, symmetric = INFINITY;
		double energy[2] = { 0 };
		float f[32], scale, min;

		for (int i = 0; i < n; i++) {
			x[i] = (double)(f[i] = 0.05f * normal(7, g * 32 + (uint64_t)i));
			rms += x[i] * x[i] / n;
			lo = fmin(lo, x[i]);
			hi = fmax(hi, x[i]);
			at = fabs(x[i]) > fabs(at) ? x[i] : at;
		}
		for (int i = 0; i < n; i++) {
			w[i] = sqrt(rms) + fabs(x[i]);
			v[i] = x[i] * x[i];
			energy[0] += w[i] * x[i] * x[i];
			energy[1] += v[i] * x[i] * x[i];
		}
		/* Losses are differences of sums of that size, in float. */
		for (int t = 0; t <= 20; t++)
			affine = fmin(affine, loss_of_trial(x, w, n, lo, (top - 1 + 0.1 * t) / (hi - lo), 0, top, true));
		for (int t = -9; t <= 9; t++)
			symmetric = fmin(symmetric, loss_of_trial(x, v, n, 0, -(half + 0.1 * t) / at, -half, half - 1, false));
		search_affine(f, n, top, &scale, &min);
		CHECK(loss_of_result(x, w, n, (double)scale, (double)min, 0, top) <= affine + 1e-6 * energy[0]);
		scale = search_symmetric(f, n, half);
		CHECK(loss_of_result(x, v, n, (double)scale, 0, -half, half - 1) <= symmetric + 1e-6 * energy[1]);
	}
}

static void what_has_no_nearest_level_gets_one(void **state)
{
	(void)state;
	CHECK_INT(search_level(NAN, 0, 15), 0);
	CHECK_INT(search_level(INFINITY, 0, 15), 15);
	CHECK_INT(search_level(2.5f, 0, 15), 2);
	/* Squares that vanish leave no trial with a scale. */
	CHECK_NEAR(search_symmetric((float[16]){ 1e-30f, -2e-30f }, 16, 4), 5e-31, 1e-36);
	CHECK(search_inverse(0) == 0 && search_inverse(1e-42f) == 0 && search_inverse(INFINITY) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_search_loses_less_than_covering_the_range), TEST(more_bits_lose_less),
		TEST(weights_on_the_grid_come_back), TEST(the_least_squares_scale_is_found),
		TEST(no_trial_beats_what_is_found), TEST(what_has_no_nearest_level_gets_one),
	};

	return RUN(tests);
}
