#include "engine/cuda/steps.h"

enum { BLOCK = 256 };

static int blocks_for(size_t n)
{
	return (int)((n + BLOCK - 1) / BLOCK);
}

/* ---- norms, RoPE, activations ---- */

struct norm_args {
	enum norm kind;
	const float *x, *w, *b;
	float eps;
	float *out;
	int width;
};

KERNEL(norm_rows, struct norm_args)
{
	const float *x = a.x + (size_t)BLOCK_X * (size_t)a.width;
	float *out = a.out + (size_t)BLOCK_X * (size_t)a.width;
	double sum = 0, mean = 0;
	float scale, centre;

	if (a.kind == NORM_BY_LAYER) {
		for (int i = THREAD; i < a.width; i += BLOCK)
			sum += (double)x[i];
		mean = block_sum(sum) / a.width;
		sum = 0;
	}
	for (int i = THREAD; i < a.width; i += BLOCK)
		sum += ((double)x[i] - mean) * ((double)x[i] - mean);
	scale = (float)(1 / sqrt(block_sum(sum) / a.width + (double)a.eps));
	centre = (float)mean;
	for (int i = THREAD; i < a.width; i += BLOCK)
		out[i] = a.kind == NORM_BY_RMS ? mul_rn(mul_rn(x[i], scale), a.w[i]) :
		    add_rn(mul_rn(mul_rn(sub_rn(x[i], centre), scale), a.w[i]), a.b[i]);
}

void step_norm(struct dev *d, enum norm kind, const float *x, const float *w, const float *b, float eps, float *out,
    int width, int m)
{
	struct norm_args a;

	a.kind = kind;
	a.x = x;
	a.w = w;
	a.b = b;
	a.eps = eps;
	a.out = out;
	a.width = width;
	LAUNCH(d, norm_rows, m, 1, BLOCK, 0, a);
}

/* Pair i of a head: channels (2i, 2i + 1) or (i, i + half). */
DEVICE void turn(const struct rope_step *a, float *x, int i, float c, float s)
{
	int step = a->kind == ROPE_PAIRS ? 2 : 1, apart = a->kind == ROPE_PAIRS ? 1 : a->half;
	float p = x[i * step], q = x[i * step + apart];

	x[i * step] = sub_rn(mul_rn(p, c), mul_rn(q, s));
	x[i * step + apart] = add_rn(mul_rn(p, s), mul_rn(q, c));
}

/* A block turns one position: all query heads and all key heads. */
KERNEL(rope, struct rope_step)
{
	int j = BLOCK_X, pos = a.c->pos0 + j, dq = a.n_heads * a.d;
	float *q = a.q + (size_t)j * (size_t)dq, *k = a.k + (size_t)pos * a.row;

	for (int i = THREAD; a.kind != ROPE_NONE && i < (a.n_heads + a.n_kv_heads) * a.half; i += BLOCK) {
		int h = i / a.half, p = i % a.half;
		float c = a.cos[(size_t)pos * (size_t)a.half + (size_t)p], s = a.sin[(size_t)pos * (size_t)a.half + (size_t)p];

		turn(&a, h < a.n_heads ? q + h * a.d : k + (h - a.n_heads) * a.d, p, c, s);
	}
	sync_threads();
	for (int i = THREAD; i < dq; i += BLOCK) {
		float v = mul_rn(q[i], a.scale), t = a.temp ? a.temp[(size_t)j * (size_t)a.n_heads + (size_t)(i / a.d)] : 1;

		q[i] = t > 0 ? v / t : v;
	}
}

void step_rope(struct dev *d, const struct rope_step *r, int m)
{
	LAUNCH(d, rope, m, 1, BLOCK, 0, *r);
}

struct elementwise {
	const float *x, *y;
	float *out;
	size_t n;
};

KERNEL(ones, struct elementwise)
{
	size_t i = (size_t)BLOCK_X * BLOCK + (size_t)THREAD;

	if (i < a.n)
		a.out[i] = 1;
}

KERNEL(add_rows, struct elementwise)
{
	size_t i = (size_t)BLOCK_X * BLOCK + (size_t)THREAD;

	if (i < a.n)
		a.out[i] = add_rn(a.x[i], a.y[i]);
}

KERNEL(silu_mul, struct elementwise)
{
	size_t i = (size_t)BLOCK_X * BLOCK + (size_t)THREAD;

	if (i < a.n)
		a.out[i] = a.x[i] / (1 + expf(-a.x[i])) * a.y[i];
}

/* 0.5 y (1 + tanh(u)) = y / (1 + exp(-2u)), u = sqrt(2 / pi) (y + 0.044715 y^3) */
KERNEL(gelu, struct elementwise)
{
	size_t i = (size_t)BLOCK_X * BLOCK + (size_t)THREAD;

	if (i < a.n) {
		float v = a.y[i];

		a.out[i] = v / (1 + expf(-2 * 0.7978845608f * (v + 0.044715f * v * v * v)));
	}
}

