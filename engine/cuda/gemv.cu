#include "engine/cuda/gemv.h"

enum {
	BLOCK = 512,
	ROWS = 2,                       /* of a warp at a time */
	PER_BLOCK = BLOCK / WARP * ROWS,
	STRIPE = 36,                    /* floats between groups of 32: no bank conflicts */
	AHEAD = 2,                      /* units loaded before the first is used */
};

BOTH size_t at_column(size_t c)
{
	return c + c / 32 * (STRIPE - 32);
}

struct centre {
	float mean, scale;
};

/* What the norm needs to know of the whole vector. */
DEVICE struct centre measure(const struct gemv *a)
{
	struct centre c;
	double sum = 0, mean = 0;

	c.mean = 0;
	c.scale = 1;
	if (a->norm == NO_NORM)
		return c;
	if (a->norm == NORM_BY_LAYER) {
		for (size_t i = (size_t)THREAD; i < a->cols; i += BLOCK)
			sum += (double)a->x[i];
		mean = block_sum(sum) / (double)a->cols;
		sum = 0;
	}
	for (size_t i = (size_t)THREAD; i < a->cols; i += BLOCK)
		sum += ((double)a->x[i] - mean) * ((double)a->x[i] - mean);
	c.mean = (float)mean;
	c.scale = (float)(1 / sqrt(block_sum(sum) / (double)a->cols + (double)a->eps));
	return c;
}

/* Columns [k0, k0 + n) of the vector into shared memory, zeros behind its end. */
DEVICE void load_vector(const struct gemv *a, struct centre c, size_t k0, size_t n, float *xs)
{
	for (size_t i = (size_t)THREAD; i < n; i += BLOCK) {
		size_t k = k0 + i;
		float v = k < a->cols ? a->x[k] : 0;

		if (a->norm == NORM_BY_RMS && k < a->cols)
			v = mul_rn(mul_rn(v, c.scale), a->norm_w[k]);
		if (a->norm == NORM_BY_LAYER && k < a->cols)
			v = add_rn(mul_rn(mul_rn(sub_rn(v, c.mean), c.scale), a->norm_w[k]), a->norm_b[k]);
		xs[at_column(i)] = v;
	}
}

/* sum of 16 weights times x, into four partial sums. */
DEVICE float run_dot(const struct run *r, float zero, const float *x, float x_sum)
{
	float s[4] = { 0, 0, 0, 0 };

	UNROLL
	for (int i = 0; i < 4; i++) {
		float4 v = load4(x + 4 * i);
		float q[4];

		levels(r->q[i], zero, q);
		s[0] = fma_rn(q[0], v.x, s[0]);
		s[1] = fma_rn(q[1], v.y, s[1]);
		s[2] = fma_rn(q[2], v.z, s[2]);
		s[3] = fma_rn(q[3], v.w, s[3]);
	}
	return fma_rn(r->scale, s[0] + s[1] + (s[2] + s[3]), -mul_rn(r->min, x_sum));
}

DEVICE float run_sum(const float *x)
{
	float4 a = load4(x), b = load4(x + 4), c = load4(x + 8), d = load4(x + 12);

	return a.x + a.y + (a.z + a.w) + (b.x + b.y + (b.z + b.w)) + (c.x + c.y + (c.z + c.w) + (d.x + d.y + (d.z + d.w)));
}

/* Part and row within it of row r of the launch. */
DEVICE int part_of(const struct gemv *a, size_t *r)
{
	int p = 0;

	while (p + 1 < a->n_parts && *r >= a->part[p].w.rows)
		*r -= a->part[p++].w.rows;
	return p;
}

DEVICE void finish(const struct gemv *a, size_t row, float y)
{
	size_t r = row;
	const struct gemv_part *p = &a->part[part_of(a, &r)];

	if (p->bias)
		y = add_rn(y, p->bias[r]);
	p->y[r + p->y_pos * (size_t)a->c->pos0] = y;
	if (a->sum && p == &a->part[0])
		a->sum[r] = add_rn(a->add[r], y);
}

