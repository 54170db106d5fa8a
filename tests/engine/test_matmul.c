/* threaded test: products cut over workers give the same bits for any number of them. */
#include "tests/test.h"

#include <stdlib.h>

#include "engine/base/half.h"
#include "engine/kernels.h"
#include "engine/matmul.h"

enum { ROWS = 203, MAX_N = 1536, MAX_M = 70 };

static uint64_t seed = 7;

static uint32_t bits(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 32);
}

static float uniform(void)
{
	return (float)(bits() >> 8) * 0x1p-23f - 1;
}

static unsigned char store[3][ROWS * MAX_N * 4];
static float x[MAX_M * MAX_N], bias[ROWS];

/* Weights of any type without a quantizer: random bits, with scales that are sane. */
static struct tensor weights(enum dtype t, size_t rows, size_t cols, unsigned char *data)
{
	static const int first[N_DTYPES] = {[DTYPE_Q2_K] = 80, [DTYPE_Q3_K] = 108, [DTYPE_Q6_K] = 208};
	size_t row_bytes = dtype_row_bytes(t, cols), n = rows * cols;

	for (size_t i = 0; i < rows * row_bytes; i++)
		data[i] = (unsigned char)bits();
	for (size_t b = 0; dtypes[t]->block > 1 && b < n / (size_t)dtypes[t]->block; b++)
		for (int i = 0; i < 2; i++) {
			uint16_t h = f16_from_f32(uniform() * 0.01f);
			if (i == 0 || t == DTYPE_Q4_1 || t == DTYPE_Q5_1 || t == DTYPE_Q2_K || t == DTYPE_Q4_K ||
			    t == DTYPE_Q5_K)
				memcpy(data + b * (size_t)dtypes[t]->bytes + first[t] + 2 * i, &h, sizeof h);
		}
	for (size_t i = 0; dtypes[t]->is_float && i < n; i++) {
		float f = uniform() * 0.1f;
		uint16_t h = t == DTYPE_F16 ? f16_from_f32(f) : (uint16_t)(f32_bits(f) >> 16);
		if (t == DTYPE_F32)
			memcpy(data + 4 * i, &f, sizeof f);
		else
			memcpy(data + 2 * i, &h, sizeof h);
	}
	return (struct tensor){
	    .name = "w", .type = t, .n_dims = 2, .ne = {(int64_t)cols, (int64_t)rows, 1, 1},
	    .rows = rows, .cols = cols, .row_bytes = row_bytes, .data = data,
	};
}

struct rig {
	struct pool *pool;
	struct matmul *mm;
	struct acts acts;
};

static struct rig rig_new(int threads, bool exact)
{
	struct err e = {0};
	struct rig r = {0};

	CHECK((r.pool = pool_new(threads, &e)));
	CHECK((r.mm = matmul_new(r.pool, exact, &e)));
	CHECK(matmul_pool(r.mm) == r.pool);
	CHECK(acts_new(&r.acts, MAX_M, MAX_N, &e));
	return r;
}

static void rig_free(struct rig *r)
{
	acts_free(&r->acts);
	matmul_free(r->mm);
	pool_free(r->pool);
}

static void multiply(struct rig *r, const struct tensor *w, const float *b, size_t j0, int m, float *y)
{
	struct product p = {.w = w, .bias = b, .y = y, .stride_y = w->rows};

	acts_set(&r->acts, x + j0 * w->cols, w->cols, m, (int)w->cols);
	matmul_run(r->mm, &r->acts, &p, 1);
}

static size_t width_of(enum dtype t)
{
	return dtypes[t]->block == 1 ? 577 : dtypes[t]->block == 32 ? 1120 : 1536;
}

static void fill_inputs(void)
{
	for (size_t i = 0; i < MAX_M * MAX_N; i++)
		x[i] = uniform();
	for (size_t i = 0; i < ROWS; i++)
		bias[i] = uniform();
}

static void the_number_of_threads_changes_no_bit(void **state)
{
	static float want[MAX_M * ROWS], got[MAX_M * ROWS];
	static const int ms[] = {1, 2, 3, 9, 70};

	(void)state;
	fill_inputs();
	for (int exact = 0; exact < 2; exact++) {
		struct rig one = rig_new(1, exact);
		for (int threads = 2; threads <= 4; threads++) {
			struct rig many = rig_new(threads, exact);
			for (int t = 0; t < N_DTYPES; t++) {
				struct tensor w = weights((enum dtype)t, ROWS, width_of((enum dtype)t), store[0]);
				for (size_t i = 0; i < sizeof ms / sizeof *ms; i++) {
					multiply(&one, &w, bias, 0, ms[i], want);
					multiply(&many, &w, bias, 0, ms[i], got);
					CHECK(!memcmp(want, got, (size_t)ms[i] * ROWS * sizeof *got));
				}
			}
			rig_free(&many);
		}
		rig_free(&one);
	}
}

/* Sum of |w x|: what the errors of a product are measured against. */
static double size_of(const struct tensor *w, size_t row, const float *v)
{
	static float wide[MAX_N];
	double size = 1e-9;

	dtypes[w->type]->dequantize(w->data + row * w->row_bytes, wide, w->cols);
	for (size_t i = 0; i < w->cols; i++)
		size += fabs((double)wide[i] * (double)v[i]);
	return size;
}

