#include "analysis/headrow.h"

#include <float.h>
#include <math.h>

static double bound(double sigma, double n)
{
	double b = exp(-sigma * sqrt(n / (n - 1))), z = 1 + (n - 1) * b;

	return log(z) + sigma * sqrt(n * (n - 1)) * b / z;
}

struct headrow headrow_of(const float *p, int n)
{
	struct headrow r = { .n = n, .sink = (double)p[0], .nosink = NAN };
	double mean = 0, square = 0, rest = 1 - (double)p[0];

	for (int t = 0; t < n; t++) {
		double x = (double)p[t];

		if (x > 0)
			r.entropy -= x * log(x);
		mean += log(fmax(x, (double)FLT_MIN)) / n;
		if (p[t] > p[r.strongest])
			r.strongest = t;
	}
	/* ln p is the score up to a constant, which centring takes away. */
	for (int t = 0; t < n; t++) {
		double d = log(fmax((double)p[t], (double)FLT_MIN)) - mean;

		square += d * d;
	}
	r.effective = exp(r.entropy);
	r.sigma = sqrt(square);
	if (n > 1) {
		r.bound = bound(r.sigma, n);
		if (rest > 1e-6) {
			double h0 = p[0] > 0 ? -(double)p[0] * log((double)p[0]) : 0;

			r.nosink = (r.entropy - h0) / rest + log(rest);
		}
	}
	return r;
}
