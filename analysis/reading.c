#include "analysis/reading.h"

#include <math.h>

struct reading reading_of_step(const struct step *s, enum lens_id id)
{
	const struct probe_plan *plan = s->plan;
	struct reading r = { .lens = lenses[id] };

	r.values = step_values(s, lens_in_plan(plan, id));
	if (!r.values)
		return r;
	r.n_rows = r.lens->probe.axes == PROBE_SCALAR ? 1 : plan->n_layers;
	r.n_cols = r.lens->probe.axes == PROBE_HEADS ? plan->n_heads : 1;
	return r;
}

struct reading reading_series(const struct step *const *steps, int n, enum lens_id id, float *out)
{
	for (int i = 0; i < n; i++)
		out[i] = steps[i] ? lens_scalar(steps[i], id) : NAN;
	return (struct reading){ .lens = lenses[id], .n_rows = 1, .n_cols = n, .values = out };
}

bool reading_range(const struct reading *r, float *lo, float *hi)
{
	size_t n = (size_t)r->n_rows * (size_t)r->n_cols;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		float v = r->values[i];

		if (isnan(v))
			continue;
		*lo = any && *lo <= v ? *lo : v;
		*hi = any && *hi >= v ? *hi : v;
		any = true;
	}
	return any;
}
