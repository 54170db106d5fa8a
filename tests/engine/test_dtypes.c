#include "tests/test.h"

#include <stdlib.h>

#include "engine/base/half.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/dtype.h"

enum { MAX_N = 512, MAX_BYTES = 1024 };

/* One record of tests/reference/dtypes.txt, made by the dtypes.py beside it. */
struct record {
	bool encode;
	int type;
	size_t n, n_bytes;
	unsigned char bytes[MAX_BYTES];
	float weights[MAX_N];
};

static unsigned hex(FILE *f, int digits)
{
	unsigned v = 0;

	while (digits-- > 0) {
		int c = fgetc(f);

		CHECK((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
		v = v << 4 | (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return v;
}

static bool read_record(FILE *f, struct record *r)
{
	char verb[16], name[16];
	int n;

	if (fscanf(f, "%15s %15s %d\n", verb, name, &n) != 3)
		return false;
	r->encode = !strcmp(verb, "encode");
	r->type = dtype_find(name);
	CHECK(r->type >= 0 && n > 0 && n <= MAX_N);
	r->n = (size_t)n;
	r->n_bytes = dtype_row_bytes((enum dtype)r->type, r->n);
	for (size_t i = 0; i < r->n_bytes; i++)
		r->bytes[i] = (unsigned char)hex(f, 2);
	CHECK_INT(fgetc(f), '\n');
	for (size_t i = 0; i < r->n; i++)
		r->weights[i] = f32_from_bits(hex(f, 8));
	return true;
}

/* Bit equality, with any NaN equal to any other. */
static bool same(float a, float b)
{
	return f32_bits(a) == f32_bits(b) || (isnan(a) && isnan(b));
}

static void the_reference_is_met_bit_for_bit(void **state)
{
	FILE *f = fopen("tests/reference/dtypes.txt", "r");
	bool decoded[N_DTYPES] = { false }, encoded[N_DTYPES] = { false };
	unsigned char bytes[MAX_BYTES];
	float x[MAX_N];
	struct record *r;

	(void)state;
	CHECK(f);
	r = mem_zalloc(sizeof *r);
	while (read_record(f, r)) {
		const struct dtype_def *d = dtypes[r->type];

		if (r->encode) {
			encoded[r->type] = true;
			d->quantize(r->weights, bytes, r->n);
			for (size_t i = 0; i < r->n_bytes; i++)
				if (bytes[i] != r->bytes[i])
					fail_msg("%s: byte %zu is %02x, expected %02x", d->name, i, bytes[i], r->bytes[i]);
		} else {
			decoded[r->type] = true;
			d->dequantize(r->bytes, x, r->n);
			for (size_t i = 0; i < r->n; i++)
				if (!same(x[i], r->weights[i]))
					fail_msg("%s: weight %zu is %.9g, expected %.9g", d->name, i, (double)x[i], (double)r->weights[i]);
		}
	}
	fclose(f);
	free(r);
	for (int t = 0; t < N_DTYPES; t++) {
		CHECK(decoded[t]);
		CHECK(encoded[t] || !dtypes[t]->quantize || dtypes[t]->block > 32);
	}
}

static void every_row_names_itself_once(void **state)
{
	(void)state;
	for (int t = 0; t < N_DTYPES; t++) {
		const char *foreign = "";

		CHECK(dtypes[t]->name && dtypes[t]->doc && dtypes[t]->dequantize);
		CHECK(dtypes[t]->block > 0 && dtypes[t]->bytes > 0);
		CHECK_INT(dtype_find(dtypes[t]->name), t);
		CHECK_INT(dtype_from_gguf(dtype_gguf_id((enum dtype)t), &foreign), t);
		CHECK(!foreign);
		CHECK_INT(dtype_row_bytes((enum dtype)t, 3 * (size_t)dtypes[t]->block), 3 * dtypes[t]->bytes);
		CHECK(dtypes[t]->is_float == (dtypes[t]->block == 1));
	}
	CHECK_INT(dtype_find("q4_k"), DTYPE_Q4_K);
	CHECK_INT(dtype_find("Q4"), -1);
}

static void types_of_others_are_known_by_name_and_no_type_by_none(void **state)
{
	static const uint32_t none[] = { 4, 5, 31, 33, 36, 38, 43, 1000, 0x80000000, UINT32_MAX };
	const char *name;

	(void)state;
	CHECK_INT(dtype_from_gguf(16, &name), -1);
	CHECK_STR(name, "IQ2_XXS");
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		CHECK_INT(dtype_from_gguf(none[i], &name), -1);
		CHECK(!name);
	}
}

static void any_bits_decode_at_any_address_block_by_block(void **state)
{
	unsigned char bytes[3 * 210 + 1];
	float all[3 * 256], one[256];

	(void)state;
	for (int t = 0; t < N_DTYPES; t++) {
		size_t block = (size_t)dtypes[t]->block, size = (size_t)dtypes[t]->bytes;

		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = i < 1 + size ? 0xff : (unsigned char)rng_bits(3, (uint64_t)t, i);
		dtypes[t]->dequantize(bytes + 1, all, 3 * block);
		for (size_t b = 0; b < 3; b++) {
			dtypes[t]->dequantize(bytes + 1 + b * size, one, block);
			for (size_t i = 0; i < block; i++)
				CHECK(same(one[i], all[b * block + i]));
		}
	}
}

/* Largest error of a weight, in units of the largest magnitude of its block:
 * half a step of the coarsest grid each format can be forced to use, and what
 * rounding its scale to f16 adds. */
static double allowed(int t)
{
	switch (t) {
	case DTYPE_F32: return 0;
	case DTYPE_F16: return 0x1p-11;
	case DTYPE_BF16: return 0x1p-8;
	case DTYPE_Q4_0: return 1 / 8. + 1e-3;  /* the far end has no level of its own */
	case DTYPE_Q4_1: return 1 / 15. + 2e-3;
	case DTYPE_Q5_0: return 1 / 16. + 1e-3;
	case DTYPE_Q5_1: return 1 / 31. + 2e-3;
	case DTYPE_Q8_0: return .5 / 127 + 1e-3;
	default: return 0.5;
	}
}

static void what_we_write_reads_back_within_its_bound(void **state)
{
	unsigned char bytes[8 * 210];
	float x[8 * 256], y[8 * 256];

	(void)state;
	for (int t = 0; t < N_DTYPES; t++) {
		size_t block = dtypes[t]->block == 1 ? 32 : (size_t)dtypes[t]->block;

		if (!dtypes[t]->quantize)
			continue;
		for (size_t i = 0; i < 8 * block; i++)
			x[i] = (float)(rng_uniform(4, (uint64_t)t, i) * 2 - 1);
		dtypes[t]->quantize(x, bytes, 8 * block);
		dtypes[t]->dequantize(bytes, y, 8 * block);
		for (size_t i = 0; i < 8 * block; i++)
			CHECK_NEAR(x[i], y[i], allowed(t));
	}
}

static void zeros_infinities_and_nan_can_be_written(void **state)
{
	static const float odd[] = { 0, INFINITY, -INFINITY, NAN, 1e-42f, 3e38f, -1e-30f };
	unsigned char bytes[210];
	float x[256], y[256];

	(void)state;
	for (int t = 0; t < N_DTYPES; t++)
		for (size_t k = 0; k < sizeof odd / sizeof *odd && dtypes[t]->quantize; k++) {
			size_t n = dtypes[t]->block == 1 ? 32 : (size_t)dtypes[t]->block;

			for (size_t i = 0; i < n; i++)
				x[i] = i % 3 ? odd[k] : 0;
			dtypes[t]->quantize(x, bytes, n);
			dtypes[t]->dequantize(bytes, y, n);
			CHECK(k != 0 || (y[0] == 0 && y[n - 1] == 0));
		}
}

static void halves_round_to_even_and_keep_their_edges(void **state)
{
	static const struct { float f; uint16_t h; } f16[] = {
		{ 1.0f, 0x3c00 }, { 1.00048828125f, 0x3c00 }, { 1.00146484375f, 0x3c02 }, { 65504, 0x7bff }, { 65519, 0x7bff },
		{ 65520, 0x7c00 }, { 0x1p-24f, 1 }, { 0x1p-25f, 0 }, { 0x1.8p-25f, 1 }, { -0x1p-14f, 0x8400 }, { INFINITY, 0x7c00 },
	}, bf16[] = {
		{ 1.0f, 0x3f80 }, { 1.00390625f, 0x3f80 }, { 1.01171875f, 0x3f82 }, { 3.4e38f, 0x7f80 }, { -INFINITY, 0xff80 },
	};
	uint16_t h;

	(void)state;
	for (size_t i = 0; i < sizeof f16 / sizeof *f16; i++) {
		dtypes[DTYPE_F16]->quantize(&f16[i].f, &h, 1);
		CHECK_INT(h, f16[i].h);
	}
	for (size_t i = 0; i < sizeof bf16 / sizeof *bf16; i++) {
		dtypes[DTYPE_BF16]->quantize(&bf16[i].f, &h, 1);
		CHECK_INT(h, bf16[i].h);
	}
	for (uint32_t u = 0; u < 65536; u++) {
		float f = f16_to_f32((uint16_t)u);

		dtypes[DTYPE_F16]->quantize(&f, &h, 1);
		CHECK(isnan(f) ? isnan(f16_to_f32(h)) : h == u);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_reference_is_met_bit_for_bit), TEST(every_row_names_itself_once),
		TEST(types_of_others_are_known_by_name_and_no_type_by_none), TEST(any_bits_decode_at_any_address_block_by_block),
		TEST(what_we_write_reads_back_within_its_bound), TEST(zeros_infinities_and_nan_can_be_written),
		TEST(halves_round_to_even_and_keep_their_edges),
	};

	return RUN(tests);
}
