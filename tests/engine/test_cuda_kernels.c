/*
 * test_cuda_kernels: the kernels of the CUDA backend one by one, on the emulated
 * device, against sums in double: every type, odd shapes, vectors that do not fit
 * shared memory, keys cut into stretches.
 */
#include <stdlib.h>

#include "engine/base/half.h"
#include "engine/base/rng.h"
#include "engine/cuda/attend.h"
#include "engine/cuda/gemv.h"
#include "engine/cuda/steps.h"
#include "engine/cuda/upload.h"
#include "tests/emu/dev_emu.h"
#include "tests/test.h"

static struct dev *device(void)
{
	struct err e = { 0 };
	struct dev *d = dev_open(&e);

	assert_non_null(d);
	return d;
}

static void wait(struct dev *d)
{
	struct err e = { 0 };

	if (!dev_wait(d, &e))
		fail_msg("%s", e.msg);
}

static float noise(uint64_t seed, size_t i)
{
	return (float)(rng_uniform(seed, 7, i) * 2 - 1);
}

static float *floats(struct dev *d, size_t n, uint64_t seed)
{
	float *x = dev_alloc(d, n * sizeof *x, "test");

	for (size_t i = 0; i < n; i++)
		x[i] = noise(seed, i);
	return x;
}

static struct ctrl *ctrl(struct dev *d, int pos0, int m, int n_prompt)
{
	struct ctrl *c = dev_alloc(d, sizeof *c, "test");

	*c = (struct ctrl){ .pos0 = pos0, .m = m, .n_prompt = n_prompt };
	return c;
}

/* Random blocks of a type: every byte, with halves that are small finite numbers. */
static unsigned char *blocks(enum dtype t, size_t n, uint64_t seed)
{
	size_t bytes = dtype_row_bytes(t, n), size = (size_t)dtypes[t]->bytes;
	static const int halves[N_DTYPES][2] = { [DTYPE_Q4_0] = { 0, -1 }, [DTYPE_Q4_1] = { 0, 2 }, [DTYPE_Q5_0] = { 0, -1 },
		[DTYPE_Q5_1] = { 0, 2 }, [DTYPE_Q8_0] = { 0, -1 }, [DTYPE_Q2_K] = { 80, 82 }, [DTYPE_Q3_K] = { 108, -1 },
		[DTYPE_Q4_K] = { 0, 2 }, [DTYPE_Q5_K] = { 0, 2 }, [DTYPE_Q6_K] = { 208, -1 } };
	unsigned char *p = malloc(bytes);
	float *x = malloc(n * sizeof *x);

	for (size_t i = 0; i < bytes; i++)
		p[i] = (unsigned char)rng_bits(seed, 3, i);
	for (size_t i = 0; i < n; i++)
		x[i] = noise(seed, i);
	if (dtypes[t]->is_float)
		dtypes[t]->quantize(x, p, n);
	for (size_t at = 0; !dtypes[t]->is_float && at < bytes; at += size)
		for (int h = 0; h < 2 && halves[t][h] >= 0; h++) {
			uint16_t half = f16_from_f32(noise(seed, at + (size_t)h) * 0.01f);

			memcpy(p + at + halves[t][h], &half, sizeof half);
		}
	free(x);
	return p;
}

/* A matrix on the device, and beside it what its type defines it to be. */
static struct weights matrix(struct dev *d, enum dtype t, size_t rows, size_t cols, uint64_t seed, float **as_f32)
{
	unsigned char *p = blocks(t, rows * cols, seed);
	/* A stage of a few blocks: what comes in many pieces must fit together. */
	struct upload up = { .d = d, .room = 1000, .stage = dev_alloc(d, 1000, "test") };
	struct gpu_matrix m = { .type = t, .rows = rows, .cols = cols, .data = p };
	struct weights w;

	CHECK(upload_matrix(&up, &m, &w));
	wait(d);
	dev_free(d, up.stage);
	*as_f32 = malloc(rows * cols * sizeof **as_f32);
	dtypes[t]->dequantize(p, *as_f32, rows * cols);
	free(p);
	return w;
}