static void many_vectors_at_once_agree_with_one_at_a_time(void **state)
{
	static float want[MAX_M * ROWS], got[MAX_M * ROWS];

	(void)state;
	fill_inputs();
	for (int exact = 0; exact < 2; exact++) {
		struct rig r = rig_new(2, exact);
		for (int t = 0; t < N_DTYPES; t++) {
			struct tensor w = weights((enum dtype)t, ROWS, width_of((enum dtype)t), store[0]);
			for (size_t j = 0; j < MAX_M; j++)
				multiply(&r, &w, bias, j, 1, want + j * ROWS);
			for (int m = 1; m <= MAX_M; m += 1 + m / 4) {
				multiply(&r, &w, bias, 0, m, got);
				for (size_t j = 0; j < (size_t)m; j++)
					for (size_t row = 0; row < ROWS; row += 29)
						CHECK_NEAR(got[j * ROWS + row], want[j * ROWS + row],
						    1e-6 * size_of(&w, row, x + j * w.cols) + 1e-7);
			}
		}
		rig_free(&r);
	}
}

static void exact_products_round_nothing(void **state)
{
	static float wide[MAX_N];
	float y[ROWS];
	struct rig r = rig_new(2, true);

	(void)state;
	fill_inputs();
	for (int t = 0; t < N_DTYPES; t++) {
		struct tensor w = weights((enum dtype)t, ROWS, width_of((enum dtype)t), store[0]);
		multiply(&r, &w, NULL, 0, 1, y);
		for (size_t row = 0; row < ROWS; row++) {
			double want = 0;
			dtypes[t]->dequantize(w.data + row * w.row_bytes, wide, w.cols);
			for (size_t i = 0; i < w.cols; i++)
				want += (double)wide[i] * (double)x[i];
			CHECK_NEAR(y[row], want, 1e-6 * size_of(&w, row, x));
		}
	}
	rig_free(&r);
}

static void rounding_to_8_bits_costs_little(void **state)
{
	float y[ROWS], exact[ROWS];
	struct rig rounded = rig_new(1, false), full = rig_new(1, true);

	(void)state;
	fill_inputs();
	for (int t = 0; t < N_DTYPES; t++) {
		struct tensor w = weights((enum dtype)t, ROWS, width_of((enum dtype)t), store[0]);
		double off = 0, size = 0;
		multiply(&rounded, &w, NULL, 0, 1, y);
		multiply(&full, &w, NULL, 0, 1, exact);
		for (size_t row = 0; row < ROWS; row++) {
			off += pow((double)y[row] - (double)exact[row], 2);
			size += pow(size_of(&w, row, x), 2) / (double)w.cols;
		}
		CHECK(sqrt(off / size) < (dtypes[t]->is_float ? 1e-5 : 0.02));
	}
	rig_free(&full);
	rig_free(&rounded);
}

static void products_of_one_group_of_mixed_types_agree_with_each_alone(void **state)
{
	static float y[3][MAX_M * ROWS], alone[MAX_M * ROWS];
	static const enum dtype types[] = {DTYPE_Q4_K, DTYPE_F32, DTYPE_Q6_K};
	static const size_t rows[] = {ROWS, 5, 64};
	struct rig r = rig_new(3, false);
	struct tensor w[3];
	struct product p[3];

	(void)state;
	fill_inputs();
	for (int i = 0; i < 3; i++) {
		w[i] = weights(types[i], rows[i], 512, store[i]);
		p[i] = (struct product){.w = &w[i], .bias = i ? bias : NULL, .y = y[i], .stride_y = ROWS};
	}
	for (int m = 1; m <= 13; m += 6) {
		acts_set(&r.acts, x, 512, m, 512);
		matmul_run(r.mm, &r.acts, p, 3);
		for (int i = 0; i < 3; i++) {
			multiply(&r, &w[i], p[i].bias, 0, m, alone);
			for (size_t j = 0; j < (size_t)m; j++)
				CHECK(!memcmp(alone + j * rows[i], y[i] + j * ROWS, rows[i] * sizeof **y));
		}
	}
	rig_free(&r);
}

static void a_value_that_is_not_finite_is_not_hidden(void **state)
{
	float y[ROWS];
	struct rig r = rig_new(1, false);
	struct tensor w = weights(DTYPE_Q8_0, ROWS, 1120, store[0]);

	(void)state;
	fill_inputs();
	x[100] = NAN;
	multiply(&r, &w, NULL, 0, 1, y);
	CHECK(isnan(y[0]) && isnan(y[ROWS - 1]));
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_number_of_threads_changes_no_bit),
	    TEST(many_vectors_at_once_agree_with_one_at_a_time),
	    TEST(exact_products_round_nothing),
	    TEST(rounding_to_8_bits_costs_little),
	    TEST(products_of_one_group_of_mixed_types_agree_with_each_alone),
	    TEST(a_value_that_is_not_finite_is_not_hidden),
	};
	return RUN(tests);
}
