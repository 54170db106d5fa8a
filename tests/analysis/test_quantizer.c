#include "tests/test.h"

#include <stdlib.h>

#include "analysis/gengauss.h"
#include "analysis/hadamard.h"
#include "analysis/pyramid.h"
#include "analysis/quanterr.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"

enum { N = 1310720 };   /* enough for the third digit */

/* A standard normal number by Box and Muller. */
static float normal(uint64_t seed, uint64_t i)
{
	double u = 1 - rng_uniform(seed, i, 0), v = rng_uniform(seed, i, 1);

	return (float)(sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}

static float laplace(uint64_t seed, uint64_t i)
{
	double u = rng_uniform(seed, i, 0) - 0.5;

	return (float)copysign(-log(1 - 2 * fabs(u)), u);
}

static float *sample(float (*draw)(uint64_t, uint64_t), uint64_t seed)
{
	float *w = mem_array(N, sizeof *w);

	for (uint64_t i = 0; i < N; i++)
		w[i] = draw(seed, i);
	return w;
}

static struct tensor as_tensor(const float *w, size_t rows, size_t cols)
{
	return (struct tensor){ .name = "w", .type = DTYPE_F32, .n_dims = 2, .ne = { (int64_t)cols, (int64_t)rows, 1, 1 },
	    .rows = rows, .cols = cols, .row_bytes = cols * sizeof *w, .data = (const unsigned char *)w };
}

static struct quanterr measured(const char *method, const float *w, size_t rows, size_t cols)
{
	struct tensor t = as_tensor(w, rows, cols);
	struct quant_spec spec;
	struct quanterr q;
	struct err e;

	if (!quant_parse(&spec, method, &e) || !quanterr_measure(&q, &t, &spec, &(struct quanterr_options){ .pool = NULL }, &e))
		fail_msg("%s: %s", method, e.msg);
	return q;
}

static double figure(const struct quanterr *q, const char *name)
{
	for (int i = 0; i < q->n_figures; i++)
		if (!strcmp(q->figures[i].name, name))
			return q->figures[i].value;
	fail_msg("no figure %s", name);
	return 0;
}

/* METHODS 5.1: relative error and SQNR of standard normal weights, to 1%. */
static void normal_weights_lose_what_the_table_says(void **state)
{
	static const struct { const char *method; double rel, db, bits; } table[] = {
		{ "q4_0", 7.36e-3, 21.33, 4.5 }, { "q4_1", 6.12e-3, 22.14, 5 }, { "q8_0", 2.86e-5, 45.43, 8.5 },
		{ "rtn bits=3 group=32 asym", 2.81e-2, 15.51, 3 + 32 / 32. },
		{ "rtn bits=2 group=32 asym", 1.54e-1, 8.11, 2 + 32 / 32. },
		{ "rtn bits=4 group=128 asym", 9.93e-3, 20.03, 4 + 32 / 128. },
		{ "rtn bits=3 group=128 asym", 4.55e-2, 13.42, 3 + 32 / 128. },
	};
	float *w = sample(normal, 11);

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct quanterr q = measured(table[i].method, w, N / 4096, 4096);

		if (fabs(quanterr_rel(&q) / table[i].rel - 1) > 0.01)
			fail_msg("%s: %g, expected %g", table[i].method, quanterr_rel(&q), table[i].rel);
		CHECK_NEAR(quanterr_sqnr_db(&q), table[i].db, 0.05);
		CHECK_NEAR(q.bits, table[i].bits, 1e-12);
	}
	free(w);
}

/* METHODS 5.3: symmetric, a scale for 4096. */
static void the_power_exponent_does_what_the_table_says(void **state)
{
	static const struct { int bits; double a, db; } table[] = {
		{ 3, 0.5, 9.49 }, { 3, 0.6, 9.95 }, { 3, 0.75, 10.07 }, { 3, 0.9, 9.46 }, { 3, 1, 8.77 },
		{ 4, 0.5, 16.86 }, { 4, 0.6, 17.33 }, { 4, 0.75, 17.38 }, { 4, 0.9, 16.85 }, { 4, 1, 16.15 },
	};
	float *w = sample(normal, 12);
	struct quanterr q;

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char method[80];

		snprintf(method, sizeof method, "power bits=%d group=4096 exponent=%g", table[i].bits, table[i].a);
		q = measured(method, w, N / 4096, 4096);
		CHECK_NEAR(quanterr_sqnr_db(&q), table[i].db, 0.06);
	}
	q = measured("power bits=4 group=4096", w, N / 4096, 4096);
	CHECK(figure(&q, "exponent") >= 0.6 && figure(&q, "exponent") <= 0.75);
	free(w);
}