/* Where the rows of a warp are; one beyond the end reads the last again. */
struct rows {
	const struct weights *w[ROWS];
	size_t row[ROWS];
};

DEVICE struct rows rows_from(const struct gemv *a, size_t first)
{
	struct rows s;

	UNROLL
	for (int i = 0; i < ROWS; i++) {
		size_t r = first + (size_t)i < a->rows ? first + (size_t)i : a->rows - 1;

		s.w[i] = &a->part[part_of(a, &r)].w;
		s.row[i] = r;
	}
	return s;
}

#define QUANT(T, RUNS, ZERO)                                                                  \
	DEVICE void dot_##T(const struct gemv *a, const struct rows *s, size_t k0, size_t n, const float *xs, \
	    float acc[ROWS])                                                                  \
	{                                                                                     \
		const size_t per_unit = (size_t)RUN * RUNS, block = dtype_block_##T;          \
		const size_t per_row = a->cols / per_unit, first = k0 / per_unit, end = n / per_unit; \
		for (size_t u = (size_t)(THREAD % WARP); u < end; u += WARP) {                \
			struct run r[ROWS][RUNS];                                             \
			const float *x = xs + at_column(u * per_unit / block * block);        \
			UNROLL                                                                \
			for (int i = 0; i < ROWS; i++)                                        \
				unit_##T(s->w[i], s->row[i] * per_row + first + u, r[i]);     \
			UNROLL                                                                \
			for (int j = 0; j < RUNS; j++) {                                      \
				const float *at = x + at_column((size_t)r[0][j].col);         \
				float x_sum = has_min_##T ? run_sum(at) : 0;                  \
				UNROLL                                                        \
				for (int i = 0; i < ROWS; i++)                                \
					acc[i] += run_dot(&r[i][j], ZERO, at, x_sum);         \
			}                                                                     \
		}                                                                             \
	}
enum { dtype_block_Q4_0 = 32, dtype_block_Q4_1 = 32, dtype_block_Q5_0 = 32, dtype_block_Q5_1 = 32, dtype_block_Q8_0 = 32,
	dtype_block_Q2_K = 256, dtype_block_Q3_K = 256, dtype_block_Q4_K = 256, dtype_block_Q5_K = 256,
	dtype_block_Q6_K = 256 };
enum { has_min_Q4_0 = 0, has_min_Q4_1 = 1, has_min_Q5_0 = 0, has_min_Q5_1 = 1, has_min_Q8_0 = 0, has_min_Q2_K = 1,
	has_min_Q3_K = 0, has_min_Q4_K = 1, has_min_Q5_K = 1, has_min_Q6_K = 0 };
UNIT_TYPES(QUANT)

/* Float rows: a unit is 16 bytes, 4 or 8 weights. */
DEVICE void dot_float(const struct rows *s, enum dtype type, size_t k0, size_t n, const float *xs,
    float acc[ROWS])
{
	const size_t per_unit = type == DTYPE_F32 ? 4 : 8, end = (n + per_unit - 1) / per_unit;
	const size_t bytes = type == DTYPE_F32 ? 4 : 2;

	for (size_t u = (size_t)(THREAD % WARP); u < end; u += (size_t)WARP * AHEAD) {
		uint4 w[AHEAD][ROWS];

		UNROLL
		for (int j = 0; j < AHEAD; j++)
			for (int i = 0; i < ROWS; i++)
				if (u + (size_t)(j * WARP) < end)
					w[j][i] = load16(s->w[i]->plane[0] + bytes * (s->row[i] * s->w[i]->stride + k0) +
					    16 * (u + (size_t)(j * WARP)));
		UNROLL
		for (int j = 0; j < AHEAD; j++) {
			const float *x = xs + at_column((u + (size_t)(j * WARP)) * per_unit);

			if (u + (size_t)(j * WARP) >= end)
				continue;
			UNROLL
			for (int i = 0; i < ROWS; i++)
				UNROLL
				for (int k = 0; k < (type == DTYPE_F32 ? 4 : 8); k++)
					acc[i] = fma_rn(float_weight(type, w[j][i], k), x[k], acc[i]);
		}
	}
}

