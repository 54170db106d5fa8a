#include "tests/test.h"

#include <stdlib.h>

#include "analysis/quanterr.h"
#include "engine/base/mem.h"

/* The matrices of tests/reference/quant.py, bit for bit. */
enum { ROWS = 24, COLS = 64, TOKENS = 200 };

struct inputs {
	float w[ROWS * COLS], x[TOKENS * COLS], moments[COLS];
	double gram[COLS * COLS];
};

static float uniform(uint64_t seed, uint64_t i)
{
	uint64_t x = (i + seed * 1000003) * 2654435761u % 0x100000000u;

	x = (x ^ x >> 15) * 2246822519u % 0x100000000u;
	x = (x ^ x >> 13) * 3266489917u % 0x100000000u;
	return (float)((double)(x >> 8) / 16777216 - 0.5);
}

static struct inputs *make_inputs(void)
{
	struct inputs *in = mem_zalloc(sizeof *in);

	for (uint64_t i = 0; i < ROWS * COLS; i++)
		in->w[i] = uniform(1, i);
	for (int t = 0; t < TOKENS; t++) {
		double before = 0;

		for (int c = 0; c < COLS; c++) {
			before = ((double)uniform(2, (uint64_t)(t * COLS + c)) + 0.8 * before) * (1 + c % 5) / 2;
			in->x[t * COLS + c] = (float)before;
		}
	}
	for (int i = 0; i < COLS; i++)
		for (int j = 0; j < COLS; j++)
			for (int t = 0; t < TOKENS; t++)
				in->gram[i * COLS + j] += (double)in->x[t * COLS + i] * (double)in->x[t * COLS + j] / TOKENS;
	for (int i = 0; i < COLS; i++)
		in->moments[i] = (float)in->gram[i * COLS + i];
	return in;
}

static struct quanterr measured(const struct inputs *in, const char *method, bool full)
{
	struct tensor t = { .name = "w", .type = DTYPE_F32, .n_dims = 2, .ne = { COLS, ROWS, 1, 1 }, .rows = ROWS,
	    .cols = COLS, .row_bytes = COLS * sizeof(float), .data = (const unsigned char *)in->w };
	struct quanterr_options opt = { .in = { .moments = in->moments, .gram = full ? in->gram : NULL } };
	struct quant_spec spec;
	struct quanterr q;
	struct err e;

	if (!quant_parse(&spec, method, &e) || !quanterr_measure(&q, &t, &spec, &opt, &e))
		fail_msg("%s: %s", method, e.msg);
	return q;
}

static double output_error(const struct inputs *in, const char *method)
{
	struct quanterr q = measured(in, method, true);

	return quanterr_output(&q);
}

/* Six digits; less where float arithmetic on the way decides which of two levels or
 * places a weight gets, where factors are stored in half precision, or where singular
 * vectors of a flat spectrum come from a randomized iteration. */
static double tolerance_of(const char *method)
{
	static const struct { const char *name; double most; } loose[] = { { "svd", 1e-3 }, { "power", 1e-5 },
		{ "hadamard", 1e-5 }, { "bitstack", 5e-3 }, { "slim", 1e-2 } };

	for (size_t i = 0; i < sizeof loose / sizeof *loose; i++)
		if (!strncmp(method, loose[i].name, strlen(loose[i].name)))
			return loose[i].most;
	return strstr(method, "outliers") ? 1e-3 : 1e-6;
}

static void float64_says_the_same_to_six_digits(void **state)
{
	struct inputs *in = make_inputs();
	FILE *f = fopen("tests/reference/quant.txt", "r");
	char method[96];
	double bits, rel, out;
	int n = 0;

	(void)state;
	CHECK(f);
	while (fscanf(f, " %95[^|]|%lf|%lf|%lf", method, &bits, &rel, &out) == 4) {
		bool full = !strncmp(method, "wanda", 5) || !strncmp(method, "hadamard", 8) || !strncmp(method, "gptq", 4) || !strncmp(method, "quantease", 9) || strstr(method, "zero") ||
		    !strncmp(method, "rtn_ic", 6);
		struct quanterr q = measured(in, method, full);
		double tolerance = tolerance_of(method);

		CHECK_NEAR(q.bits, bits, 1e-9);
		if (fabs(quanterr_rel(&q) / rel - 1) > tolerance || fabs(quanterr_output(&q) / out - 1) > tolerance)
			fail_msg("%s: %.9g and %.9g, expected %.9g and %.9g", method, quanterr_rel(&q), quanterr_output(&q), rel, out);
		n++;
	}
	fclose(f);
	free(in);
	CHECK_INT(n, 16);
}

static void knowing_the_inputs_helps(void **state)
{
	struct inputs *in = make_inputs();
	double rtn = output_error(in, "rtn bits=3 group=64 zero"), gptq = output_error(in, "gptq bits=3 group=64");
	double ease = output_error(in, "quantease bits=3 group=64");
	double outliers = output_error(in, "quantease bits=3 group=64 outliers=3");

	(void)state;
	CHECK(gptq < 0.8 * rtn);
	CHECK(ease < 0.8 * rtn);
	CHECK(outliers < ease);
	CHECK(output_error(in, "gptq bits=3 group=64 act") < rtn);
	CHECK(output_error(in, "slim share=0.2") < output_error(in, "slim share=0.05"));
	CHECK(output_error(in, "bitstack blocks=6 rank=4") < output_error(in, "bitstack blocks=3 rank=4") / 2);
	CHECK(output_error(in, "svd rank=16") < output_error(in, "svd rank=8"));
	CHECK(output_error(in, "hadamard gptq bits=4") < 1);
	free(in);
}

static void uncorrelated_inputs_leave_gptq_nothing_to_do(void **state)
{
	struct inputs *in = make_inputs();
	struct quanterr plain, gptq;

	(void)state;
	memset(in->gram, 0, sizeof in->gram);
	for (int i = 0; i < COLS; i++)
		in->gram[i * COLS + i] = 1;
	plain = measured(in, "rtn bits=4 group=32 zero", true);
	gptq = measured(in, "gptq bits=4 group=32", true);
	CHECK_NEAR(gptq.err_sq, plain.err_sq, 1e-9 * plain.err_sq);
	CHECK_NEAR(gptq.bits, plain.bits, 0);
	free(in);
}

static void a_dead_channel_is_no_obstacle(void **state)
{
	struct inputs *in = make_inputs();
	struct quanterr q;

	(void)state;
	for (int i = 0; i < COLS; i++)
		in->gram[i * COLS + 9] = in->gram[9 * COLS + i] = 0;
	q = measured(in, "gptq", true);
	CHECK(quanterr_output(&q) < 0.05);
	q = measured(in, "quantease", true);
	CHECK(quanterr_output(&q) < 0.05);
	q = measured(in, "quantease outliers=1", true);
	CHECK(quanterr_output(&q) < 0.05);
	free(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(float64_says_the_same_to_six_digits), TEST(knowing_the_inputs_helps),
		TEST(uncorrelated_inputs_leave_gptq_nothing_to_do), TEST(a_dead_channel_is_no_obstacle),
	};

	return RUN(tests);
}
