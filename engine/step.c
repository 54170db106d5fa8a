#include "engine/step.h"

#include <math.h>
#include <stdlib.h>

#include "engine/base/mem.h"

/* The count is the one field of a published step that still moves. */
static atomic_int *refs(const struct step *s)
{
	return &((struct step *)(uintptr_t)s)->refs;
}

struct step *step_new_room(const struct probe_plan *plan, int n_receipts)
{
	size_t n_neurons = (size_t)plan->n_layers * STEP_NEURONS;
	struct step *s = mem_zalloc(sizeof *s + n_neurons * sizeof *s->neurons + plan->n_values * sizeof *s->values +
	    (size_t)n_receipts * sizeof *s->receipts);

	atomic_init(&s->refs, 1);
	s->plan = plan;
	s->n_layers = plan->n_layers;
	s->neurons = (struct step_neuron *)(s + 1);
	s->values = (float *)(s->neurons + n_neurons);
	s->receipts = (struct receipt *)(s->values + plan->n_values);
	s->n_receipts = n_receipts;
	s->token = -1;
	s->logprob = s->p_final = NAN;
	s->logits = (struct softmax_stats){ NAN, NAN, NAN, NAN };
	s->ms_forward = s->ms_sample = NAN;
	for (size_t i = 0; i < n_neurons; i++)
		s->neurons[i] = (struct step_neuron){ -1, NAN, NAN };
	for (size_t i = 0; i < plan->n_values; i++)
		s->values[i] = NAN;
	return s;
}

struct step *step_new(const struct probe_plan *plan)
{
	return step_new_room(plan, 0);
}

struct step *step_new_edited(const struct probe_plan *plan, const struct edit_set *edits)
{
	struct step *s = step_new_room(plan, edit_set_n(edits));

	for (int i = 0; i < s->n_receipts; i++)
		s->receipts[i].edit = edit_set_at(edits, i)->number;
	return s;
}

const struct step *step_ref(const struct step *s)
{
	atomic_fetch_add_explicit(refs(s), 1, memory_order_relaxed);
	return s;
}

void step_unref(const struct step *s)
{
	if (s && atomic_fetch_sub_explicit(refs(s), 1, memory_order_acq_rel) == 1)
		free((void *)(uintptr_t)s);
}

const float *step_values(const struct step *s, int i)
{
	return i < 0 || i >= s->plan->n ? NULL : s->values + s->plan->offset[i];
}
