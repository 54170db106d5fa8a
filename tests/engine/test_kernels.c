/* Every table that can run here, for every function and every storage format. */
#include "tests/test.h"

#include <stdlib.h>

#include "engine/base/half.h"
#include "engine/base/rng.h"
#include "engine/kernels.h"

enum { MAX_N = 2304, MAX_M = 70 };

static uint64_t seed = 1;

static uint32_t bits(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) << 1 ^ (uint32_t)(seed >> 20);
}

static float uniform(void)
{
	return (float)(bits() >> 8) * 0x1p-23f - 1;
}

static void randomize(float *x, size_t n, float scale)
{
	for (size_t i = 0; i < n; i++)
		x[i] = uniform() * scale;
}

/* For each table but the reference that this machine can run. */
#define EACH_TABLE(k)                                                                     \
	for (size_t k##_i = 0; k##_i < n_kernel_tables; k##_i++)                          \
		for (const struct kernels *k = kernel_tables[k##_i]; k && k->usable(); k = NULL)

static const struct kernels *ref(void)
{
	return kernel_tables[0];
}

/* Where the f16 scales of a block lie; -1 ends the list. */
static const int *scales_of(enum dtype t)
{
	static const int at[N_DTYPES][3] = {
	    [DTYPE_Q4_0] = {0, -1}, [DTYPE_Q4_1] = {0, 2, -1}, [DTYPE_Q5_0] = {0, -1}, [DTYPE_Q5_1] = {0, 2, -1},
	    [DTYPE_Q8_0] = {0, -1}, [DTYPE_Q2_K] = {80, 82, -1}, [DTYPE_Q3_K] = {108, -1},
	    [DTYPE_Q4_K] = {0, 2, -1}, [DTYPE_Q5_K] = {0, 2, -1}, [DTYPE_Q6_K] = {208, -1},
	    [DTYPE_F32] = {-1}, [DTYPE_F16] = {-1}, [DTYPE_BF16] = {-1},
	};
	return at[t];
}

/* Scales a real file could hold, and a few it could only hold if made to. */
static uint16_t strange_scale(bool strange)
{
	static const uint16_t extreme[] = {0x0000, 0x8000, 0x0001, 0x03ff, 0x7bff, 0xfbff, 0x0400, 0x8400};

	if (strange && bits() % 4 == 0)
		return extreme[bits() % 8];
	return f16_from_f32(uniform() * 0.01f);
}

static void random_row(enum dtype t, unsigned char *row, size_t n, bool strange)
{
	size_t bytes = dtype_row_bytes(t, n);

	for (size_t i = 0; i < bytes; i++)
		row[i] = (unsigned char)(bits() >> 7);
	for (size_t b = 0; b < n / (size_t)dtypes[t]->block; b++)
		for (const int *at = scales_of(t); *at >= 0; at++) {
			uint16_t h = strange_scale(strange);
			memcpy(row + b * (size_t)dtypes[t]->bytes + *at, &h, sizeof h);
		}
	for (size_t i = 0; t == DTYPE_F32 && i < n; i++) {
		float f = uniform() * 0.1f;
		memcpy(row + 4 * i, &f, sizeof f);
	}
	for (size_t i = 0; (t == DTYPE_F16 || t == DTYPE_BF16) && i < n; i++) {
		float f = uniform() * 0.1f;
		uint16_t h = t == DTYPE_F16 ? f16_from_f32(f) : (uint16_t)(f32_bits(f) >> 16);
		memcpy(row + 2 * i, &h, sizeof h);
	}
	/* An all-zero block, as encoders write for padding. */
	if (n >= 2 * (size_t)dtypes[t]->block)
		memset(row, 0, (size_t)dtypes[t]->bytes);
}

static size_t widths(enum dtype t, size_t i)
{
	static const size_t floats[] = {1, 3, 8, 15, 16, 17, 31, 48, 63, 64, 65, 127, 288, 577, 2048};
	static const size_t blocks[] = {32, 64, 96, 128, 160, 224, 288, 576, 896, 1024, 1056, 2048, 2080, 2240};
	static const size_t supers[] = {256, 512, 768, 1024, 1280, 2048, 2304};

	if (dtypes[t]->block == 1)
		return i < sizeof floats / sizeof *floats ? floats[i] : 0;
	if (dtypes[t]->block == 32)
		return i < sizeof blocks / sizeof *blocks ? blocks[i] : 0;
	return i < sizeof supers / sizeof *supers ? supers[i] : 0;
}

static void every_table_widens_every_format_to_the_same_bits(void **state)
{
	static unsigned char row[MAX_N * 4 + 8];
	static float want[MAX_N], got[MAX_N + 1];
	size_t n;

	(void)state;
	for (int t = 0; t < N_DTYPES; t++)
		for (size_t i = 0; (n = widths((enum dtype)t, i)); i++)
			EACH_TABLE(k) {
				unsigned char *src = row + 1 + i % 3;
				random_row((enum dtype)t, src, n, true);
				dtypes[t]->dequantize(src, want, n);
				got[n] = 12345;
				k->dequantize[t](src, got, n);
				if (memcmp(want, got, n * sizeof *got))
					for (size_t j = 0; j < n; j++)
						if (f32_bits(want[j]) != f32_bits(got[j]))
							fail_msg("%s %s n=%zu: [%zu] is %g, should be %g", k->name,
							    dtypes[t]->name, n, j, (double)got[j], (double)want[j]);
				CHECK(got[n] == 12345);
			}
}

struct rounded {
	int8_t q[MAX_M * MAX_N];
	float d[MAX_M * MAX_N / ACT_BLOCK];
	int32_t sums[MAX_M * MAX_N / ACT_GROUP];
};

static struct acts8 round_rows(const struct kernels *k, const float *x, size_t n, size_t m, struct rounded *to)
{
	size_t pad = (n + ACT_PAD - 1) / ACT_PAD * ACT_PAD;

	memset(to, 0, sizeof *to);
	for (size_t j = 0; j < m; j++)
		k->round_acts(x + j * n, n, to->q + j * pad, to->d + j * pad / ACT_BLOCK,
		    to->sums + j * pad / ACT_GROUP);
	return (struct acts8){.q = to->q, .d = to->d, .sums = to->sums, .n_pad = pad};
}

static void every_table_rounds_activations_to_the_same_bits(void **state)
{
	static struct rounded want, got;
	static float x[MAX_N + 3];

	(void)state;
	for (int trial = 0; trial < 40; trial++) {
		size_t n = 32 * (1 + bits() % 40);
		float *at = x + trial % 3;
		randomize(at, n, trial % 4 == 0 ? 1e-36f : trial % 4 == 1 ? 1e30f : 3);
		if (trial % 2)          /* ties, and the ends of the range */
			for (size_t i = 0; i < n; i++)
				at[i] = (float)(int)(bits() % 255) * 0.5f - 63.5f;
		if (trial == 7)
			memset(at, 0, n * sizeof *at);
		if (trial == 9)
			at[5] = INFINITY;
		if (trial == 11)
			at[n - 1] = NAN;
		round_rows(ref(), at, n, 1, &want);
		EACH_TABLE(k) {
			round_rows(k, at, n, 1, &got);
			CHECK(!memcmp(want.q, got.q, n));
			CHECK(!memcmp(want.sums, got.sums, n / ACT_GROUP * sizeof *got.sums));
			for (size_t b = 0; b < n / ACT_BLOCK; b++)
				CHECK(f32_bits(want.d[b]) == f32_bits(got.d[b]) || (isnan(want.d[b]) && isnan(got.d[b])));
		}
	}
}

/* w . x in double, from the definition of the format and the rounded vector; *size
 * is the sum of magnitudes, which errors are measured against. */
static double true_dot(enum dtype t, const unsigned char *row, size_t n, const int8_t *q, const float *d,
    double *size)
{
	static float w[MAX_N];
	double sum = 0;

	*size = 1e-30;
	dtypes[t]->dequantize(row, w, n);
	for (size_t i = 0; i < n; i++) {
		double v = (double)w[i] * (double)q[i] * (double)d[i / ACT_BLOCK];
		sum += v;
		*size += fabs(v);
	}
	return sum;
}

enum { ROWS = 37 };

static void integer_products_of_rows_match_double(void **state)
{
	static unsigned char w[ROWS * MAX_N * 4 + 8];
	static float x[MAX_N];
	static struct rounded r;
	float y[ROWS + 1];
	size_t n;

	(void)state;
	for (int t = 0; t < N_DTYPES; t++) {
		if (dtypes[t]->is_float)
			continue;
		for (size_t i = 0; (n = widths((enum dtype)t, i)); i++)
			EACH_TABLE(k) {
				struct rows rows = {w + 1 + i % 3, dtype_row_bytes((enum dtype)t, n), 1 + bits() % ROWS};
				for (size_t row = 0; row < rows.n_rows; row++)
					random_row((enum dtype)t, w + 1 + i % 3 + row * rows.row_bytes, n, i % 2);
				randomize(x, n, 2);
				struct acts8 a = round_rows(k, x, n, 1, &r);
				y[rows.n_rows] = 12345;
				k->gemv_int[t](rows, n, &a, y);
				CHECK(y[rows.n_rows] == 12345);
				for (size_t row = 0; row < rows.n_rows; row++) {
					double size, want = true_dot((enum dtype)t, rows.data + row * rows.row_bytes, n,
					    a.q, a.d, &size);
					if (!(fabs((double)y[row] - want) <= 1e-6 * size))
						fail_msg("%s %s n=%zu row %zu of %zu: %.9g, should be %.9g", k->name,
						    dtypes[t]->name, n, row, rows.n_rows, (double)y[row], want);
				}
			}
	}
}

static void integer_tiles_match_double(void **state)
{
	static _Alignas(64) unsigned char panel[PANEL_BYTES];
	static unsigned char w[PANEL_ROWS * MAX_N * 4 + 8];
	static float x[MAX_M * MAX_N], y[MAX_M * (PANEL_ROWS + 1)];
	static struct rounded r;
	size_t n;

	(void)state;
	for (int t = 0; t < N_DTYPES; t++) {
		if (dtypes[t]->is_float)
			continue;
		for (size_t i = 0; (n = widths((enum dtype)t, i)); i++)
			EACH_TABLE(k) {
				size_t m = 1 + bits() % (i % 2 ? 15 : 40), stride = PANEL_ROWS + 1;
				struct rows rows = {w + 1 + i % 3, dtype_row_bytes((enum dtype)t, n),
				    i % 3 ? PANEL_ROWS : 1 + bits() % PANEL_ROWS};
				for (size_t row = 0; row < rows.n_rows; row++)
					random_row((enum dtype)t, w + 1 + i % 3 + row * rows.row_bytes, n, i % 2);
				randomize(x, m * n, 2);
				struct acts8 a = round_rows(k, x, n, m, &r);
				for (size_t j = 0; j < MAX_M * stride; j++)
					y[j] = 12345;
				memset(panel, 0xff, sizeof panel);
				for (size_t k0 = 0; k0 < n; k0 += PANEL_K) {
					size_t kn = n - k0 < PANEL_K ? n - k0 : PANEL_K;
					k->fill_int[t](rows, k0, kn, panel);
					k->mul_int[t](panel, rows.n_rows, k0, kn, &a, m, y, stride, k0 == 0);
				}
				for (size_t j = 0; j < m; j++) {
					for (size_t row = 0; row < rows.n_rows; row++) {
						double size, want = true_dot((enum dtype)t,
						    rows.data + row * rows.row_bytes, n, a.q + j * a.n_pad,
						    a.d + j * a.n_pad / ACT_BLOCK, &size);
						if (!(fabs((double)y[j * stride + row] - want) <= 1e-6 * size))
							fail_msg("%s %s n=%zu row %zu vector %zu: %.9g, should be %.9g",
							    k->name, dtypes[t]->name, n, row, j,
							    (double)y[j * stride + row], want);
					}
					for (size_t row = rows.n_rows; row < stride; row++)
						CHECK(y[j * stride + row] == 12345);
				}
			}
	}
}

static void mul_all(const struct kernels *k, enum dtype t, struct rows rows, const struct acts8 *a, size_t n, size_t j0,
    size_t m, void *panel, float *y)
{
	struct acts8 from = {.q = a->q + j0 * a->n_pad, .d = a->d + j0 * a->n_pad / ACT_BLOCK,
	    .sums = a->sums + j0 * a->n_pad / ACT_GROUP, .n_pad = a->n_pad};

	for (size_t k0 = 0; k0 < n; k0 += PANEL_K) {
		size_t kn = n - k0 < PANEL_K ? n - k0 : PANEL_K;
		k->fill_int[t](rows, k0, kn, panel);
		k->mul_int[t](panel, rows.n_rows, k0, kn, &from, m, y + j0 * PANEL_ROWS, PANEL_ROWS, k0 == 0);
	}
}

/* A product does not depend on which vectors it was computed together with; and the
 * tables for AVX-512, with tiles and without, share every bit. */
static void integer_tiles_in_pieces_give_the_same_bits(void **state)
{
	static _Alignas(64) unsigned char panel[PANEL_BYTES];
	static unsigned char w[PANEL_ROWS * MAX_N * 4];
	static float x[MAX_M * MAX_N], y[MAX_M * PANEL_ROWS], piece[MAX_M * PANEL_ROWS], plain[MAX_M * PANEL_ROWS];
	static struct rounded r;
	enum { N = 1280, M = 53 };

	(void)state;
	for (int t = 0; t < N_DTYPES; t++) {
		bool have_plain = false;
		if (dtypes[t]->is_float)
			continue;
		struct rows rows = {w, dtype_row_bytes((enum dtype)t, N), PANEL_ROWS};
		for (size_t row = 0; row < rows.n_rows; row++)
			random_row((enum dtype)t, w + row * rows.row_bytes, N, false);
		randomize(x, (size_t)M * N, 2);
		EACH_TABLE(k) {
			struct acts8 a = round_rows(k, x, N, M, &r);
			mul_all(k, (enum dtype)t, rows, &a, N, 0, M, panel, y);
			for (size_t j = 0, m = 1; j < M; j += m, m = (m * 5) % 23 + 1)
				mul_all(k, (enum dtype)t, rows, &a, N, j, m < M - j ? m : M - j, panel, piece);
			if (memcmp(y, piece, sizeof(float) * M * PANEL_ROWS))
				fail_msg("%s %s: pieces differ", k->name, dtypes[t]->name);
			if (!strcmp(k->name, "avx512")) {
				memcpy(plain, y, sizeof plain);
				have_plain = true;
			}
			if (!strcmp(k->name, "amx") && have_plain && memcmp(y, plain, sizeof(float) * M * PANEL_ROWS))
				fail_msg("%s: avx512 and amx differ", dtypes[t]->name);
		}
	}
}

static void float_products_match_double(void **state)
{
	static _Alignas(64) unsigned char panel[PANEL_BYTES];
	static unsigned char w[ROWS * MAX_N * 4 + 8];
	static float x[MAX_M * MAX_N], y[ROWS + 1], tile[MAX_M * PANEL_ROWS], wide[MAX_N];
	static const enum dtype types[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16};
	size_t n;

	(void)state;
	for (int f = 0; f < 3; f++)
		for (size_t i = 0; (n = widths(types[f], i)); i++)
			EACH_TABLE(k) {
				struct rows rows = {w + 1 + i % 3, dtype_row_bytes(types[f], n), 1 + bits() % ROWS};
				size_t m = 1 + bits() % 30;
				for (size_t row = 0; row < rows.n_rows; row++)
					random_row(types[f], w + 1 + i % 3 + row * rows.row_bytes, n, false);
				randomize(x, m * n, 2);
				k->gemv_float[types[f]](rows, n, x, y);
				struct rows few = rows;
				few.n_rows = rows.n_rows < PANEL_ROWS ? rows.n_rows : PANEL_ROWS;
				for (size_t k0 = 0; f == 0 && k0 < n; k0 += PANEL_K_F32) {
					size_t kn = n - k0 < PANEL_K_F32 ? n - k0 : PANEL_K_F32;
					k->fill_f32((struct rows){few.data + 4 * k0, few.row_bytes, few.n_rows}, kn, panel);
					k->mul_f32(panel, few.n_rows, kn, x + k0, n, m, tile, PANEL_ROWS, k0 == 0);
				}
				for (size_t row = 0; row < rows.n_rows; row++) {
					dtypes[types[f]]->dequantize(rows.data + row * rows.row_bytes, wide, n);
					for (size_t j = 0; j < (f == 0 ? m : 1); j++) {
						double want = 0, size = 1e-30;
						for (size_t c = 0; c < n; c++) {
							want += (double)wide[c] * (double)x[j * n + c];
							size += fabs((double)wide[c] * (double)x[j * n + c]);
						}
						if (j == 0)
							CHECK_NEAR(y[row], want, 1e-6 * size);
						if (j == 0 && f == 0)
							CHECK_NEAR(k->dot_f32(wide, x, n), want, 1e-6 * size);
						if (f == 0 && row < few.n_rows)
							CHECK_NEAR(tile[j * PANEL_ROWS + row], want, 1e-6 * size);
					}
				}
			}
}

static void near_all(const float *got, const float *want, size_t n, double relative, double absolute,
    const char *what)
{
	for (size_t i = 0; i < n; i++) {
		double off = fabs((double)got[i] - (double)want[i]);
		if (!(off <= relative * fabs((double)want[i]) + absolute) && !(isnan(got[i]) && isnan(want[i])))
			fail_msg("%s n=%zu [%zu]: %.9g, should be %.9g", what, n, i, (double)got[i], (double)want[i]);
	}
}

static void norms_and_activations_match_the_reference(void **state)
{
	static float x[MAX_N], w[MAX_N], b[MAX_N], want[MAX_N], got[MAX_N];

	(void)state;
	for (size_t n = 1; n < 700; n += 1 + n / 3)
		EACH_TABLE(k) {
			randomize(x, n, 5);
			randomize(w, n, 2);
			randomize(b, n, 1);
			ref()->rms_norm(want, x, w, n, 1e-5f);
			k->rms_norm(got, x, w, n, 1e-5f);
			near_all(got, want, n, 1e-6, 0, k->name);
			ref()->layer_norm(want, x, w, b, n, 1e-5f);
			memcpy(got, x, n * sizeof *x);
			k->layer_norm(got, got, w, b, n, 1e-5f);
			near_all(got, want, n, 1e-6, 1e-6, k->name);
			CHECK_NEAR(k->sum_sq(x, n), ref()->sum_sq(x, n), 1e-9 * ref()->sum_sq(x, n));
			memcpy(want, x, n * sizeof *x);
			memcpy(got, x, n * sizeof *x);
			ref()->add(want, b, n);
			k->add(got, b, n);
			near_all(got, want, n, 0, 0, k->name);
			randomize(x, n, 30);
			memcpy(want, x, n * sizeof *x);
			memcpy(got, x, n * sizeof *x);
			ref()->silu_mul(want, b, n);
			k->silu_mul(got, b, n);
			near_all(got, want, n, 5e-7, 1e-38, k->name);
			randomize(x, n, n % 2 ? 30 : 3);
			memcpy(want, x, n * sizeof *x);
			memcpy(got, x, n * sizeof *x);
			ref()->gelu(want, n);
			k->gelu(got, n);
			near_all(got, want, n, 1e-6, 1e-8, k->name);
		}
}

static void activations_of_extreme_values_stay_sane(void **state)
{
	(void)state;
	EACH_TABLE(k) {
		float x[] = {1e30f, -1e30f, 0, -0.0f, 1e-40f, 88.9f, -88.9f, -104, 200, -200, NAN};
		float up[11], copy[11];
		for (int i = 0; i < 11; i++)
			up[i] = 1;
		memcpy(copy, x, sizeof x);
		k->silu_mul(x, up, 11);
		k->gelu(copy, 11);
		CHECK(x[0] == 1e30f && copy[0] == 1e30f);
		CHECK(fabsf(x[1]) == 0 && fabsf(copy[1]) == 0);
		CHECK_NEAR(x[5], 88.9, 1e-4);
		CHECK(fabsf(x[9]) < 1e-35f && fabsf(copy[9]) == 0);
		CHECK(isnan(x[10]) && isnan(copy[10]));
	}
}

static void softmax_and_what_it_knows_match_the_reference(void **state)
{
	static float x[4000], want[4000], got[4000];
	struct softmax_stats a, b, c;

	(void)state;
	for (size_t n = 1; n < 4000; n += 1 + n / 2)
		for (int trial = 0; trial < 4; trial++)
			EACH_TABLE(k) {
				randomize(x, n, trial == 0 ? 0.1f : trial == 1 ? 10 : 60);
				if (trial == 3)
					for (size_t i = 1; i < n; i += 3)
						x[i] = -INFINITY;
				memcpy(want, x, n * sizeof *x);
				memcpy(got, x, n * sizeof *x);
				ref()->softmax(want, n, &a);
				k->softmax(got, n, &b);
				k->softmax_stats(x, n, &c);
				near_all(got, want, n, 1e-6, 1e-40, k->name);
				CHECK(a.max == b.max && a.max == c.max);
				CHECK_NEAR(b.lse, a.lse, 1e-6 * (1 + fabs((double)a.lse)));
				CHECK_NEAR(b.mean, a.mean, 2e-6 * (1 + fabs((double)a.mean)));
				CHECK_NEAR(b.mean_sq, a.mean_sq, 1e-5 * (1 + fabs((double)a.mean_sq)));
				CHECK(!memcmp(&b, &c, sizeof b));
			}
}

static void softmax_of_nothing_but_nan_returns_nan(void **state)
{
	(void)state;
	EACH_TABLE(k) {
		float x[40];
		struct softmax_stats st;
		for (int i = 0; i < 40; i++)
			x[i] = NAN;
		k->softmax(x, 40, &st);
		CHECK(isnan(x[0]) && isnan(x[39]) && isnan(st.lse));
		/* One bad score spoils the row, wherever it stands. */
		for (int at = 0; at < 40; at += 13) {
			for (int i = 0; i < 40; i++)
				x[i] = i == at ? NAN : (float)i;
			k->softmax(x, 40, &st);
			CHECK(isnan(st.lse));
		}
	}
}

static void softmax_stats_of_a_vocabulary_keep_their_digits(void **state)
{
	enum { VOCAB = 150001 };
	float *x = calloc(VOCAB, sizeof *x);
	struct softmax_stats want, got;

	(void)state;
	CHECK(x);
	randomize(x, VOCAB, 4);
	ref()->softmax_stats(x, VOCAB, &want);
	EACH_TABLE(k) {
		k->softmax_stats(x, VOCAB, &got);
		CHECK_NEAR(got.lse, want.lse, 2e-6);
		CHECK_NEAR(got.mean, want.mean, 2e-6);
		CHECK_NEAR(got.mean_sq, want.mean_sq, 1e-5 * (double)want.mean_sq);
	}
	free(x);
}

static void attention_matches_the_reference_for_every_group(void **state)
{
	enum { MAX_D = 128, MAX_G = 9, MAX_T = 520 };
	static float q[MAX_G * MAX_D], kv[MAX_T * (MAX_D + 7)], want[MAX_G * (MAX_T + 3)], got[MAX_G * (MAX_T + 3)];
	static float z[MAX_G * MAX_D], zwant[MAX_G * MAX_D];
	static const int dims[] = {4, 8, 24, 32, 48, 64, 80, 100, 128};

	(void)state;
	for (size_t di = 0; di < sizeof dims / sizeof *dims; di++)
		for (int g = 1; g <= MAX_G; g++)
			EACH_TABLE(k) {
				int d = dims[di];
				size_t n = g == 2 ? MAX_T : 1 + bits() % 40, ld = MAX_T + 3, stride = (size_t)d + 7;
				randomize(q, (size_t)(g * d), 1);
				randomize(kv, n * stride, 1);
				for (size_t i = 0; i < (size_t)g * ld; i++)
					want[i] = got[i] = 77;
				ref()->attn_scores(q, g, d, kv, stride, n, want, ld);
				k->attn_scores(q, g, d, kv, stride, n, got, ld);
				near_all(got, want, (size_t)g * ld, 1e-6, 1e-5, k->name);
				ref()->attn_mix(want, g, d, kv, stride, n, ld, zwant);
				k->attn_mix(want, g, d, kv, stride, n, ld, z);
				near_all(z, zwant, (size_t)(g * d), 1e-5, 1e-3, k->name);
			}
}

static void the_table_in_use_can_run_here(void **state)
{
	(void)state;
	CHECK(kernels()->usable());
	CHECK(kernels() == kernels());
	for (size_t i = 0; i < n_kernel_tables; i++)
		printf("kernels %s: %s\n", kernel_tables[i]->name, kernel_tables[i]->usable() ? "tested" : "cannot run");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_table_in_use_can_run_here),
	    TEST(every_table_widens_every_format_to_the_same_bits),
	    TEST(every_table_rounds_activations_to_the_same_bits),
	    TEST(integer_products_of_rows_match_double),
	    TEST(integer_tiles_match_double),
	    TEST(integer_tiles_in_pieces_give_the_same_bits),
	    TEST(float_products_match_double),
	    TEST(norms_and_activations_match_the_reference),
	    TEST(activations_of_extreme_values_stay_sane),
	    TEST(softmax_and_what_it_knows_match_the_reference),
	    TEST(softmax_of_nothing_but_nan_returns_nan),
	    TEST(softmax_stats_of_a_vocabulary_keep_their_digits),
	    TEST(attention_matches_the_reference_for_every_group),
	};
	return RUN(tests);
}