/* METHODS 5.14. */
static void rf8_keeps_range_and_little_else(void **state)
{
	float *w = sample(normal, 13), exact[] = { 1.0625f, -1.125f, 1.25f, 1.5f, 0.75f, 0, -0.0625f, 2 };
	struct quanterr q = measured("rf8 truncate", w, N / 4096, 4096);

	(void)state;
	CHECK_NEAR(quanterr_sqnr_db(&q), 19.0, 0.1);
	q = measured("rf8", w, N / 4096, 4096);
	CHECK_NEAR(quanterr_sqnr_db(&q), 24.3, 0.1);
	q = measured("rf8", exact, 1, 8);
	CHECK(q.err_sq == 0);
	free(w);
}

/* METHODS 5.13: whatever the scale of the weights. */
static void exponents_carry_two_and_a_half_bits(void **state)
{
	float *w = sample(normal, 14), *v = sample(laplace, 15);
	struct quanterr q = measured("dfloat11", w, N / 4096, 4096);

	(void)state;
	CHECK_NEAR(figure(&q, "exponent_entropy"), 2.54, 0.02);
	CHECK(figure(&q, "exponent_code") >= figure(&q, "exponent_entropy"));
	CHECK(figure(&q, "exponent_code") < figure(&q, "exponent_entropy") + 0.2);
	CHECK_NEAR(q.bits, 8 + figure(&q, "exponent_code") + 2048. / N, 1e-9);
	q = measured("dfloat11", v, N / 4096, 4096);
	CHECK_NEAR(figure(&q, "exponent_entropy"), 2.84, 0.02);
	/* A second time nothing is lost: bf16 it already is. */
	for (int i = 0; i < N; i++)
		w[i] = (float)(i % 256 - 128) / 64;
	q = measured("dfloat11", w, N / 4096, 4096);
	CHECK(q.err_sq == 0);
	free(v);
	free(w);
}

static void codes_of_a_known_histogram_are_huffman_codes(void **state)
{
	/* Exponents with weights 8, 4, 2, 1, 1: lengths 1, 2, 3, 4, 4. */
	float w[16] = { 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 8, 16 };
	struct quanterr q = measured("dfloat11", w, 1, 16);

	(void)state;
	CHECK_NEAR(figure(&q, "exponent_code"), 30 / 16., 1e-12);
	CHECK_NEAR(figure(&q, "exponent_entropy"), 30 / 16., 1e-12);
}

static void shapes_of_distributions_are_found(void **state)
{
	static const struct { double nu, rho; } table[] = { { 0.5, 3.333 }, { 1, 2 }, { 1.5, 1.698 }, { 2, 1.571 }, { 3, 1.461 } };
	float *w = sample(normal, 16), *v = sample(laplace, 17);
	struct quanterr q;

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		CHECK_NEAR(gengauss_rho(table[i].nu), table[i].rho, 6e-4);
		CHECK_NEAR(gengauss_nu(gengauss_rho(table[i].nu)), table[i].nu, 1e-9);
	}
	q = measured("gg", w, N / 4096, 4096);
	CHECK_NEAR(figure(&q, "nu"), 2, 0.03);
	q = measured("gg", v, N / 4096, 4096);
	CHECK_NEAR(figure(&q, "nu"), 1, 0.03);
	free(v);
	free(w);
}

/* METHODS 5.4. */
static void pyramids_have_the_bits_that_are_counted(void **state)
{
	float *w = sample(normal, 18), axis[16] = { 0, 0, -3 };
	struct quanterr few, many, on_axis;

	(void)state;
	CHECK_NEAR(pyramid_bits(16, 8) / 16, 1.553, 6e-4);
	CHECK_NEAR(pyramid_bits(16, 16) / 16, 2.319, 6e-4);
	CHECK_NEAR(pyramid_bits(16, 32) / 16, 3.196, 6e-4);
	CHECK_NEAR(pyramid_bits(32, 32) / 32, 2.416, 6e-4);
	CHECK_NEAR(pyramid_bits(2, 3), log2(12), 1e-12);
	few = measured("pvq dim=16 k=8", w, N / 4096, 4096);
	many = measured("pvq dim=16 k=32", w, N / 4096, 4096);
	CHECK(quanterr_rel(&many) < quanterr_rel(&few) / 4);
	CHECK(figure(&many, "angle_degrees") < figure(&few, "angle_degrees"));
	CHECK_NEAR(many.bits, 3.196 + 0.5 + 16 / 4096., 1e-3);
	on_axis = measured("pvq dim=16 k=8", axis, 1, 16);
	CHECK(on_axis.err_sq < 1e-12);
	free(w);
}