#define FLOAT(T)                                                                              \
	DEVICE void dot_##T(const struct gemv *a, const struct rows *s, size_t k0, size_t n, const float *xs, \
	    float acc[ROWS])                                                                  \
	{                                                                                     \
		(void)a;                                                                      \
		dot_float(s, DTYPE_##T, k0, n, xs, acc);                                   \
	}
FLOAT(F32)
FLOAT(F16)
FLOAT(BF16)

/* A block takes PER_BLOCK rows, then those a whole grid further on. */
#define GEMV(T)                                                                               \
	KERNEL(gemv_##T, struct gemv)                                                         \
	{                                                                                     \
		BLOCK_MEMORY(xs);                                                                   \
		struct centre c = measure(&a);                                                \
		bool whole = a.tile >= a.cols;                                                \
		if (whole)                                                                    \
			load_vector(&a, c, 0, a.tile, xs);                                    \
		sync_threads();                                                               \
		for (size_t base = (size_t)BLOCK_X * PER_BLOCK; base < a.rows; base += (size_t)GRID_X * PER_BLOCK) { \
			size_t first = base + (size_t)(THREAD / WARP * ROWS);                 \
			struct rows s = rows_from(&a, first);                                 \
			float acc[ROWS] = { 0, 0 };                                           \
			for (size_t k0 = 0; k0 < a.cols; k0 += a.tile) {                      \
				if (!whole) {                                                 \
					sync_threads();                                       \
					load_vector(&a, c, k0, a.tile, xs);                   \
					sync_threads();                                       \
				}                                                             \
				dot_##T(&a, &s, k0, a.cols - k0 < a.tile ? a.cols - k0 : a.tile, xs, acc); \
			}                                                                     \
			UNROLL                                                                \
			for (int i = 0; i < ROWS; i++) {                                      \
				float y = warp_sum(acc[i]);                                   \
				if (THREAD % WARP == i && first + (size_t)i < a.rows)         \
					finish(&a, first + (size_t)i, y);                     \
			}                                                                     \
		}                                                                             \
	}
#define GEMV_QUANT(T, RUNS, ZERO) GEMV(T)
UNIT_TYPES(GEMV_QUANT)
GEMV(F32)
GEMV(F16)
GEMV(BF16)

void gemv_run(struct dev *d, const struct gemv *g, int units, size_t shared)
{
	struct gemv a = *g;
	size_t room = shared / sizeof(float) / STRIPE * 32 / 256 * 256, bytes, blocks, most;

	a.rows = 0;
	for (int i = 0; i < a.n_parts; i++)
		a.rows += a.part[i].w.rows;
	/* Whole vectors where they fit; a float row may be read up to 7 columns behind its end. */
	a.tile = (a.cols + 31) / 32 * 32;
	a.tile = a.tile > room ? room : a.tile;
	bytes = at_column(a.tile) * sizeof(float);
	blocks = (a.rows + PER_BLOCK - 1) / PER_BLOCK;
	most = (size_t)units * (bytes > (48u << 10) ? 2 : 4);
	blocks = blocks < most ? blocks : most;
	switch (a.part[0].w.type) {
#define CASE(T)                                                                               \
	case DTYPE_##T:                                                                       \
		LAUNCH(d, gemv_##T, blocks, 1, BLOCK, bytes, a);                              \
		break;
#define CASE_QUANT(T, RUNS, ZERO) CASE(T)
	UNIT_TYPES(CASE_QUANT)
	CASE(F32)
	CASE(F16)
	CASE(BF16)
	case N_DTYPES:
		break;
	}
}
