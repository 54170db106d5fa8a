/* Rows of matrices widened, for embeddings and for products of many vectors. */
#include "engine/cuda/steps.h"

enum { BLOCK = 256 };

/* The runs of unit u, whatever the type; how many, and the zero. */
DEVICE int unit_any(const struct weights *w, size_t u, struct run r[MOST_RUNS], float *zero)
{
	switch (w->type) {
#define UNIT(T, RUNS, ZERO)                                                                   \
	case DTYPE_##T:                                                                       \
		unit_##T(w, u, r);                                                            \
		*zero = ZERO;                                                                 \
		return RUNS;
	UNIT_TYPES(UNIT)
	case DTYPE_F32:
	case DTYPE_F16:
	case DTYPE_BF16:
	case N_DTYPES:
		break;
	}
	return 0;
}

BOTH bool is_float(enum dtype t)
{
	return t == DTYPE_F32 || t == DTYPE_F16 || t == DTYPE_BF16;
}

/* Weights in a unit, and the columns after which the columns of runs start again. */
BOTH int unit_size(enum dtype t)
{
	return t == DTYPE_F32 ? 4 : t == DTYPE_F16 || t == DTYPE_BF16 ? 8 : t == DTYPE_Q2_K || t == DTYPE_Q3_K ? 64 : 32;
}

BOTH int block_size(enum dtype t)
{
	return t == DTYPE_Q2_K || t == DTYPE_Q3_K || t == DTYPE_Q4_K || t == DTYPE_Q5_K || t == DTYPE_Q6_K ? 256 : 32;
}

struct widen_args {
	struct weights w;
	const struct ctrl *c;
	const int32_t *ids;     /* rows to take; NULL: row0 on, or pos0 on when by_pos */
	bool by_pos, add;
	size_t row0;
	enum widened kind;
	void *out;              /* [rows of the grid][cols] */
};

DEVICE void put_weight(const struct widen_args *a, size_t at, float v)
{
	float *out = (float *)a->out;
	uint16_t *half = (uint16_t *)a->out;

	if (a->kind == WIDEN_F16)
		half[at] = (uint16_t)f16_bits(v);
	else if (a->kind == WIDEN_REST)
		half[at] = (uint16_t)f16_bits(mul_rn(sub_rn(v, f16_value(f16_bits(v))), WIDEN_LIFT));
	else
		out[at] = a->add ? add_rn(out[at], v) : v;
}

/* A thread takes a unit; the rows are the other side of the grid. */
KERNEL(widen, struct widen_args)
{
	size_t j = (size_t)BLOCK_X, cols = a.w.cols;
	size_t row = a.ids ? (size_t)a.ids[j] : a.by_pos ? (size_t)a.c->pos0 + j : a.row0 + j;
	int size = unit_size(a.w.type);
	size_t n = (cols + (size_t)size - 1) / (size_t)size;

	for (size_t u = (size_t)(BLOCK_Y * BLOCK + THREAD); u < n; u += (size_t)BLOCK) {
		if (is_float(a.w.type)) {
			const unsigned char *p = a.w.plane[0] + row * a.w.stride * (a.w.type == DTYPE_F32 ? 4 : 2);
			uint4 v = load16(p + 16 * u);

			for (int i = 0; i < size; i++)
				if (u * (size_t)size + (size_t)i < cols)
					put_weight(&a, j * cols + u * (size_t)size + (size_t)i, float_weight(a.w.type, v, i));
		} else {
			struct run r[MOST_RUNS];
			float zero = 0, q[4];
			int n_runs = unit_any(&a.w, row * n + u, r, &zero);
			size_t first = u * (size_t)size / (size_t)block_size(a.w.type) * (size_t)block_size(a.w.type);

			UNROLL
			for (int k = 0; k < MOST_RUNS; k++)
				for (int i = 0; i < 4 && k < n_runs; i++) {
					levels(r[k].q[i], zero, q);
					for (int b = 0; b < 4; b++)
						put_weight(&a, j * cols + first + (size_t)(r[k].col + 4 * i + b),
						    sub_rn(mul_rn(r[k].scale, q[b]), r[k].min));
				}
		}
	}
}