KERNEL(noise, struct elementwise)
{
	size_t i = (size_t)BLOCK_X * BLOCK + (size_t)THREAD;
	uint32_t h = (uint32_t)i * 2654435761u;

	h = (h ^ h >> 15) * 2246822519u;
	h = (h ^ h >> 13) * 3266489917u;
	if (i < a.n)
		a.out[i] = (float)((h ^ h >> 16) >> 8) * 0x1p-23f - 1;
}

static struct elementwise elements(const float *x, const float *y, float *out, size_t n)
{
	struct elementwise a;

	a.x = x;
	a.y = y;
	a.out = out;
	a.n = n;
	return a;
}

void step_ones(struct dev *d, float *x, size_t n)
{
	struct elementwise a = elements(NULL, NULL, x, n);

	LAUNCH(d, ones, blocks_for(n), 1, BLOCK, 0, a);
}

void step_noise(struct dev *d, float *x, size_t n)
{
	struct elementwise a = elements(NULL, NULL, x, n);

	LAUNCH(d, noise, blocks_for(n), 1, BLOCK, 0, a);
}

void step_add(struct dev *d, const float *x, const float *y, float *out, size_t n)
{
	struct elementwise a = elements(x, y, out, n);

	LAUNCH(d, add_rows, blocks_for(n), 1, BLOCK, 0, a);
}

void step_activate(struct dev *d, const float *gate, const float *up, float *mlp, int width, int m)
{
	struct elementwise a = elements(gate, up, mlp, (size_t)width * (size_t)m);

	if (gate)
		LAUNCH(d, silu_mul, blocks_for(a.n), 1, BLOCK, 0, a);
	else
		LAUNCH(d, gelu, blocks_for(a.n), 1, BLOCK, 0, a);
}

/* ---- edits ---- */

DEVICE bool in_scope(const struct gpu_edit *ed, int pos, int n_prompt)
{
	switch (ed->scope) {
	case GPU_PROMPT:
		return pos < n_prompt;
	case GPU_GENERATED:
		return pos >= n_prompt;
	case GPU_RANGE:
		return pos >= ed->from && pos <= ed->to;
	default:
		return true;
	}
}

/* The factor a projection takes its vector by. */
DEVICE double along(const struct gpu_edit *ed, const float *x, const float *vec)
{
	double dot = 0, length = 0;

	for (int i = THREAD; i < ed->n; i += BLOCK) {
		dot += (double)x[i] * (double)vec[i];
		length += (double)vec[i] * (double)vec[i];
	}
	dot = block_sum(dot);
	length = block_sum(length);
	return length > 0 ? (double)ed->value * dot / length : 0;
}

DEVICE float edited(const struct gpu_edit *ed, float x, float vec, double factor)
{
	switch (ed->op) {
	case GPU_HOLD:
		return ed->value;
	case GPU_SCALE:
		return mul_rn(x, ed->value);
	case GPU_ADD:
		return add_rn(x, ed->value);
	case GPU_AT_LEAST:
		return x > ed->value ? x : ed->value;
	case GPU_AT_MOST:
		return x < ed->value ? x : ed->value;
	case GPU_ADD_VEC:
		return add_rn(x, mul_rn(ed->value, vec));
	case GPU_PROJECT:
		return sub_rn(x, (float)(factor * (double)vec));
	case GPU_PATCH:
		return vec;
	default:
		return x;
	}
}

/* A block per position takes the edits of its place one after the other. */
KERNEL(edit_rows, struct edit_step)
{
	int j = a.row0 + BLOCK_X, m = a.c->m, pos = a.c->pos0 + j;

	for (int e = 0; e < a.n; e++) {
		const struct gpu_edit *ed = &a.edits[e];
		float *x = a.x + (size_t)BLOCK_X * (size_t)a.width + ed->first;
		const float *vec = a.vecs + (ed->vec >= 0 ? ed->vec : 0);
		double change = 0, before = 0, factor = 0;

		if (ed->site != a.site || (ed->layer != a.layer && ed->layer != EVERY_LAYER) ||
		    !in_scope(ed, pos, a.c->n_prompt))
			continue;
		sync_threads();
		if (ed->op == GPU_PROJECT)
			factor = along(ed, x, vec);
		for (int i = THREAD; i < ed->n; i += BLOCK) {
			float old = x[i], v = edited(ed, old, ed->vec >= 0 ? vec[i] : 0, factor);

			x[i] = v;
			change += ((double)v - (double)old) * ((double)v - (double)old);
			before += (double)old * (double)old;
		}
		change = block_sum(change);
		before = block_sum(before);
		if (THREAD == 0) {
			struct gpu_receipt *r = &a.receipts[((size_t)e * (size_t)(a.n_layers + 1) + (size_t)(a.layer + 1)) * (size_t)m +
			    (size_t)j];

			r->change = change;
			r->before = before;
		}
	}
}

void step_edit(struct dev *d, const struct edit_step *e, int m)
{
	LAUNCH(d, edit_rows, m, 1, BLOCK, 0, *e);
}