static void planes_are_the_block_and_nothing_else(void **state)
{
	(void)state;
	for (int t = 0; t < N_DTYPES; t++) {
		const struct upload_def *def = upload_def((enum dtype)t);
		int sum = 0;

		CHECK_INT(def->block, dtypes[t]->block);
		CHECK_INT(def->bytes, dtypes[t]->bytes);
		for (int i = 0; i < N_PLANES; i++) {
			sum += def->plane[i].n;
			for (int k = 0; k < i; k++)
				assert_true(!def->plane[i].n || def->plane[i].at + def->plane[i].n <= def->plane[k].at ||
				    def->plane[k].at + def->plane[k].n <= def->plane[i].at);
		}
		CHECK_INT(sum, def->bytes);
	}
}

static void widened_rows_are_the_definition_of_their_type(void **state)
{
	enum { ROWS = 5, COLS = 512 };
	struct dev *d = device();

	(void)state;
	for (int t = 0; t < N_DTYPES; t++) {
		float *want, *out = dev_alloc(d, ROWS * COLS * sizeof *out, "test");
		struct weights w = matrix(d, (enum dtype)t, ROWS, COLS, (uint64_t)t + 1, &want);
		uint16_t *half = dev_alloc(d, ROWS * COLS * sizeof *half, "test"), *rest = dev_alloc(d, ROWS * COLS * sizeof *rest, "test");

		step_widen(d, &w, 0, ROWS, WIDEN_F32, out);
		step_widen(d, &w, 1, ROWS - 1, WIDEN_F16, half);
		step_widen(d, &w, 1, ROWS - 1, WIDEN_REST, rest);
		wait(d);
		for (size_t i = 0; i < ROWS * COLS; i++)
			if (out[i] != want[i])
				fail_msg("%s: weight %zu is %.9g, not %.9g", dtypes[t]->name, i, (double)out[i], (double)want[i]);
		for (size_t i = 0; i < (ROWS - 1) * COLS; i++) {
			double both = (double)f16_to_f32(half[i]) + (double)f16_to_f32(rest[i]) / (double)WIDEN_LIFT;

			CHECK_INT(half[i], f16_from_f32(want[COLS + i]));
			CHECK_NEAR(both, want[COLS + i], 3e-7 * fabs((double)want[COLS + i]) + 1e-10);
		}
		upload_free(d, &w);
		dev_free(d, out);
		dev_free(d, half);
		dev_free(d, rest);
		free(want);
	}
	dev_close(d);
	CHECK_INT(emu_in_use, 0);
}

/* ---- products with one vector ---- */

static void norm_reference(enum norm kind, const float *x, const float *w, const float *b, float eps, size_t n, double *out)
{
	double mean = 0, sum = 0;

	for (size_t i = 0; kind == NORM_BY_LAYER && i < n; i++)
		mean += (double)x[i] / (double)n;
	for (size_t i = 0; i < n; i++)
		sum += ((double)x[i] - mean) * ((double)x[i] - mean);
	for (size_t i = 0; i < n; i++)
		out[i] = kind == NO_NORM ? (double)x[i] : ((double)x[i] - mean) / sqrt(sum / (double)n + (double)eps) * (double)w[i] +
		    (kind == NORM_BY_LAYER ? (double)b[i] : 0);
}

struct shape {
	size_t cols, rows[3];
	int n_parts, units;
	size_t shared;
	enum norm norm;
	bool bias, adds;
};

