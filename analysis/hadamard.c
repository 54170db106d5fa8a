#include "analysis/hadamard.h"

#include <math.h>
#include <string.h>

size_t hadamard_block(size_t n)
{
	return n & (~n + 1);
}

/* One block; `stride` apart, so that columns turn as rows do. */
static void turn(double *x, size_t block, size_t stride)
{
	double scale = 1 / sqrt((double)block);

	for (size_t half = 1; half < block; half *= 2)
		for (size_t i = 0; i < block; i += 2 * half)
			for (size_t k = i; k < i + half; k++) {
				double a = x[k * stride], b = x[(k + half) * stride];

				x[k * stride] = a + b;
				x[(k + half) * stride] = a - b;
			}
	for (size_t i = 0; i < block; i++)
		x[i * stride] *= scale;
}

static void turn_f32(float *x, size_t block)
{
	float scale = (float)(1 / sqrt((double)block));

	for (size_t half = 1; half < block; half *= 2)
		for (size_t i = 0; i < block; i += 2 * half)
			for (size_t k = i; k < i + half; k++) {
				float a = x[k], b = x[k + half];

				x[k] = a + b;
				x[k + half] = a - b;
			}
	for (size_t i = 0; i < block; i++)
		x[i] *= scale;
}

void hadamard_row(float *x, size_t n)
{
	size_t block = hadamard_block(n);

	for (size_t i = 0; i < n; i += block)
		turn_f32(x + i, block);
}

void hadamard_moments(const float *m, float *out, size_t n)
{
	size_t block = hadamard_block(n);

	for (size_t i = 0; i < n; i += block) {
		double sum = 0;

		for (size_t k = i; k < i + block; k++)
			sum += (double)m[k];
		for (size_t k = i; k < i + block; k++)
			out[k] = (float)(sum / (double)block);
	}
}

void hadamard_gram(const double *g, double *out, size_t n)
{
	size_t block = hadamard_block(n);

	memcpy(out, g, n * n * sizeof *g);
	for (size_t r = 0; r < n; r++)
		for (size_t i = 0; i < n; i += block)
			turn(out + r * n + i, block, 1);
	for (size_t c = 0; c < n; c++)
		for (size_t i = 0; i < n; i += block)
			turn(out + i * n + c, block, n);
}
