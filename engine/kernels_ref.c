#include "engine/kernels.h"

#include <math.h>
#include <string.h>

#include "engine/base/half.h"

/* Plain C, one thing at a time: the definition the other tables are tested against. */

static uint16_t load_u16(const unsigned char *p)
{
	uint16_t u;

	memcpy(&u, p, sizeof u);
	return u;
}

static float load_f16(const unsigned char *p)
{
	return f16_to_f32(load_u16(p));
}

static float load_f32(const unsigned char *p)
{
	float f;

	memcpy(&f, p, sizeof f);
	return f;
}

#include "engine/kernels_plain.inc"

typedef double lanes_t;

static lanes_t lanes_zero(void)
{
	return 0;
}

static float lanes_sum(lanes_t acc)
{
	return (float)acc;
}

static lanes_t lanes_dot(lanes_t acc, const int8_t *w, const int8_t *a, const float *s)
{
	for (int g = 0; g < 16; g++) {
		int dot = 0;
		for (int i = 16 * g; i < 16 * g + 16; i++)
			dot += w[i] * a[i];
		acc += (double)s[g] * dot;
	}
	return acc;
}

#define PANEL_FLIP 0u
static void panel_mul(const void *panel, size_t n_rows, size_t k0, size_t kn, size_t group, bool has_offset,
    const struct acts8 *a, size_t m, float *y, size_t stride_y, bool first);
#include "engine/kernels_quant.inc"

static void panel_mul(const void *panel, size_t n_rows, size_t k0, size_t kn, size_t group, bool has_offset,
    const struct acts8 *a, size_t m, float *y, size_t stride_y, bool first)
{
	for (size_t j = 0; j < m; j++) {
		const int8_t *q = a->q + j * a->n_pad + k0;
		const float *d = a->d + j * a->n_pad / ACT_BLOCK + k0 / ACT_BLOCK;
		for (size_t r = 0; r < n_rows; r++) {
			const struct panel_int *p = panel_of(panel, r);
			size_t at = r % PANEL_ROWS;
			double acc = 0;
			for (size_t g = 0; g < kn / group; g++) {
				int dot = 0, sum = 0;
				for (size_t k = g * group; k < (g + 1) * group; k++) {
					dot += (int8_t)p->q[k / 4][at][k % 4] * q[k];
					sum += q[k];
				}
				double v = (double)p->scale[g][at] * dot;
				if (has_offset)
					v += (double)p->offset[g][at] * sum;
				acc += v * (double)d[g * group / ACT_BLOCK];
			}
			float *out = y + j * stride_y + r;
			*out = first ? (float)acc : *out + (float)acc;
		}
	}
}

QUANT_TYPES(DEFINE_QUANT)
QUANT_TYPES(DEFINE_GEMV)

static void dequantize_F32(const void *src, float *dst, size_t n)
{
	memcpy(dst, src, n * sizeof *dst);
}

static void dequantize_F16(const void *src, float *dst, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = load_f16((const unsigned char *)src + 2 * i);
}

static void dequantize_BF16(const void *src, float *dst, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = bf16_to_f32(load_u16((const unsigned char *)src + 2 * i));
}

static float dot_f32(const float *a, const float *b, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)a[i] * (double)b[i];
	return (float)sum;
}

#define DEFINE_FLOAT(T, bytes, load)                                                             \
	static void gemv_##T(struct rows w, size_t n, const float *x, float *y)                  \
	{                                                                                        \
		for (size_t r = 0; r < w.n_rows; r++) {                                          \
			const unsigned char *p = w.data + r * w.row_bytes;                       \
			double sum = 0;                                                          \
			for (size_t i = 0; i < n; i++)                                           \
				sum += (double)load(p + bytes * i) * (double)x[i];               \
			y[r] = (float)sum;                                                       \
		}                                                                                \
	}
#define LOAD_BF16(p) bf16_to_f32(load_u16(p))
DEFINE_FLOAT(F32, 4, load_f32)
DEFINE_FLOAT(F16, 2, load_f16)
DEFINE_FLOAT(BF16, 2, LOAD_BF16)

static void fill_f32(struct rows w, size_t kn, void *panel)
{
	float(*p)[PANEL_ROWS] = panel;

	for (size_t r = 0; r < PANEL_ROWS; r++)
		for (size_t k = 0; k < kn; k++)
			p[k][r] = r < w.n_rows ? load_f32(w.data + r * w.row_bytes + 4 * k) : 0;
}

