#include "tests/test.h"

#include <stdlib.h>

#include "analysis/quanterr.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"

/* This is a threaded test: slices of rows are measured on a pool. */

static struct tensor as_tensor(const float *w, size_t rows, size_t cols)
{
	return (struct tensor){ .name = "w", .type = DTYPE_F32, .n_dims = 2, .ne = { (int64_t)cols, (int64_t)rows, 1, 1 },
	    .rows = rows, .cols = cols, .row_bytes = cols * sizeof *w, .data = (const unsigned char *)w };
}

static void fill(float *w, size_t n, uint64_t seed)
{
	for (size_t i = 0; i < n; i++)
		w[i] = (float)(rng_uniform(seed, i, 0) + rng_uniform(seed, i, 1) - 1);
}

static struct quant_spec spec_of(const char *text)
{
	struct quant_spec s;
	struct err e;

	if (!quant_parse(&s, text, &e))
		fail_msg("%s", e.msg);
	return s;
}

static void errors_are_what_their_formulas_say(void **state)
{
	enum { R = 3, C = 40 };
	float w[R * C], back[R * C], moments[C];
	double gram[C * C] = { 0 }, err = 0, ref = 0, out_err = 0, out_ref = 0, full_err = 0, full_ref = 0;
	struct quanterr q;

	(void)state;
	fill(w, R * C, 1);
	fill(back, R * C, 2);
	for (int j = 0; j < C; j++)
		moments[j] = (float)(j + 1) / 8;
	for (int i = 0; i < C; i++)
		for (int j = 0; j < C; j++)
			gram[i * C + j] = i == j ? (double)moments[j] : 1 / (double)(2 + abs(i - j));
	for (int r = 0; r < R; r++)
		for (int i = 0; i < C; i++) {
			double x = (double)w[r * C + i], d = x - (double)back[r * C + i];

			err += d * d;
			ref += x * x;
			out_err += d * d * (double)moments[i];
			out_ref += x * x * (double)moments[i];
			for (int j = 0; j < C; j++) {
				full_err += d * gram[i * C + j] * ((double)w[r * C + j] - (double)back[r * C + j]);
				full_ref += x * gram[i * C + j] * (double)w[r * C + j];
			}
		}
	quanterr_compare(&q, w, back, R, C, &(struct quanterr_options){ .in = { .moments = moments } });
	CHECK_NEAR(quanterr_rel(&q), err / ref, 1e-12);
	CHECK_NEAR(quanterr_sqnr_db(&q), -10 * log10(err / ref), 1e-9);
	CHECK_NEAR(quanterr_output(&q), out_err / out_ref, 1e-12);
	quanterr_compare(&q, w, back, R, C, &(struct quanterr_options){ .in = { .moments = moments, .gram = gram } });
	CHECK_NEAR(quanterr_output(&q), full_err / full_ref, 1e-11);
	quanterr_compare(&q, w, back, R, C, &(struct quanterr_options){ .pool = NULL });
	CHECK(isnan(quanterr_output(&q)));
}

static void the_worst_block_is_found(void **state)
{
	float w[2 * 64], back[2 * 64];
	struct quanterr q;

	(void)state;
	for (int i = 0; i < 128; i++)
		back[i] = w[i] = 1;
	back[64 + 40] = 3;
	quanterr_compare(&q, w, back, 2, 64, &(struct quanterr_options){ .map = true });
	CHECK_INT(q.worst_row, 1);
	CHECK_INT(q.worst_col, 32);
	CHECK_NEAR(q.worst, 4 / 32., 1e-12);
	CHECK_NEAR(q.max_abs, 2, 0);
	CHECK_INT(q.map_rows, 2);
	CHECK_INT(q.map_cols, 2);
	CHECK(q.map_err[3] == 4 && q.map_err[0] == 0 && q.map_ref[0] == 32);
	quanterr_free(&q);
}

static void no_number_of_threads_changes_a_bit(void **state)
{
	static const char *const methods[] = { "rtn bits=3 group=32 asym", "q4_k", "power bits=4", "adadim", "pvq", "hadamard q4_0" };
	enum { R = 100, C = 256 };
	float *w = mem_array(R * C, sizeof *w);
	struct tensor t = as_tensor(w, R, C);
	struct err e;

	(void)state;
	fill(w, R * C, 3);
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		struct quant_spec spec = spec_of(methods[i]);
		struct quanterr one, many;
		struct pool *pool = pool_new(3, &e);

		CHECK(pool);
		CHECK(quanterr_measure(&one, &t, &spec, &(struct quanterr_options){ .pool = NULL }, &e));
		CHECK(quanterr_measure(&many, &t, &spec, &(struct quanterr_options){ .pool = pool }, &e));
		CHECK(one.err_sq == many.err_sq && one.ref_sq == many.ref_sq && one.worst == many.worst);
		CHECK(one.bits == many.bits);
		pool_free(pool);
	}
	free(w);
}

static void what_does_not_fit_and_what_is_stopped_say_so(void **state)
{
	float w[3 * 48];
	struct tensor t = as_tensor(w, 3, 48);
	struct quant_spec spec = spec_of("q4_0");
	atomic_bool stop = true;
	struct quanterr q;
	struct err e;

	(void)state;
	fill(w, 3 * 48, 4);
	CHECK(!quanterr_measure(&q, &t, &spec, &(struct quanterr_options){ .pool = NULL }, &e));
	CHECK_INT(e.code, ERR_UNSUPPORTED);
	spec = spec_of("rtn");
	CHECK(!quanterr_measure(&q, &t, &spec, &(struct quanterr_options){ .stop = &stop }, &e));
	CHECK_INT(e.code, ERR_INTERRUPTED);
	spec = spec_of("adadim");
	CHECK(!quanterr_measure(&q, &t, &spec, &(struct quanterr_options){ .stop = &stop }, &e));
	CHECK_INT(e.code, ERR_INTERRUPTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(errors_are_what_their_formulas_say), TEST(the_worst_block_is_found),
		TEST(no_number_of_threads_changes_a_bit), TEST(what_does_not_fit_and_what_is_stopped_say_so),
	};

	return RUN(tests);
}
