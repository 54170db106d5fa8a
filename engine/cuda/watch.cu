/* What the probes read: lengths, shares, the strongest neurons, statistics of logits. */
#include "engine/cuda/steps.h"
#include "engine/probe_kinds.h"

enum { BLOCK = 256 };

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