static void one_product(enum dtype t, const struct shape *s, uint64_t seed)
{
	enum { POS = 3, STEP = 1000 };
	struct dev *d = device();
	float *want[3], *bias[3], *y[3], *x = floats(d, s->cols, seed), *nw = floats(d, s->cols, seed + 1);
	float *nb = floats(d, s->cols, seed + 2), *add = floats(d, s->rows[0], seed + 3), *sum = floats(d, s->rows[0], seed + 4);
	double *in = malloc(s->cols * sizeof *in);
	struct ctrl *c = ctrl(d, POS, 1, 0);
	struct gemv g = { .c = c, .x = x, .cols = s->cols, .norm = s->norm, .norm_w = nw, .norm_b = nb, .eps = 1e-5f,
		.n_parts = s->n_parts, .add = s->adds ? add : NULL, .sum = s->adds ? sum : NULL };

	for (int p = 0; p < s->n_parts; p++) {
		bias[p] = floats(d, s->rows[p], seed + 10 + (uint64_t)p);
		y[p] = dev_alloc(d, (POS * STEP + s->rows[p]) * sizeof **y, "test");
		g.part[p] = (struct gemv_part){ .w = matrix(d, t, s->rows[p], s->cols, seed + 20 + (uint64_t)p, &want[p]),
			.bias = s->bias ? bias[p] : NULL, .y = y[p], .y_pos = p ? STEP : 0 };
	}
	gemv_run(d, &g, s->units, s->shared);
	wait(d);
	norm_reference(s->norm, x, nw, nb, 1e-5f, s->cols, in);
	for (int p = 0; p < s->n_parts; p++)
		for (size_t r = 0; r < s->rows[p]; r++) {
			double dot = 0, size = 0, got = (double)y[p][r + (p ? POS * STEP : 0)];

			for (size_t k = 0; k < s->cols; k++) {
				dot += (double)want[p][r * s->cols + k] * in[k];
				size += fabs((double)want[p][r * s->cols + k] * in[k]);
			}
			dot += s->bias ? (double)bias[p][r] : 0;
			if (!(fabs(got - dot) <= 1e-6 * (size + 1)))
				fail_msg("%s, part %d, row %zu of %zu columns: %.9g, not %.9g", dtypes[t]->name, p, r, s->cols, got, dot);
			if (s->adds && p == 0)
				CHECK_NEAR(sum[r], (double)add[r] + got, 1e-6 * (1 + fabs(got)));
		}
	for (int p = 0; p < s->n_parts; p++) {
		upload_free(d, &g.part[p].w);
		dev_free(d, bias[p]);
		dev_free(d, y[p]);
		free(want[p]);
	}
	dev_free(d, x);
	dev_free(d, nw);
	dev_free(d, nb);
	dev_free(d, add);
	dev_free(d, sum);
	dev_free(d, c);
	dev_close(d);
	free(in);
}

static void products_are_sums_in_any_shape(void **state)
{
	/* 2,304 bytes of shared memory hold 512 columns. */
	static const struct shape shapes[] = {
		{ 512, { 37 }, 1, 4, 48 << 10, NO_NORM, true, true },
		{ 1280, { 33, 1, 70 }, 3, 1, 2304, NORM_BY_RMS, false, false },
		{ 768, { 130, 5 }, 2, 1, 48 << 10, NORM_BY_LAYER, true, true },
		{ 256, { 1 }, 1, 132, 227 << 10, NO_NORM, false, false },
	};

	(void)state;
	for (int t = 0; t < N_DTYPES; t++)
		for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
			one_product((enum dtype)t, &shapes[i], 100 * (uint64_t)t + i);
	/* Columns that are no multiple of what a thread reads. */
	for (int t = 0; t < 3; t++)
		one_product((enum dtype)t, &(struct shape){ 101, { 9, 20 }, 2, 2, 48 << 10, NORM_BY_RMS, true, false }, 5);
	one_product(DTYPE_Q4_0, &(struct shape){ 96, { 9, 20 }, 2, 2, 48 << 10, NORM_BY_RMS, true, false }, 6);
	CHECK_INT(emu_in_use, 0);
}

/* ---- attention ---- */

struct heads {
	int n_heads, n_kv_heads, d, pos0, m, splits;
};