static void points_of_a_pyramid_have_its_norm(void **state)
{
	int y[16], sum;
	float w[16];

	(void)state;
	for (uint64_t t = 0; t < 200; t++) {
		int n = 2 + (int)(t % 15), k = 1 + (int)(t % 40);

		sum = 0;
		for (int i = 0; i < n; i++)
			w[i] = t % 7 ? normal(t, (uint64_t)i) : 0;
		pyramid_nearest(w, n, k, y);
		for (int i = 0; i < n; i++) {
			sum += abs(y[i]);
			CHECK(w[i] == 0 || y[i] == 0 || (w[i] < 0) == (y[i] < 0));
		}
		CHECK_INT(sum, k);
	}
}

static void two_of_four_keep_the_heaviest(void **state)
{
	float w[8] = { 1, -4, 3, 2, 1, 1, 1, 1 }, moments[8] = { 100, 1, 1, 1, 1, 1, 1, 4 }, out[8];
	struct tensor t = as_tensor(w, 1, 8);
	struct quant_spec spec;
	struct quant_job q = { .spec = &spec, .w = w, .rows = 1, .cols = 8, .out = out };
	struct err e;
	struct quanterr err;

	(void)state;
	CHECK(quant_parse(&spec, "magnitude24", &e) && quant_run(&q, &e));
	CHECK(out[0] == 0 && out[1] == -4 && out[2] == 3 && out[3] == 0 && out[4] == 1 && out[5] == 1 && out[6] == 0);
	CHECK_NEAR(q.bits, 2 * 2 * 18, 0);
	CHECK(quant_parse(&spec, "wanda24", &e) && !quant_run(&q, &e) && e.code == ERR_USAGE);
	q.moments = moments;
	CHECK(quant_run(&q, &e));
	CHECK(out[0] == 1 && out[1] == -4 && out[2] == 0 && out[3] == 0 && out[4] == 1 && out[7] == 1);
	CHECK(quanterr_measure(&err, &t, &spec, &(struct quanterr_options){ .in = { .moments = moments } }, &e));
	CHECK_NEAR(quanterr_output(&err), (9 + 4 + 2) / (100. + 16 + 9 + 4 + 3 + 4), 1e-12);
}

static void the_better_side_is_taken(void **state)
{
	float w[64 * 64];
	struct quanterr oc, ic, best;

	(void)state;
	/* Every eighth input channel is four times as large as the others. */
	for (uint64_t i = 0; i < 64 * 64; i++)
		w[i] = normal(19, i) * (i % 8 == 5 ? 4 : 1);
	oc = measured("rtn bits=3 group=64 zero", w, 64, 64);
	ic = measured("rtn_ic bits=3 group=64 zero", w, 64, 64);
	best = measured("adadim bits=3 group=64", w, 64, 64);
	CHECK(ic.err_sq < oc.err_sq);
	CHECK_NEAR(best.err_sq, ic.err_sq, 0);
	CHECK_NEAR(best.bits, ic.bits + 1. / (64 * 64), 1e-12);
	CHECK(figure(&best, "by_input_channel") == 1);
}

static void rotation_spreads_what_sticks_out(void **state)
{
	float w[64 * 192];
	struct quanterr plain, turned;

	(void)state;
	for (uint64_t i = 0; i < 64 * 192; i++)
		w[i] = normal(20, i) * (i % 64 == 5 ? 30 : 1);
	plain = measured("rtn bits=4 group=64", w, 64, 192);
	turned = measured("hadamard rtn bits=4 group=64", w, 64, 192);
	CHECK(turned.err_sq < plain.err_sq / 2);
	CHECK_NEAR(turned.bits, plain.bits, 0);
	turned = measured("hadamard f32", w, 64, 192);
	CHECK(quanterr_rel(&turned) < 1e-12);
}

static bool suits(const struct quantizer_def *d)
{
	return d->needs == QUANT_BLIND && strcmp(d->name, "gguf");
}

