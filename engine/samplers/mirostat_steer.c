#include "engine/samplers/mirostat.h"

#include <math.h>
#include <string.h>

#include "engine/candidates.h"
#include "engine/step.h"

/* What the stage saw, until the token is known. */
struct remembered {
	double lse_before, lse_after;
	size_t n;
	struct candidate kept[];
};

double mirostat_mu(const double *params, const struct sampler_context *cx)
{
	double mu = cx->at->before ? (double)cx->at->before[0] : 2 * params[MIROSTAT_TAU];

	cx->at->out->shown[0] = (float)mu;
	return mu;
}

void mirostat_remember(const struct candidates *c, double lse, const struct sampler_context *cx)
{
	struct remembered *r = stage_room(cx, sizeof *r + c->n * sizeof *r->kept);

	r->lse_before = lse;
	r->lse_after = candidates_lse(c, NULL);
	r->n = c->n;
	memcpy(r->kept, c->c, c->n * sizeof *c->c);
}

static const struct candidate *find(const struct remembered *r, int32_t token)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->kept[i].id == token)
			return &r->kept[i];
	return NULL;
}

void mirostat_chosen(int32_t token, const double *params, const struct sampler_context *cx)
{
	const struct remembered *r = stage_room(cx, sizeof *r);
	const struct candidate *x = find(r, token);
	const float *before = cx->at->before;
	float *state = cx->at->out->state, *shown = cx->at->out->shown;
	double mu = (double)shown[0], n = before ? (double)before[1] : 0, mean = before ? (double)before[2] : 0;

	/* A token given by hand that the stage had cut says nothing about its aim. */
	if (x) {
		double given = (r->lse_before - (double)x->logit) / log(2);
		double left = (r->lse_after - (double)x->logit) / log(2);
		double surprise = params[MIROSTAT_AFTER] != 0 ? left : given;

		mu -= params[MIROSTAT_ETA] * (surprise - params[MIROSTAT_TAU]);
		mean += (surprise - mean) / ++n;
		shown[1] = (float)given;
		shown[2] = (float)left;
		shown[3] = (float)mean;
	}
	state[0] = (float)mu;
	state[1] = (float)n;
	state[2] = (float)mean;
}

/* s = sum t_i b_i / sum t_i^2, b_i = ln(p_i / p_i+1), t_i = ln((i + 2) / (i + 1)). */
double mirostat_zipf(const struct candidates *c)
{
	enum { RATIOS = 100 };
	double num = 0, den = 0;

	for (size_t i = 0; i < RATIOS && i + 1 < c->n; i++) {
		double t = log((double)(i + 2) / (double)(i + 1));
		double b = (double)c->c[i].logit - (double)c->c[i + 1].logit;

		if (!isfinite(b))       /* nothing possible stands behind */
			break;
		num += t * b;
		den += t * t;
	}
	return den > 0 ? num / den : NAN;
}

/* k = (eps 2^mu / (1 - n^-eps))^(1/s) with eps = s - 1; as eps goes to 0 the
 * fraction goes to 2^mu / ln n, which is taken where it would be 0 / 0. */
size_t mirostat_k(double s, double mu, size_t n)
{
	double eps = s - 1, k;

	if (!(s > 0) || n < 2)
		return n;
	if (fabs(eps) < 1e-3)
		k = pow(exp2(mu) / log((double)n), 1 / s);
	else
		k = pow(eps * exp2(mu) / (1 - pow((double)n, -eps)), 1 / s);
	k = round(k) + 1;
	return k < (double)n ? k > 1 ? (size_t)k : 1 : n;
}