static void one_attention(const struct heads *s, float sharp, uint64_t seed)
{
	struct dev *d = device();
	int n_keys = s->pos0 + s->m, H = s->n_heads, group = H / s->n_kv_heads;
	size_t row = (size_t)(s->n_kv_heads * s->d), rows = (size_t)(s->m * H), D = (size_t)s->d;
	float *q = floats(d, rows * D, seed), *k = floats(d, (size_t)n_keys * row, seed + 1);
	float *v = floats(d, (size_t)n_keys * row, seed + 2), *z = dev_alloc(d, rows * D * sizeof *z, "test");
	float *out = dev_alloc(d, (size_t)(H * n_keys) * sizeof *out, "test");
	double *p = malloc((size_t)n_keys * sizeof *p);
	struct attend a = { .c = ctrl(d, s->pos0, s->m, 0), .q = q, .k = k, .v = v, .row = row, .n_heads = H,
		.n_kv_heads = s->n_kv_heads, .d = s->d, .z = z, .heads = dev_alloc(d, rows * sizeof *a.heads, "test"),
		.part_z = dev_alloc(d, (size_t)(s->splits * H) * D * sizeof(float), "test"),
		.part = dev_alloc(d, (size_t)(s->splits * H) * sizeof *a.part, "test"), .splits = s->splits };

	for (size_t i = 0; i < rows * D; i++)
		q[i] *= sharp;
	attend_run(d, &a, s->m);
	attend_rows(d, &a, out, s->pos0 + 1);
	wait(d);
	for (int j = 0; j < s->m; j++)
		for (int h = 0; h < H; h++) {
			int seen = s->pos0 + j + 1;
			size_t r = (size_t)(j * H + h), kv = (size_t)(h / group) * D;
			const struct gpu_head *got = &a.heads[r];
			double max = -INFINITY, sum = 0, mean = 0, sq = 0, lse;

			for (int t = 0; t < seen; t++) {
				p[t] = 0;
				for (size_t c = 0; c < D; c++)
					p[t] += (double)q[r * D + c] * (double)k[(size_t)t * row + kv + c];
				max = p[t] > max ? p[t] : max;
			}
			for (int t = 0; t < seen; t++)
				sum += exp(p[t] - max);
			lse = max + log(sum);
			for (int t = 0; t < seen; t++) {
				double w = exp(p[t] - lse);

				mean += w * p[t];
				sq += w * (p[t] - lse) * (p[t] - lse);
			}
			CHECK_NEAR(got->softmax.max, max, 1e-5 * (1 + fabs(max)));
			CHECK_NEAR(got->softmax.lse, lse, 1e-5 * (1 + fabs(lse)));
			CHECK_NEAR(got->softmax.mean, mean, 2e-5 * (1 + fabs(mean)));
			CHECK_NEAR(got->softmax.mean_sq, sq, 1e-4 * (1 + sq));
			CHECK_NEAR(got->first, exp(p[0] - lse), 1e-5);
			for (size_t c = 0; c < D; c++) {
				double mix = 0;

				for (int t = 0; t < seen; t++)
					mix += exp(p[t] - lse) * (double)v[(size_t)t * row + kv + c];
				CHECK_NEAR(z[r * D + c], mix, 1e-5);
			}
			for (int t = 0; j == 0 && t < seen; t++)
				CHECK_NEAR(out[h * seen + t], exp(p[t] - lse), 5e-5);
		}
	dev_free(d, (void *)(uintptr_t)a.c);
	dev_free(d, a.heads);
	dev_free(d, a.part_z);
	dev_free(d, a.part);
	dev_free(d, q);
	dev_free(d, k);
	dev_free(d, v);
	dev_free(d, z);
	dev_free(d, out);
	dev_close(d);
	free(p);
}

