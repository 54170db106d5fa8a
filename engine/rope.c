#include "engine/rope.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

void rope_init(struct rope *r, const struct hparams *hp, const struct tensor *factors, int max_m)
{
	size_t half = (size_t)hp->n_rot / 2;
	float *factor = NULL;

	memset(r, 0, sizeof *r);
	r->kind = hp->arch->rope;
	if (r->kind == ROPE_NONE)
		return;
	r->n_rot = hp->n_rot;
	r->max_m = max_m;
	r->freq = mem_array(half, sizeof *r->freq);
	r->cos = mem_array((size_t)max_m * half, sizeof *r->cos);
	r->sin = mem_array((size_t)max_m * half, sizeof *r->sin);
	if (factors) {
		factor = mem_array(half, sizeof *factor);
		tensor_row_f32(factors, 0, factor);
	}
	for (size_t i = 0; i < half; i++)
		r->freq[i] = pow(hp->rope_base, -2.0 * (double)i / hp->n_rot) / (double)hp->rope_scale /
		    (factor ? (double)factor[i] : 1.0);
	free(factor);
}

void rope_free(struct rope *r)
{
	free(r->freq);
	free(r->cos);
	free(r->sin);
	memset(r, 0, sizeof *r);
}

void rope_set(struct rope *r, int pos0, int m)
{
	size_t half = (size_t)r->n_rot / 2;

	for (int j = 0; j < m; j++)
		for (size_t i = 0; i < half; i++) {
			double angle = (double)(pos0 + j) * r->freq[i];

			r->cos[(size_t)j * half + i] = (float)cos(angle);
			r->sin[(size_t)j * half + i] = (float)sin(angle);
		}
}

void rope_apply(const struct rope *r, int j, float *x, int n_heads, int d_head)
{
	int half = r->n_rot / 2;
	const float *c = r->cos + (size_t)j * (size_t)half, *s = r->sin + (size_t)j * (size_t)half;
	/* Pairs are (2i, 2i + 1) or (i, i + half). */
	int step = r->kind == ROPE_PAIRS ? 2 : 1, apart = r->kind == ROPE_PAIRS ? 1 : half;

	if (r->kind == ROPE_NONE)
		return;
	for (int h = 0; h < n_heads; h++, x += d_head)
		for (int i = 0; i < half; i++) {
			float a = x[i * step], b = x[i * step + apart];

			x[i * step] = a * c[i] - b * s[i];
			x[i * step + apart] = a * s[i] + b * c[i];
		}
}
