/*
 * gg -- the shape of the distribution of weights, as a generalised Gaussian
 * exp(-|x / a|^nu): 2 is the Gaussian, 1 Laplace (arXiv 2506.00486).
 *
 *      rho = E[x^2] / E[|x|]^2 = G(1/nu) G(3/nu) / G(2/nu)^2
 *
 * falls with nu and is inverted by bisection from 0.1 to 3.  Nothing is stored
 * in fewer bits: the weights come back as they are, as f32.
 */
#include <math.h>
#include <string.h>

#include "analysis/gengauss.h"
#include "analysis/quantizer.h"

double gengauss_rho(double nu)
{
	return exp(lgamma(1 / nu) + lgamma(3 / nu) - 2 * lgamma(2 / nu));
}

double gengauss_nu(double rho)
{
	double lo = GENGAUSS_LO, hi = GENGAUSS_HI;

	for (int i = 0; i < 60; i++) {
		double mid = (lo + hi) / 2;

		if (gengauss_rho(mid) > rho)
			lo = mid;
		else
			hi = mid;
	}
	return (lo + hi) / 2;
}

static bool run(struct quant_job *q, struct err *e)
{
	double sum = 0, sq = 0, n = (double)(q->rows * q->cols), rho;

	(void)e;
	for (size_t i = 0; i < q->rows * q->cols; i++) {
		sum += fabs((double)q->w[i]);
		sq += (double)q->w[i] * (double)q->w[i];
	}
	memcpy(q->out, q->w, q->rows * q->cols * sizeof *q->w);
	q->bits = 32 * n;
	rho = sum > 0 ? sq / n / (sum / n * (sum / n)) : (double)NAN;
	quant_figure(q, "nu", sum > 0 ? gengauss_nu(rho) : (double)NAN);
	quant_figure(q, "rho", rho);
	return true;
}

const struct quantizer_def quantizer_gg = {
	.name = "gg", .doc = "the generalised Gaussian that fits the weights: nu 2 Gaussian, 1 Laplace",
	.run = run,
};
