#include "analysis/lens.h"

#include <math.h>
#include <string.h>

#include "engine/step.h"

#define LENS(name) extern const struct lens_def lens_##name;
#include "analysis/lenses/lenses.def"
#undef LENS

const struct lens_def *const lenses[N_LENSES] = {
#define LENS(name) &lens_##name,
#include "analysis/lenses/lenses.def"
#undef LENS
};

static const struct probe *const lens_probes[N_LENSES] = {
#define LENS(name) &lens_##name.probe,
#include "analysis/lenses/lenses.def"
#undef LENS
};

int lens_find(const char *name)
{
	for (int i = 0; i < N_LENSES; i++)
		if (strcmp(lenses[i]->probe.name, name) == 0)
			return i;
	return -1;
}

struct probe_plan *lens_plan(const struct hparams *hp)
{
	return probe_plan_new(lens_probes, N_LENSES, hp);
}

int lens_in_plan(const struct probe_plan *p, enum lens_id id)
{
	if (p && (int)id < p->n && p->probes[id] == lens_probes[id])
		return (int)id;
	return p ? probe_plan_find(p, lens_probes[id]->name) : -1;
}

float lens_scalar(const struct step *s, enum lens_id id)
{
	const float *v = step_values(s, lens_in_plan(s->plan, id));

	return v && lens_probes[id]->axes == PROBE_SCALAR ? v[0] : NAN;
}
