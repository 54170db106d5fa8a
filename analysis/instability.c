#include "analysis/instability.h"

#include <math.h>

#include "analysis/lens.h"

const int instability_windows[N_INSTABILITY_WINDOWS] = { INSTABILITY_WINDOWS };

/* Larger of two figures of which the first may still be missing. */
static double larger(double so_far, double x)
{
	return x <= so_far ? so_far : x;
}

void instability_start(struct instability *t, double lambda)
{
	*t = (struct instability){
		.lambda = lambda, .cut = { 1.0 / 3, 2.0 / 3 }, .peak = NAN,
		.h_first = NAN, .h_mean = NAN, .h_max = NAN, .d_max = NAN,
	};
	for (int w = 0; w < N_INSTABILITY_WINDOWS; w++)
		t->prefix[w] = NAN;
}

static void add_controls(struct instability *t, double h, double d)
{
	if (t->n == 1)
		t->h_first = h;
	t->h_mean = t->n_measured ? t->h_mean + (h - t->h_mean) / (t->n_measured + 1) : h;
	t->h_max = larger(t->h_max, h);
	if (!isnan(d))
		t->d_max = larger(t->d_max, d);
	t->n_measured++;
}

void instability_add(struct instability *t, double h, double d)
{
	double i;

	t->n++;
	if (isnan(h))
		return;
	d = t->n == 1 ? 0 : d;
	add_controls(t, h, d);
	i = d + t->lambda * h;
	if (isnan(i))
		return;
	if (!(i <= t->peak)) {
		t->peak = i;
		t->peak_at = t->n;
	}
	for (int w = 0; w < N_INSTABILITY_WINDOWS; w++)
		if (t->n <= instability_windows[w])
			t->prefix[w] = larger(t->prefix[w], i);
}

void instability_add_step(struct instability *t, const struct step *s)
{
	instability_add(t, (double)lens_scalar(s, LENS_entropy_topk), (double)lens_scalar(s, LENS_jsd));
}

double instability_rho(const struct instability *t)
{
	return t->n ? (double)t->peak_at / t->n : 0;
}

enum peak_class instability_class(const struct instability *t)
{
	double rho = instability_rho(t);

	if (!t->peak_at)
		return PEAK_NONE;
	return rho <= t->cut[0] ? PEAK_EARLY : rho <= t->cut[1] ? PEAK_MIDDLE : PEAK_LATE;
}

const char *peak_class_name(enum peak_class c)
{
	static const char *const names[] = {
		[PEAK_NONE] = "none", [PEAK_EARLY] = "early", [PEAK_MIDDLE] = "middle", [PEAK_LATE] = "late",
	};

	return names[c];
}

double instability_prefix(const struct instability *t, int window)
{
	return t->n >= instability_windows[window] ? t->prefix[window] : NAN;
}
