#include "engine/cuda/steps.h"

#include "engine/probe_kinds.h"

enum { BLOCK = 256 };

static int blocks_for(size_t n)
{
	return (int)((n + BLOCK - 1) / BLOCK);
}

/* ---- embedding and tiles ---- */

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
	LAUNCH(d, columns, blocks_for((size_t)width), 1, BLOCK, 0, a);
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

/* ---- what the probes read ---- */

DEVICE float length_of(const float *x, int n)
{
	double sum = 0;

	for (int i = THREAD; i < n; i += BLOCK)
		sum += (double)x[i] * (double)x[i];
	return (float)sqrt(block_sum(sum));
}

/* Share of values whose magnitude is at most PROBE_SILENT of the largest; NAN when
 * that is not finite.  Bits of |x| order as the values do, NaN above all. */
DEVICE float silent_share(const float *x, int n)
{
	int largest = 0, cut;
	double count = 0;
	float most;

	for (int i = THREAD; i < n; i += BLOCK) {
		int v = (int)(bits_of(x[i]) & 0x7fffffff);

		largest = v > largest ? v : largest;
	}
	for (int mask = WARP / 2; mask; mask /= 2) {
		int o = shuffle_xor_int(largest, mask);

		largest = o > largest ? o : largest;
	}
	/* As floats of 31 bits they would not all be ordered: two halves, each exact. */
	int high = (int)block_max((float)(largest >> 16));
	int low = (int)block_max(largest >> 16 == high ? (float)(largest & 0xffff) : -1.0f);

	largest = high << 16 | low;
	most = float_of((uint32_t)largest);
	cut = (int)(bits_of(mul_rn(PROBE_SILENT, most)) & 0x7fffffff);
	for (int i = THREAD; i < n; i += BLOCK)
		count += (int)(bits_of(x[i]) & 0x7fffffff) <= cut;
	count = block_sum(count);
	return largest < 0x7f800000 ? (float)count / (float)n : float_of(0x7fc00000u);
}

/* The larger contribution is first, of equals the smaller index. */
DEVICE bool ahead(float c, int i, float than_c, int than_i)
{
	return c > than_c || (c == than_c && i < than_i);
}

/* Every thread keeps its own four; then the best of all is taken four times. */
DEVICE void strongest(const float *mlp, const float *norm, int n, struct gpu_neuron *out)
{
	SHARED_ARRAY(float, best_c, 32);
	SHARED_ARRAY(int, best_i, 32);
	float c[GPU_NEURONS];
	int at[GPU_NEURONS];

	UNROLL
	for (int k = 0; k < GPU_NEURONS; k++) {
		c[k] = -1;
		at[k] = 0x7fffffff;
	}
	for (int i = THREAD; i < n; i += BLOCK) {
		float v = mul_rn(fabsf(mlp[i]), norm[i]);
		int id = i;

		UNROLL
		for (int k = 0; k < GPU_NEURONS; k++)
			if (ahead(v, id, c[k], at[k])) {
				float tc = c[k];
				int ti = at[k];

				c[k] = v;
				at[k] = id;
				v = tc;
				id = ti;
			}
	}
	for (int k = 0; k < GPU_NEURONS; k++) {
		float v = c[0];
		int id = at[0];

		for (int mask = WARP / 2; mask; mask /= 2) {
			float ov = shuffle_xor(v, mask);
			int oi = shuffle_xor_int(id, mask);

			if (ahead(ov, oi, v, id)) {
				v = ov;
				id = oi;
			}
		}
		sync_threads();
		if (THREAD % WARP == 0) {
			best_c[THREAD / WARP] = v;
			best_i[THREAD / WARP] = id;
		}
		sync_threads();
		v = best_c[0];
		id = best_i[0];
		for (int w = 1; w < BLOCK / WARP; w++)
			if (ahead(best_c[w], best_i[w], v, id)) {
				v = best_c[w];
				id = best_i[w];
			}
		/* Whose it was moves up. */
		if (at[0] == id) {
			UNROLL
			for (int i = 0; i + 1 < GPU_NEURONS; i++) {
				c[i] = c[i + 1];
				at[i] = at[i + 1];
			}
			c[GPU_NEURONS - 1] = -1;
			at[GPU_NEURONS - 1] = 0x7fffffff;
		}
		if (THREAD == 0) {
			bool there = id >= 0 && id < n;

			out[k].index = there ? id : -1;
			out[k].activation = there ? mlp[id] : float_of(0x7fc00000u);
			out[k].contribution = there ? v : float_of(0x7fc00000u);
		}
	}
}

