/*
 * pvq -- pyramid vector quantization (Fischer 1986; for weights arXiv
 * 2410.16926): groups of n weights are a direction and a gain.
 *
 * Directions are the integer points y with |y_1| + ... + |y_n| = K, of which
 * there are N(n, K) = N(n-1, K) + N(n, K-1) + N(n-1, K-1); an index takes log2 N
 * bits (counted, not written).  y is the rounded w K / |w|_1 with its sum put
 * right one step at a time where that costs least; the gain <w, y> / |y| is one
 * of 255 even steps of the row's largest.  Best behind `hadamard', which makes
 * groups spherical.
 */
#include <math.h>
#include <stdlib.h>

#include "analysis/pyramid.h"
#include "analysis/quantizer.h"
#include "engine/base/mem.h"

enum { ROWS_PER_TASK = 16, MOST = 64, GAINS = 255 };

double pyramid_bits(int n, int k)
{
	double before[PYRAMID_K + 1] = {1}, count[PYRAMID_K + 1];

	for (int i = 1; i <= n; i++) {
		count[0] = 1;
		for (int j = 1; j <= k; j++)
			count[j] = before[j] + count[j - 1] + before[j - 1];
		for (int j = 0; j <= k; j++)
			before[j] = count[j];
	}
	return log2(before[k]);
}

/* One step of the coordinate that leaves <a, y>^2 / <y, y> highest. */
static void step(const float *a, int *y, int n, int by, double *ay, double *yy)
{
	double best = -1;
	int at = 0;

	for (int i = 0; i < n; i++) {
		double xy = *ay + by * (double)a[i], norm = *yy + 2 * by * y[i] + 1;
		double gain = norm > 0 ? xy * xy / norm : 0;

		if (y[i] + by >= 0 && gain > best) {
			best = gain;
			at = i;
		}
	}
	*ay += by * (double)a[at];
	*yy += 2 * by * y[at] + 1;
	y[at] += by;
}

void pyramid_nearest(const float *w, int n, int k, int *y)
{
	float a[MOST];
	double l1 = 0, ay = 0, yy = 0;
	int sum = 0;

	for (int i = 0; i < n; i++) {
		a[i] = fabsf(w[i]);
		l1 += (double)a[i];
	}
	for (int i = 0; i < n; i++) {
		y[i] = l1 > 0 && isfinite(l1) ? (int)rint((double)a[i] * k / l1) : 0;
		sum += y[i];
		ay += (double)a[i] * y[i];
		yy += (double)y[i] * y[i];
	}
	for (; sum < k; sum++)
		step(a, y, n, 1, &ay, &yy);
	for (; sum > k; sum--)
		step(a, y, n, -1, &ay, &yy);
	for (int i = 0; i < n; i++)
		y[i] = signbit(w[i]) ? -y[i] : y[i];
}

struct pvq {
	struct quant_job *q;
	int n, k;
	double *angle;          /* [tasks]: sum over groups, radians */
};

/* Writes y / |y| to out; the gain is returned. */
static double direction(const struct pvq *p, const float *w, int n, float *out, double *angle)
{
	double wy = 0, yy = 0, ww = 0;
	int y[MOST];

	pyramid_nearest(w, n, p->k, y);
	for (int i = 0; i < n; i++) {
		wy += (double)w[i] * y[i];
		yy += (double)y[i] * y[i];
		ww += (double)w[i] * (double)w[i];
	}
	for (int i = 0; i < n; i++)
		out[i] = (float)(y[i] / sqrt(yy));
	*angle += ww > 0 ? acos(fmin(1, wy / sqrt(ww * yy))) : 0;
	return wy / sqrt(yy);
}

static void one_row(const struct pvq *p, size_t r, float *gain, double *angle)
{
	size_t cols = p->q->cols, n = (size_t)p->n;
	const float *w = p->q->w + r * cols;
	float *out = p->q->out + r * cols, most = 0, unit;

	for (size_t i = 0; i < cols; i += n) {
		gain[i / n] = (float)direction(p, w + i, (int)(cols - i < n ? cols - i : n), out + i, angle);
		most = gain[i / n] > most ? gain[i / n] : most;
	}
	unit = quant_half(most) / GAINS;
	for (size_t i = 0; i < cols; i++)
		out[i] *= unit > 0 ? unit * fminf(rintf(gain[i / n] / unit), GAINS) : 0;
}

static void rows(void *job, int task, int worker)
{
	const struct pvq *p = job;
	float *gain = mem_array(p->q->cols / (size_t)p->n + 1, sizeof *gain);
	size_t first = (size_t)task * ROWS_PER_TASK;

	(void)worker;
	for (size_t r = first; r < first + ROWS_PER_TASK && r < p->q->rows; r++)
		one_row(p, r, gain, &p->angle[task]);
	free(gain);
}

static bool run(struct quant_job *q, struct err *e)
{
	struct pvq p = { .q = q, .n = (int)quant_param(q, "dim"), .k = (int)quant_param(q, "k") };
	int n_tasks = (int)((q->rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK), rest = (int)(q->cols % (size_t)p.n);
	double groups = (double)(q->cols / (size_t)p.n), angle = 0, row;

	(void)e;
	p.angle = mem_array((size_t)n_tasks, sizeof *p.angle);
	quant_each(q, rows, &p, n_tasks);
	for (int i = 0; i < n_tasks; i++)
		angle += p.angle[i];
	free(p.angle);
	row = 16 + groups * (pyramid_bits(p.n, p.k) + 8) + (rest ? pyramid_bits(rest, p.k) + 8 : 0);
	q->bits = row * (double)q->rows;
	quant_figure(q, "angle_degrees", angle / ((groups + (rest > 0)) * (double)q->rows) * 57.29577951308232);
	return true;
}

const struct quantizer_def quantizer_pvq = {
	.name = "pvq", .doc = "pyramid vector quantization: directions from integer points, and gains",
	.params = {
		{ "dim", 16, 2, MOST, true, "weights of a group" },
		{ "k", 16, 1, PYRAMID_K, true, "sum of the magnitudes of a point" },
	},
	.run = run,
};
