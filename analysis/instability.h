/*
 * instability -- how shaken a whole trace was at its worst, and what a simpler
 * number would have said.
 *
 * Per step I = D + lambda * H: D the JSD to the step before, H the entropy, both
 * of the top-k renormalised distribution (lenses jsd, entropy_topk).  Over a
 * trace of T steps, counted from 1 (Chen, Cheng, Han, Keselj 2026, arXiv
 * 2602.02863):
 *
 *      S = max I      t* = its (first) step      rho = t* / T    S_w = max over t <= w
 *
 * Early, middle, late are thirds of rho; the cuts are ours, the paper's are not
 * published.  A trace is what the model wrote, so its first step has D = 0
 * whatever stood in the prompt.  S never stands alone: the controls (first,
 * mean and largest entropy, largest D, length) are collected beside it, because
 * a signal that does not beat its controls is not one.
 *
 * Steps are added one at a time, so the screen pays O(1) for a token; after a
 * rewind the trace is started again and refilled.  A step without a distribution
 * counts in T and in nothing else.
 *
 * Owns     nothing; a plain value
 */
#ifndef ANALYSIS_INSTABILITY_H
#define ANALYSIS_INSTABILITY_H

#include "engine/step.h"

enum peak_class { PEAK_NONE, PEAK_EARLY, PEAK_MIDDLE, PEAK_LATE };

/* The prefix lengths w of the paper's plots. */
#define INSTABILITY_WINDOWS 1, 4, 8, 12, 20, 24, 32, 50, 64, 75, 86, 96, 112, 128
enum { N_INSTABILITY_WINDOWS = 14 };
extern const int instability_windows[N_INSTABILITY_WINDOWS];

struct instability {
	double lambda;
	double cut[2];          /* of rho: early up to cut[0], middle up to cut[1] */
	int n;                  /* T: steps so far */
	int n_measured;         /* of them, those with a distribution */
	int peak_at;            /* t*, from 1; 0 while nothing was measured */
	double peak;            /* S */
	double prefix[N_INSTABILITY_WINDOWS];   /* S_w of the steps so far */
	double h_first, h_mean, h_max, d_max;   /* controls, nats */
};

/* An empty trace; figures are NAN until something was measured.  The cuts are
 * thirds and may be changed before the first step. */
void instability_start(struct instability *t, double lambda);
/* The next step by its H and D.  NAN H: no distribution.  D of the first step of
 * the trace is ignored; a NAN D later (the step before had no distribution)
 * leaves that step's I a hole. */
void instability_add(struct instability *t, double h, double d);
/* The same from the lenses of a recorded step. */
void instability_add_step(struct instability *t, const struct step *s);

/* rho = t* / T, 0 while there is no peak.  Final only when the trace is. */
double instability_rho(const struct instability *t);
enum peak_class instability_class(const struct instability *t);
const char *peak_class_name(enum peak_class c);         /* "early" */
/* S_w for a window of the table; NAN while the trace is shorter than w. */
double instability_prefix(const struct instability *t, int window);

#endif