void step_embed(struct dev *d, const struct ctrl *c, const struct weights *w, const int32_t *ids, float *x, bool add, int m)
{
	struct widen_args a;

	a.w = *w;
	a.c = c;
	a.ids = ids;
	a.by_pos = !ids;
	a.add = add;
	a.row0 = 0;
	a.kind = WIDEN_F32;
	a.out = x;
	LAUNCH(d, widen, m, 1, BLOCK, 0, a);
}

void step_widen(struct dev *d, const struct weights *w, size_t row0, size_t n, enum widened kind, void *out)
{
	struct widen_args a;

	a.w = *w;
	a.c = NULL;
	a.ids = NULL;
	a.by_pos = a.add = false;
	a.row0 = row0;
	a.kind = kind;
	a.out = out;
	LAUNCH(d, widen, n, 1, BLOCK, 0, a);
}

struct column_args {
	const float *tile;
	size_t n;
	int width;
	float *sum;
	bool root;
};

/* In the order, and with the roundings, of neurons_measure(). */
KERNEL(columns, struct column_args)
{
	int c = BLOCK_X * BLOCK + THREAD;
	float sum;

	if (c >= a.width)
		return;
	sum = a.sum[c];
	for (size_t r = 0; r < a.n; r++) {
		float w = a.tile[r * (size_t)a.width + (size_t)c];

		sum = add_rn(sum, mul_rn(w, w));
	}
	a.sum[c] = a.root ? sqrtf(sum) : sum;
}

void step_columns(struct dev *d, const float *tile, size_t n, int width, float *sum, bool root)
{
	struct column_args a;

	a.tile = tile;
	a.n = n;
	a.width = width;
	a.sum = sum;
	a.root = root;
	LAUNCH(d, columns, (width + BLOCK - 1) / BLOCK, 1, BLOCK, 0, a);
}

struct round_args {
	const float *x;
	int width;
	uint16_t *out;
	float *scale;
};

/* The largest of a row comes to lie in [2^11, 2^12): far from f16's end, and what is
 * 2^25 times smaller is still a normal number. */
KERNEL(round_rows, struct round_args)
{
	const float *x = a.x + (size_t)BLOCK_X * (size_t)a.width;
	uint16_t *high = a.out + (size_t)BLOCK_X * (size_t)a.width, *rest = high + (size_t)GRID_X * (size_t)a.width;
	float most = 0, down, up;
	int exponent;

	for (int i = THREAD; i < a.width; i += BLOCK) {
		float v = fabsf(x[i]);

		most = v > most ? v : most;
	}
	most = block_max(most);
	exponent = (int)(bits_of(most) >> 23);
	/* 2^(11 - e) and its inverse, both normal; infinities and NaN keep what they are. */
	exponent = exponent < 24 ? 24 : exponent > 230 ? 230 : exponent;
	down = float_of((uint32_t)(127 + 11 + 127 - exponent) << 23);
	up = float_of((uint32_t)(exponent - 11) << 23);
	for (int i = THREAD; i < a.width; i += BLOCK) {
		float v = mul_rn(x[i], down);
		uint32_t h = f16_bits(v);

		high[i] = (uint16_t)h;
		rest[i] = (uint16_t)f16_bits(sub_rn(v, f16_value(h)));
	}
	if (THREAD == 0)
		a.scale[BLOCK_X] = up;
}

void step_round(struct dev *d, const float *x, int width, uint16_t *out, float *scale, int m)
{
	struct round_args a;

	a.x = x;
	a.width = width;
	a.out = out;
	a.scale = scale;
	LAUNCH(d, round_rows, m, 1, BLOCK, 0, a);
}

struct finish_args {
	float *y;
	size_t stride;
	const float *scale, *bias;
	int width;
};

KERNEL(finish_rows, struct finish_args)
{
	float *y = a.y + (size_t)BLOCK_X * a.stride, scale = a.scale ? a.scale[BLOCK_X] : 1;

	for (int i = THREAD; i < a.width; i += BLOCK) {
		float v = mul_rn(y[i], scale);

		y[i] = a.bias ? add_rn(v, a.bias[i]) : v;
	}
}

void step_finish(struct dev *d, float *y, size_t stride, const float *scale, const float *bias, int width, int m)
{
	struct finish_args a;

	a.y = y;
	a.stride = stride;
	a.scale = scale;
	a.bias = bias;
	a.width = width;
	LAUNCH(d, finish_rows, m, 1, BLOCK, 0, a);
}