static void mul_f32(const void *panel, size_t n_rows, size_t kn, const float *x, size_t stride_x, size_t m,
    float *y, size_t stride_y, bool first)
{
	for (size_t j = 0; j < m; j++)
		for (size_t r = 0; r < n_rows; r++) {
			const float(*p)[PANEL_ROWS] = (const float(*)[PANEL_ROWS])panel_of(panel, r);
			double sum = 0;
			for (size_t k = 0; k < kn; k++)
				sum += (double)p[k][r % PANEL_ROWS] * (double)x[j * stride_x + k];
			float *out = y + j * stride_y + r;
			*out = first ? (float)sum : *out + (float)sum;
		}
}

static void rms_norm(float *out, const float *x, const float *w, size_t n, float eps)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)x[i] * (double)x[i];
	float r = (float)(1 / sqrt(sum / (double)n + (double)eps));
	for (size_t i = 0; i < n; i++)
		out[i] = x[i] * r * w[i];
}

static void layer_norm(float *out, const float *x, const float *w, const float *b, size_t n, float eps)
{
	double sum = 0, sq = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)x[i];
	double mean = sum / (double)n;
	for (size_t i = 0; i < n; i++)
		sq += ((double)x[i] - mean) * ((double)x[i] - mean);
	float m = (float)mean, r = (float)(1 / sqrt(sq / (double)n + (double)eps));
	for (size_t i = 0; i < n; i++)
		out[i] = (x[i] - m) * r * w[i] + b[i];
}

static void add(float *x, const float *y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] += y[i];
}

static double sum_sq(const float *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)x[i] * (double)x[i];
	return sum;
}

static void silu_mul(float *gate, const float *up, size_t n)
{
	for (size_t i = 0; i < n; i++)
		gate[i] = (float)((double)gate[i] / (1 + exp(-(double)gate[i])) * (double)up[i]);
}

/* 0.5 x (1 + tanh(u)) = x / (1 + exp(-2u)), u = sqrt(2 / pi) (x + 0.044715 x^3) */
static void gelu(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double v = (double)x[i];
		x[i] = (float)(v / (1 + exp(-2 * 0.79788456080286535588 * (v + 0.044715 * v * v * v))));
	}
}

/* exp(s - max) of every score goes to p where p is not NULL. */
static double stats_of(const float *s, size_t n, float *p, struct softmax_stats *st)
{
	double z = 0, first = 0, second = 0;
	float max = -INFINITY;

	for (size_t i = 0; i < n; i++)
		max = s[i] > max ? s[i] : max;
	for (size_t i = 0; i < n; i++) {
		double t = (double)(s[i] - max), e = exp(t);
		z += e;
		/* What has no weight has no say, minus infinity included. */
		if (e > 0) {
			first += e * t;
			second += e * t * t;
		}
		if (p)
			p[i] = (float)e;
	}
	double ln_z = log(z), mean = first / z;
	*st = (struct softmax_stats){
	    .max = max,
	    .lse = (float)((double)max + ln_z),
	    .mean = (float)((double)max + mean),
	    .mean_sq = (float)(second / z - 2 * ln_z * mean + ln_z * ln_z),
	};
	return z;
}

static void softmax(float *s, size_t n, struct softmax_stats *st)
{
	float r = (float)(1 / stats_of(s, n, s, st));

	for (size_t i = 0; i < n; i++)
		s[i] *= r;
}

static void softmax_stats(const float *s, size_t n, struct softmax_stats *st)
{
	stats_of(s, n, NULL, st);
}

static void attn_scores(const float *q, int g, int d, const float *k, size_t stride, size_t n, float *s,
    size_t ld)
{
	for (size_t t = 0; t < n; t++)
		for (int h = 0; h < g; h++)
			s[(size_t)h * ld + t] = dot_f32(q + (size_t)h * (size_t)d, k + t * stride, (size_t)d);
}

static void attn_mix(const float *p, int g, int d, const float *v, size_t stride, size_t n, size_t ld, float *z)
{
	for (int h = 0; h < g; h++)
		for (int i = 0; i < d; i++) {
			double sum = 0;
			for (size_t t = 0; t < n; t++)
				sum += (double)p[(size_t)h * ld + t] * (double)v[t * stride + (size_t)i];
			z[(size_t)h * (size_t)d + (size_t)i] = (float)sum;
		}
}

static bool usable(void)
{
	return true;
}

#define TABLE_NAME kernels_ref
#define TABLE_TEXT "ref"
#include "engine/kernels_table.inc"
