#include "engine/cuda/attend.h"

enum { BLOCK = 256, KEYS = ATTEND_KEYS, SLICES = 8, PIECES = ATTEND_HEAD / 4 / SLICES };

/* Shared memory of a block with room for R rows. */
struct room {
	float *q;               /* [R][d] */
	float *s;               /* [KEYS][R + 4] scores, then weights */
	float *max, *sum, *m1, *m2, *shrink, *score0;   /* [R] */
	float *z;               /* [BLOCK / d][R][d] */
};

BOTH size_t room_floats(int rows, int d)
{
	return (size_t)rows * (size_t)d + (size_t)KEYS * (size_t)(rows + 4) + 6u * (size_t)rows + (size_t)BLOCK * (size_t)rows;
}

DEVICE struct room room_in(float *at, int rows, int d)
{
	struct room m;

	m.q = at;
	m.s = m.q + rows * d;
	m.max = m.s + KEYS * (rows + 4);
	m.sum = m.max + rows;
	m.m1 = m.sum + rows;
	m.m2 = m.m1 + rows;
	m.shrink = m.m2 + rows;
	m.score0 = m.shrink + rows;
	m.z = m.score0 + rows;
	return m;
}

/* What a block works on. */
struct task {
	int head, n_heads;      /* first of its heads, and how many */
	int j, n_rows;          /* first query; rows = queries * heads */
	int kv, split;
	int from, to;           /* keys */
};

DEVICE struct task task_of(const struct attend *a)
{
	struct task t;
	int group = a->n_heads / a->n_kv_heads, rest = BLOCK_X / a->splits, part = rest % a->parts, left, seen, per;

	t.split = BLOCK_X % a->splits;
	t.kv = rest / a->parts;
	t.head = t.kv * group + part * a->per_block;
	left = group - part * a->per_block;
	t.n_heads = left < a->per_block ? left : a->per_block;
	t.j = BLOCK_Y * a->queries;
	left = a->c->m - t.j;
	t.n_rows = (left < a->queries ? left : a->queries) * t.n_heads;
	seen = a->c->pos0 + t.j + t.n_rows / t.n_heads;
	per = (seen + a->splits - 1) / a->splits;
	per = (per + KEYS - 1) / KEYS * KEYS;
	t.from = t.split * per;
	t.to = t.from + per < seen ? t.from + per : seen;
	return t;
}

/* Scores of KEYS keys from `base` on; minus infinity where a row does not see one.
 * Eight threads share a key, four channels at a time. */
DEVICE void score(const struct attend *a, const struct task *t, const struct room *m, int base, const int R)
{
	int slice = THREAD % SLICES, d4 = a->d / 4;

	for (int pass = 0; pass < KEYS * SLICES / BLOCK; pass++) {
		int at = pass * (BLOCK / SLICES) + THREAD / SLICES, key = base + at;
		float4 k[PIECES];

		UNROLL
		for (int i = 0; i < PIECES; i++) {
			int c = slice + i * SLICES;

			k[i].x = k[i].y = k[i].z = k[i].w = 0;
			if (c < d4 && key < t->to)
				k[i] = load4(a->k + (size_t)key * a->row + (size_t)(t->kv * a->d + 4 * c));
		}
		UNROLL
		for (int r = 0; r < R; r++) {
			float s = 0;

			UNROLL
			for (int i = 0; i < PIECES; i++) {
				int c = slice + i * SLICES;

				if (c < d4) {
					float4 q = load4(m->q + r * a->d + 4 * c);

					s = fma_rn(q.x, k[i].x, fma_rn(q.y, k[i].y, fma_rn(q.z, k[i].z, fma_rn(q.w, k[i].w, s))));
				}
			}
			for (int mask = SLICES / 2; mask; mask /= 2)
				s += shuffle_xor(s, mask);
			if (slice == r % SLICES) {
				bool sees = r < t->n_rows && key < t->to && key <= a->c->pos0 + t->j + r / t->n_heads;

				m->s[at * (R + 4) + r] = sees ? s : -INFINITY;
				if (key == 0)
					m->score0[r] = s;
			}
		}
	}
}

/* A warp takes a row: the new maximum, what the old sums shrink by, the weights. */
DEVICE void weigh(const struct room *m, const int R)
{
	for (int r = THREAD / WARP; r < R; r += BLOCK / WARP) {
		float *s = m->s + r;
		int lane = THREAD % WARP;
		float s0 = s[lane * (R + 4)], s1 = s[(lane + WARP) * (R + 4)];
		float old = m->max[r], top = warp_max(s0 > s1 ? s0 : s1), e0, e1, f0, f1, sum, m1, m2;

		top = top > old ? top : old;
		e0 = s0 > -INFINITY ? expf(s0 - top) : s0 == s0 ? 0 : s0;
		e1 = s1 > -INFINITY ? expf(s1 - top) : s1 == s1 ? 0 : s1;
		f0 = e0 > 0 ? s0 - top : 0;
		f1 = e1 > 0 ? s1 - top : 0;
		sum = warp_sum(e0 + e1);
		m1 = warp_sum(e0 * f0 + e1 * f1);
		m2 = warp_sum(e0 * f0 * f0 + e1 * f1 * f1);
		s[lane * (R + 4)] = e0;
		s[(lane + WARP) * (R + 4)] = e1;
		if (lane == 0) {
			float by = old - top, shrink = old > -INFINITY ? expf(by) : 0;

			if (old > -INFINITY) {
				m2 += shrink * (m->m2[r] + 2 * by * m->m1[r] + by * by * m->sum[r]);
				m1 += shrink * (m->m1[r] + by * m->sum[r]);
				sum += shrink * m->sum[r];
			}
			m->max[r] = top;
			m->sum[r] = sum;
			m->m1[r] = m1;
			m->m2[r] = m2;
			m->shrink[r] = shrink;
		}
	}
}