static void attention_is_softmax_and_mix_in_any_shape(void **state)
{
	static const struct heads shapes[] = {
		{ 4, 2, 16, 0, 1, 8 }, { 4, 2, 64, 200, 1, 3 }, { 8, 2, 128, 130, 1, 5 }, { 6, 6, 80, 63, 1, 2 },
		{ 14, 2, 64, 64, 1, 4 }, { 32, 1, 32, 127, 1, 3 }, { 20, 1, 8, 300, 2, 4 }, { 3, 1, 256, 65, 1, 1 },
		{ 4, 4, 64, 0, 9, 8 }, { 8, 2, 128, 60, 19, 2 }, { 6, 2, 96, 128, 5, 2 }, { 2, 2, 4, 0, 70, 2 }, { 1, 1, 252, 5, 3, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		for (int sharp = 0; sharp < 2; sharp++)
			one_attention(&shapes[i], sharp ? 8 : 0.2f, 10 * i);
	CHECK_INT(emu_in_use, 0);
	for (int kv = 1; kv <= 64; kv *= 2)
		assert_in_range(attend_splits(132, 64, kv), 1, 64);
}

/* ---- what stands between ---- */

static void statistics_of_logits_are_those_of_the_kernels(void **state)
{
	static const int widths[] = { 1, 5, 320, 5000, 70000 };
	struct dev *d = device();

	(void)state;
	for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
		int n = widths[i];
		float *x = floats(d, (size_t)n * 2, i);
		struct softmax_stats want, *out = dev_alloc(d, 2 * sizeof *out, "test");
		struct stats_part *part = dev_alloc(d, 2 * STATS_PARTS * sizeof *part, "test");

		for (int k = 0; k < 2 * n; k++)
			x[k] *= 12;
		x[n - 1] = -INFINITY;
		if (n == 1)
			x[0] = 3;
		step_stats(d, x, n, part, out, 2);
		wait(d);
		for (int r = 0; r < 2; r++) {
			kernel_tables[0]->softmax_stats(x + (size_t)r * (size_t)n, (size_t)n, &want);
			CHECK_NEAR(out[r].max, want.max, 0);
			CHECK_NEAR(out[r].lse, want.lse, 2e-6 * (1 + fabs((double)want.lse)));
			CHECK_NEAR(out[r].mean, want.mean, 2e-6 * (1 + fabs((double)want.mean)));
			CHECK_NEAR(out[r].mean_sq, want.mean_sq, 1e-5 * (1 + fabs((double)want.mean_sq)));
		}
		dev_free(d, x);
		dev_free(d, out);
		dev_free(d, part);
	}
	dev_close(d);
}

/* Vectors whose size f16 could not hold are rounded like any other. */
static void rounding_keeps_22_bits_whatever_the_size(void **state)
{
	static const float sizes[] = { 1e-30f, 1e-6f, 1, 1e6f, 1e30f };
	enum { N = 300 };
	struct dev *d = device();
	float *x = floats(d, N * 5, 3), *scale = dev_alloc(d, 5 * sizeof *scale, "test");
	uint16_t *out = dev_alloc(d, (size_t)2 * 5 * N * sizeof *out, "test");

	(void)state;
	for (size_t i = 0; i < N * 5; i++)
		x[i] *= sizes[i / N];
	step_round(d, x, N, out, scale, 5);
	wait(d);
	for (size_t i = 0; i < N * 5; i++) {
		double s = (double)scale[i / N], high = s * (double)f16_to_f32(out[i]);
		double both = high + s * (double)f16_to_f32(out[(size_t)5 * N + i]);

		CHECK_NEAR(high / (double)sizes[i / N], (double)x[i] / (double)sizes[i / N], 1e-3);
		CHECK_NEAR(both / (double)sizes[i / N], (double)x[i] / (double)sizes[i / N], 3e-7);
	}
	dev_free(d, x);
	dev_free(d, scale);
	dev_free(d, out);
	dev_close(d);
}

static void equal_neurons_come_by_their_number(void **state)
{
	enum { FF = 1000, D = 8, M = 2 };
	struct dev *d = device();
	float *mlp = floats(d, M * FF, 1), *norm = floats(d, FF, 2), *x = floats(d, M * D, 3);
	struct gpu_watch *out = dev_alloc(d, M * sizeof *out, "test");
	struct watch_step w = { .attn_out = x, .mlp_out = x, .resid = x, .mlp = mlp, .norm = norm, .d_model = D, .d_ff = FF,
		.out = out };

	(void)state;
	for (int i = 0; i < FF; i++) {
		norm[i] = 1;
		mlp[i] = i % 250 == 7 ? -5 : 0.001f * (float)(i % 10);
		mlp[FF + i] = 0;
	}
	step_watch(d, &w, 1, M);
	wait(d);
	for (int k = 0; k < GPU_NEURONS; k++) {
		CHECK_INT(out[0].strongest[k].index, 7 + 250 * k);
		CHECK_NEAR(out[0].strongest[k].activation, -5, 0);
		CHECK_NEAR(out[0].strongest[k].contribution, 5, 0);
		CHECK_INT(out[1].strongest[k].index, k);
	}
	CHECK_NEAR(out[0].silent, 0.996, 1e-6);
	CHECK_NEAR(out[1].silent, 1, 0);
	dev_free(d, mlp);
	dev_free(d, norm);
	dev_free(d, x);
	dev_free(d, out);
	dev_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(planes_are_the_block_and_nothing_else),
		TEST(widened_rows_are_the_definition_of_their_type),
		TEST(products_are_sums_in_any_shape),
		TEST(attention_is_softmax_and_mix_in_any_shape),
		TEST(statistics_of_logits_are_those_of_the_kernels),
		TEST(rounding_keeps_22_bits_whatever_the_size),
		TEST(equal_neurons_come_by_their_number),
	};

	return RUN(tests);
}