KERNEL(watch, struct watch_step)
{
	size_t at = (size_t)BLOCK_Y * (size_t)GRID_X + (size_t)BLOCK_X, d = (size_t)a.d_model, ff = (size_t)a.d_ff;
	float attn = length_of(a.attn_out + at * d, a.d_model), out = length_of(a.mlp_out + at * d, a.d_model);
	float resid = length_of(a.resid + at * d, a.d_model), silent = silent_share(a.mlp + at * ff, a.d_ff);

	if (THREAD == 0) {
		a.out[at].attn_out = attn;
		a.out[at].mlp_out = out;
		a.out[at].resid = resid;
		a.out[at].silent = silent;
	}
	strongest(a.mlp + at * ff, a.norm + (size_t)BLOCK_Y * ff, a.d_ff, a.out[at].strongest);
}

void step_watch(struct dev *d, const struct watch_step *w, int n_layers, int m)
{
	LAUNCH(d, watch, m, n_layers, BLOCK, 0, *w);
}

struct stats_args {
	const float *x;
	int n, parts;
	struct stats_part *part;
	struct softmax_stats *out;
};

KERNEL(stats_parts, struct stats_args)
{
	const float *x = a.x + (size_t)BLOCK_Y * (size_t)a.n;
	int per = (a.n + GRID_X - 1) / GRID_X, from = BLOCK_X * per, to = from + per < a.n ? from + per : a.n;
	float max = -INFINITY;
	double sum = 0, m1 = 0, m2 = 0;
	struct stats_part p;

	for (int i = from + THREAD; i < to; i += BLOCK)
		max = x[i] > max ? x[i] : max;
	max = block_max(max);
	for (int i = from + THREAD; i < to; i += BLOCK) {
		float t = x[i] - max, e = expf(t);

		sum += (double)e;
		if (e > 0) {
			m1 += (double)e * (double)t;
			m2 += (double)e * (double)t * (double)t;
		}
	}
	p.sum = block_sum(sum);
	p.first_moment = block_sum(m1);
	p.second_moment = block_sum(m2);
	p.max = max;
	if (THREAD == 0)
		a.part[(size_t)BLOCK_Y * STATS_PARTS + (size_t)BLOCK_X] = p;
}

/* One warp a row; the parts are added in their order. */
KERNEL(stats_join, struct stats_args)
{
	const struct stats_part *p = a.part + (size_t)BLOCK_X * STATS_PARTS;
	double sum = 0, m1 = 0, m2 = 0;
	float max = -INFINITY;

	if (THREAD)
		return;
	for (int i = 0; i < a.parts; i++)
		max = p[i].max > max ? p[i].max : max;
	for (int i = 0; i < a.parts; i++) {
		double by = (double)p[i].max - (double)max, shrink = exp(by);

		sum += shrink * p[i].sum;
		if (shrink > 0) {
			m2 += shrink * (p[i].second_moment + 2 * by * p[i].first_moment + by * by * p[i].sum);
			m1 += shrink * (p[i].first_moment + by * p[i].sum);
		}
	}
	double ln = log(sum), mean = m1 / sum;

	a.out[BLOCK_X].max = max;
	a.out[BLOCK_X].lse = (float)((double)max + ln);
	a.out[BLOCK_X].mean = (float)((double)max + mean);
	a.out[BLOCK_X].mean_sq = (float)(m2 / sum - 2 * ln * mean + ln * ln);
}

void step_stats(struct dev *d, const float *x, int n, struct stats_part *part, struct softmax_stats *out, int m)
{
	struct stats_args a;

	a.x = x;
	a.n = n;
	/* Of a thousand logits and more, so that none is empty. */
	a.parts = n / 1024 < 1 ? 1 : n / 1024 > STATS_PARTS ? STATS_PARTS : n / 1024;
	a.part = part;
	a.out = out;
	LAUNCH(d, stats_parts, a.parts, m, BLOCK, 0, a);
	LAUNCH(d, stats_join, m, 1, WARP, 0, a);
}

/* ---- what products of many vectors want ---- */

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
