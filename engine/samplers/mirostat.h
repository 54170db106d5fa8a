/*
 * mirostat -- what the two versions share: the controller that steers surprise.
 *
 * mu, the most surprise allowed, starts at 2 tau and after each token moves by
 * -eta (surprise - tau), in bits.  Which surprise is a convention: that of the
 * distribution the stage was given (the authors, `after` 0) or of what its cut left
 * (llama.cpp, `after` 1).  They are two controllers: for the same tau the second is
 * 0.7 to 1.4 bits hotter.  Both figures are shown.
 *
 * State    mu, tokens steered, mean of the surprise that is steered
 */
#ifndef ENGINE_SAMPLERS_MIROSTAT_H
#define ENGINE_SAMPLERS_MIROSTAT_H

#include "engine/sampler.h"

enum { MIROSTAT_TAU, MIROSTAT_ETA, MIROSTAT_AFTER, MIROSTAT_PARAMS };

#define MIROSTAT_PARAM_ROWS { "tau", 0, 100, 3 }, { "eta", 0, 10, 0.1 }, { "after", 0, 1, 0 }
#define MIROSTAT_SHOWS { "mu", "surprise given", "surprise left", "mean" }

/* The mu in force at this step, bits. */
double mirostat_mu(const double *params, const struct sampler_context *cx);
/* To be called when the cut is made: `lse` of the candidates before it. */
void mirostat_remember(const struct candidates *c, double lse, const struct sampler_context *cx);
/* The chosen() of both. */
void mirostat_chosen(int32_t token, const double *params, const struct sampler_context *cx);

/* Zipf exponent of sorted candidates from the ratios of neighbours, by least
 * squares over the first 100 of them; NAN when there are no two to compare. */
double mirostat_zipf(const struct candidates *c);
/* How many tokens a Zipf law of exponent s over n tokens needs for surprise mu. */
size_t mirostat_k(double s, double mu, size_t n);

#endif