/* A thread has a channel and every (BLOCK / d)-th key. */
DEVICE void mix(const struct attend *a, const struct task *t, const struct room *m, int base, float *z, const int R)
{
	int group = THREAD / a->d, n_groups = BLOCK / a->d, end = t->to - base < KEYS ? t->to - base : KEYS;

	UNROLL
	for (int r = 0; r < R; r++)
		z[r] *= m->shrink[r];
	if (group >= n_groups)
		return;
	for (int at = group; at < end; at += n_groups) {
		float v = a->v[(size_t)(base + at) * a->row + (size_t)(t->kv * a->d + THREAD % a->d)];
		const float *p = m->s + at * (R + 4);

		UNROLL
		for (int r = 0; r < R; r += 4) {
			float4 w = load4(p + r);

			z[r] = fma_rn(w.x, v, z[r]);
			z[r + 1] = fma_rn(w.y, v, z[r + 1]);
			z[r + 2] = fma_rn(w.z, v, z[r + 2]);
			z[r + 3] = fma_rn(w.w, v, z[r + 3]);
		}
	}
}

DEVICE void report(struct gpu_head *h, const struct attend_part *p)
{
	float ln = logf(p->sum), mean = p->first_moment / p->sum;

	h->softmax.max = p->max;
	h->softmax.lse = p->max + ln;
	h->softmax.mean = p->max + mean;
	h->softmax.mean_sq = p->second_moment / p->sum - 2 * ln * mean + ln * ln;
	h->first = expf(p->score0 - p->max) / p->sum;
}

DEVICE void put(const struct attend *a, const struct task *t, const struct room *m, const int R)
{
	int n_groups = BLOCK / a->d;

	for (int i = THREAD; i < t->n_rows * a->d; i += BLOCK) {
		int r = i / a->d, c = i % a->d;
		size_t row = (size_t)(t->j + r / t->n_heads) * (size_t)a->n_heads + (size_t)(t->head + r % t->n_heads);
		float z = 0;

		for (int g = 0; g < n_groups; g++)
			z += m->z[(g * R + r) * a->d + c];
		if (a->splits == 1)
			a->z[row * (size_t)a->d + (size_t)c] = z / m->sum[r];
		else
			a->part_z[(row * (size_t)a->splits + (size_t)t->split) * (size_t)a->d + (size_t)c] = z;
		if (c == 0) {
			struct attend_part p;

			p.max = m->max[r];
			p.sum = m->sum[r];
			p.first_moment = m->m1[r];
			p.second_moment = m->m2[r];
			p.score0 = m->score0[r];
			if (a->splits == 1)
				report(&a->heads[row], &p);
			else
				a->part[row * (size_t)a->splits + (size_t)t->split] = p;
		}
	}
}

DEVICE void attend_block(const struct attend *a, float *at, const int R)
{
	struct task t = task_of(a);
	struct room m = room_in(at, R, a->d);
	float z[ATTEND_ROWS];

	for (int i = THREAD; i < R * a->d; i += BLOCK) {
		int r = i / a->d;
		size_t row = (size_t)(t.j + r / t.n_heads) * (size_t)a->n_heads + (size_t)(t.head + r % t.n_heads);

		m.q[i] = r < t.n_rows ? a->q[row * (size_t)a->d + (size_t)(i % a->d)] : 0;
	}
	if (THREAD < R) {
		m.max[THREAD] = -INFINITY;
		m.sum[THREAD] = m.m1[THREAD] = m.m2[THREAD] = m.score0[THREAD] = 0;
	}
	UNROLL
	for (int r = 0; r < R; r++)
		z[r] = 0;
	for (int base = t.from; base < t.to; base += KEYS) {
		sync_threads();
		score(a, &t, &m, base, R);
		sync_threads();
		weigh(&m, R);
		sync_threads();
		mix(a, &t, &m, base, z, R);
	}
	sync_threads();
	if (THREAD / a->d < BLOCK / a->d)
		UNROLL
		for (int r = 0; r < R; r++)
			m.z[(THREAD / a->d * R + r) * a->d + THREAD % a->d] = z[r];
	sync_threads();
	put(a, &t, &m, R);
}