static void every_method_is_finite_and_keeps_zeros_and_says_its_bits(void **state)
{
	float *w = mem_zalloc(64 * 64 * sizeof *w);
	struct quanterr q;

	(void)state;
	for (size_t i = 0; i < n_quantizers; i++) {
		CHECK(quantizers[i]->doc && quantizers[i]->run);
		for (size_t k = 0; k < i; k++)
			CHECK(strcmp(quantizers[i]->name, quantizers[k]->name));
		if (!suits(quantizers[i]))
			continue;
		memset(w, 0, 64 * 64 * sizeof *w);
		q = measured(quantizers[i]->name, w, 64, 64);
		CHECK(q.err_sq == 0 && q.bits > 0);
		for (uint64_t k = 0; k < 64 * 64; k++)
			w[k] = 0.02f * normal(21, k);
		q = measured(quantizers[i]->name, w, 64, 64);
		CHECK(quanterr_rel(&q) < 1 && q.bits > 0 && q.bits <= 64);
		w[7] = 1e30f;
		q = measured(quantizers[i]->name, w, 64, 64);
		w[9] = NAN;
		q = measured(quantizers[i]->name, w, 64, 64);
	}
	for (int t = 0; t < N_DTYPES; t++) {
		q = measured(dtypes[t]->name, w, 16, 256);
		CHECK_NEAR(q.bits, 8. * dtypes[t]->bytes / dtypes[t]->block, 0);
	}
	free(w);
}

/* METHODS 5.1 and 5.11: every scale counted. */
static void bits_of_stored_forms_are_those_of_their_layouts(void **state)
{
	static const struct { const char *method; double bits; } table[] = {
		{ "q4_0", 4.5 }, { "q4_1", 5 }, { "q5_0", 5.5 }, { "q5_1", 6 }, { "q8_0", 8.5 }, { "q2_k", 2.625 }, { "q3_k", 3.4375 },
		{ "q4_k", 4.5 }, { "q5_k", 5.5 }, { "q6_k", 6.5625 }, { "f16", 16 }, { "bf16", 16 }, { "f32", 32 },
		{ "rtn bits=3 group=128", 3 + 16 / 128. }, { "rtn bits=3 group=128 zero", 3 + 19 / 128. },
		{ "bitstack blocks=3 rank=8", 3 * (1 + 16 * 8 * (64 + 256) / (64 * 256.)) + 16 / 64. },
		{ "magnitude24", 9 },
	};
	float w[64 * 256];

	(void)state;
	for (uint64_t i = 0; i < 64 * 256; i++)
		w[i] = normal(22, i);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct quanterr q = measured(table[i].method, w, 64, 256);

		CHECK_NEAR(q.bits, table[i].bits, 1e-12);
	}
}

/* METHODS 5.8: where the width is no power of two, blocks of the largest that divides it. */
static void rotations_come_in_blocks(void **state)
{
	(void)state;
	CHECK_INT(hadamard_block(576), 64);
	CHECK_INT(hadamard_block(896), 128);
	CHECK_INT(hadamard_block(2048), 2048);
	CHECK_INT(hadamard_block(77), 1);
}

static void specs_are_read_and_refused_with_reasons(void **state)
{
	static const struct { const char *text, *says; } bad[] = {
		{ "", "missing" }, { "hadamard", "in front of" }, { "nothing", "nothing" }, { "rtn bits=", "not a number" },
		{ "rtn bits=99", "from 2 to 16" }, { "rtn bits=3.5", "whole" }, { "rtn colour=3", "bits, group, asym, zero" },
		{ "q4_0 bits=3", "takes nothing" }, { "gguf", "gguf" }, { "rtn bits=4x", "not a number" },
		{ "rtn aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "at most" },
	};
	struct quant_spec s;
	struct err e;

	(void)state;
	CHECK(quant_parse(&s, "  hadamard   RTN bits=3\tasym ", &e));
	CHECK_STR(s.text, "hadamard RTN bits=3 asym");
	CHECK(s.hadamard && s.p[0] == 3 && s.p[1] == 128 && s.p[2] == 1);
	CHECK(quant_parse(&s, "Q4_K", &e) && s.type == DTYPE_Q4_K);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK(!quant_parse(&s, bad[i].text, &e) && e.code == ERR_USAGE);
		if (!strstr(e.msg, bad[i].says))
			fail_msg("'%s': %s", bad[i].text, e.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(normal_weights_lose_what_the_table_says), TEST(the_power_exponent_does_what_the_table_says),
		TEST(rf8_keeps_range_and_little_else), TEST(exponents_carry_two_and_a_half_bits),
		TEST(codes_of_a_known_histogram_are_huffman_codes), TEST(shapes_of_distributions_are_found),
		TEST(pyramids_have_the_bits_that_are_counted), TEST(points_of_a_pyramid_have_its_norm),
		TEST(two_of_four_keep_the_heaviest), TEST(the_better_side_is_taken), TEST(rotation_spreads_what_sticks_out),
		TEST(every_method_is_finite_and_keeps_zeros_and_says_its_bits), TEST(specs_are_read_and_refused_with_reasons),
		TEST(bits_of_stored_forms_are_those_of_their_layouts), TEST(rotations_come_in_blocks),
	};

	return RUN(tests);
}
