#include "analysis/distrib.h"

#include <math.h>

static double p_ln_p(double p)
{
	return p > 0 ? p * log(p) : 0;
}

double distrib_lse(const float *logits, size_t n)
{
	double max = -INFINITY, sum = 0;

	for (size_t i = 0; i < n; i++)
		max = logits[i] > max ? logits[i] : max;
	if (!isfinite(max))
		return max;
	for (size_t i = 0; i < n; i++)
		sum += exp(logits[i] - max);
	return max + log(sum);
}

void distrib_softmax(const float *logits, size_t n, double *p)
{
	double lse = distrib_lse(logits, n);

	for (size_t i = 0; i < n; i++)
		p[i] = exp(logits[i] - lse);
}

double distrib_entropy(const double *p, size_t n)
{
	double h = 0;

	for (size_t i = 0; i < n; i++)
		h -= p_ln_p(p[i]);
	return h;
}

double distrib_entropy_f32(const float *p, size_t n)
{
	double h = 0;

	for (size_t i = 0; i < n; i++)
		h -= p_ln_p((double)p[i]);
	return h;
}

double distrib_varentropy(const double *p, size_t n)
{
	double h = distrib_entropy(p, n), v = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] > 0) {
			double off = log(p[i]) + h;

			v += p[i] * off * off;
		}
	}
	return v;
}

double distrib_kl(const double *p, const double *q, size_t n)
{
	double kl = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] > 0 && q[i] <= 0)
			return INFINITY;
		if (p[i] > 0)
			kl += p[i] * log(p[i] / q[i]);
	}
	/* Rounding can leave equal distributions a hair below zero. */
	return kl < 0 ? 0 : kl;
}

double distrib_jsd(const double *p, const double *q, size_t n)
{
	double jsd = 0;

	/* Term by term, so that equal distributions give 0 to the last bit. */
	for (size_t i = 0; i < n; i++)
		jsd += (p_ln_p(p[i]) + p_ln_p(q[i])) / 2 - p_ln_p((p[i] + q[i]) / 2);
	return jsd < 0 ? 0 : jsd;
}