KERNEL(attend_4, struct attend)
{
	BLOCK_MEMORY(at);
	attend_block(&a, at, 4);
}

KERNEL(attend_8, struct attend)
{
	BLOCK_MEMORY(at);
	attend_block(&a, at, 8);
}

KERNEL(attend_16, struct attend)
{
	BLOCK_MEMORY(at);
	attend_block(&a, at, 16);
}

/* One head of one position from its stretches, the first first. */
KERNEL(attend_join, struct attend)
{
	size_t row = (size_t)BLOCK_Y * (size_t)a.n_heads + (size_t)BLOCK_X;
	const struct attend_part *p = a.part + row * (size_t)a.splits;
	struct attend_part all = p[0];

	for (int s = 1; s < a.splits; s++)
		all.max = p[s].max > all.max ? p[s].max : all.max;
	all.sum = all.first_moment = all.second_moment = 0;
	for (int s = 0; s < a.splits; s++)
		if (p[s].max > -INFINITY) {
			float by = p[s].max - all.max, shrink = expf(by);

			all.sum += shrink * p[s].sum;
			all.first_moment += shrink * (p[s].first_moment + by * p[s].sum);
			all.second_moment += shrink * (p[s].second_moment + 2 * by * p[s].first_moment + by * by * p[s].sum);
		}
	for (int c = THREAD; c < a.d; c += THREADS) {
		const float *from = a.part_z + row * (size_t)a.splits * (size_t)a.d + (size_t)c;
		float z = 0;

		for (int s = 0; s < a.splits; s++)
			if (p[s].max > -INFINITY)
				z = fma_rn(expf(p[s].max - all.max), from[(size_t)s * (size_t)a.d], z);
		a.z[row * (size_t)a.d + (size_t)c] = z / all.sum;
	}
	if (THREAD == 0)
		report(&a.heads[row], &all);
}

int attend_splits(int units, int n_heads, int n_kv_heads)
{
	int group = n_heads / n_kv_heads, blocks = n_kv_heads * ((group + ATTEND_ROWS - 1) / ATTEND_ROWS);
	int splits = (2 * units + blocks - 1) / blocks;

	return splits < 1 ? 1 : splits > 64 ? 64 : splits;
}

void attend_run(struct dev *d, const struct attend *given, int m)
{
	struct attend a = *given;
	int group = a.n_heads / a.n_kv_heads, rows;
	int grid_x, grid_y;

	a.per_block = group < ATTEND_ROWS ? group : ATTEND_ROWS;
	a.parts = (group + a.per_block - 1) / a.per_block;
	a.queries = ATTEND_ROWS / a.per_block;
	a.queries = a.queries < m ? a.queries : m;
	rows = a.queries * a.per_block;
	grid_y = (m + a.queries - 1) / a.queries;
	/* Many queries fill the device by themselves. */
	if (m > 1)
		a.splits = 1;
	grid_x = a.splits * a.n_kv_heads * a.parts;
	if (rows <= 4)
		LAUNCH(d, attend_4, grid_x, grid_y, BLOCK, room_floats(4, a.d) * sizeof(float), a);
	else if (rows <= 8)
		LAUNCH(d, attend_8, grid_x, grid_y, BLOCK, room_floats(8, a.d) * sizeof(float), a);
	else
		LAUNCH(d, attend_16, grid_x, grid_y, BLOCK, room_floats(16, a.d) * sizeof(float), a);
	if (a.splits > 1)
		LAUNCH(d, attend_join, a.n_heads, m, BLOCK, 0, a);
}

struct rows_args {
	struct attend at;
	float *out;
	int n_keys;
};

KERNEL(attend_row, struct rows_args)
{
	const float *q = a.at.q + (size_t)BLOCK_X * (size_t)a.at.d;
	size_t kv = (size_t)(BLOCK_X / (a.at.n_heads / a.at.n_kv_heads)) * (size_t)a.at.d;
	float *out = a.out + (size_t)BLOCK_X * (size_t)a.n_keys, max = -INFINITY;
	double sum = 0;

	for (int t = THREAD; t < a.n_keys; t += THREADS) {
		const float *k = a.at.k + (size_t)t * a.at.row + kv;
		float s = 0;

		for (int i = 0; i < a.at.d; i++)
			s = fma_rn(q[i], k[i], s);
		out[t] = s;
		max = s > max ? s : max;
	}
	/* Every thread goes on with what it wrote itself. */
	max = block_max(max);
	for (int t = THREAD; t < a.n_keys; t += THREADS)
		sum += (double)(out[t] = expf(out[t] - max));
	sum = block_sum(sum);
	for (int t = THREAD; t < a.n_keys; t += THREADS)
		out[t] = (float)((double)out[t] / sum);
}

void attend_rows(struct dev *d, const struct attend *at, float *out, int n_keys)
{
	struct rows_args a;

	a.at = *at;
	a.out = out;
	a.n_keys = n_keys;
	LAUNCH(d, attend_row, a.at.n_heads, 1, BLOCK, 0, a);
}
