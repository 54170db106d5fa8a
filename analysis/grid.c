#include "analysis/grid.h"

#include <math.h>

#include "analysis/quantizer.h"

struct grid_kind grid_kind(const struct quant_job *q)
{
	return (struct grid_kind){ (int)quant_param(q, "bits"), quant_param(q, "zero") != 0 ? GRID_ZERO :
	    quant_param(q, "asym") != 0 ? GRID_MINIMUM : GRID_SYMMETRIC };
}

static struct grid from_range(struct grid_kind kind, float lo, float hi)
{
	int steps = kind.base ? (1 << kind.bits) - 1 : (1 << (kind.bits - 1)) - 1;
	struct grid g = { .hi = (float)steps };
	float inverse;

	if (kind.base) {
		g.scale = quant_half((hi - lo) / (float)steps);
		g.base = kind.base == GRID_MINIMUM ? quant_half(lo) : 0;
	} else {
		g.scale = quant_half((-lo > hi ? -lo : hi) / (float)steps);
		g.lo = -g.hi;
	}
	inverse = 1 / g.scale;
	g.inverse = isfinite(inverse) && isfinite(g.scale) ? inverse : 0;
	if (kind.base == GRID_ZERO) {
		float zero = rintf(-lo * g.inverse);

		/* Levels relative to the zero point. */
		g.lo = -(zero < g.hi ? zero : g.hi);
		g.hi += g.lo;
	}
	return g;
}

struct grid grid_fit(struct grid_kind kind, const float *w, size_t n, size_t stride)
{
	float lo = kind.base == GRID_MINIMUM ? w[0] : 0, hi = lo;

	for (size_t i = 0; i < n; i++) {
		float x = w[i * stride];

		lo = x < lo ? x : lo;
		hi = x > hi ? x : hi;
	}
	return from_range(kind, lo, hi);
}

struct grid grid_fit_double(struct grid_kind kind, const double *w, size_t n)
{
	double lo = kind.base == GRID_MINIMUM ? w[0] : 0, hi = lo;

	for (size_t i = 0; i < n; i++) {
		lo = w[i] < lo ? w[i] : lo;
		hi = w[i] > hi ? w[i] : hi;
	}
	return from_range(kind, (float)lo, (float)hi);
}

/* Rounds ties to even in two adds, good below 2^22: rintf() is a call where the
 * machine's first instruction set is compiled for. */
static inline float level(const struct grid *g, float x)
{
	float q = (x - g->base) * g->inverse;

	q = q > g->lo ? q : g->lo;
	q = q < g->hi ? q : g->hi;
	return (q + 0x1.8p23f) - 0x1.8p23f;
}

float grid_round(const struct grid *g, float w)
{
	return g->base + g->scale * level(g, w);
}

double grid_round_double(const struct grid *g, double w)
{
	double q = (w - (double)g->base) / (double)g->scale;

	if (g->inverse == 0)
		return (double)g->base;
	q = q > (double)g->lo ? q : (double)g->lo;
	q = q < (double)g->hi ? q : (double)g->hi;
	return (double)g->base + (double)g->scale * rint(q);
}

void grid_round_all(const struct grid *g, const float *w, float *out, size_t n, size_t stride)
{
	struct grid here = *g;

	if (stride == 1)
		for (size_t i = 0; i < n; i++)
			out[i] = here.base + here.scale * level(&here, w[i]);
	else
		for (size_t i = 0; i < n; i++)
			out[i * stride] = here.base + here.scale * level(&here, w[i * stride]);
}

int grid_bits(struct grid_kind kind)
{
	return kind.base == GRID_MINIMUM ? 32 : kind.base == GRID_ZERO ? 16 + kind.bits : 16;
}
