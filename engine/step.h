/*
 * step -- all that is known about one forward pass, fixed once it is published.
 *
 * A step reads the token `input` at `pos`; its internals (values, neurons) are
 * those of that pass, its distribution is the one that pass gave for pos + 1,
 * and `token` is what came there.  The engine thread fills a step, publishes it
 * and never writes to it again; from then on any number of threads may read it.
 * What was not measured is NAN, a hole.
 *
 * Shapes   values: [plan->n_values]; neurons: [n_layers][STEP_NEURONS]
 * Owns     one allocation, counted: step_ref() for each place that keeps one,
 *          step_unref() when it lets go
 */
#ifndef ENGINE_STEP_H
#define ENGINE_STEP_H

#include <stdatomic.h>
#include <stdint.h>

#include "engine/edit.h"
#include "engine/probe.h"

enum {
	STEP_TOP = 50,          /* candidates kept: the k of METHODS' instability */
	STEP_NEURONS = 4,       /* strongest neurons kept per layer */
	STEP_STAGES = 12,       /* sampler stages whose effect is kept */
	STAGE_SHOWN = 4,        /* figures a stage may show */
	STAGE_STATE = 3,        /* figures a stage may hand to itself at the next step */
};

enum step_why { WHY_PROMPT, WHY_SAMPLED, WHY_FORCED };

struct step_candidate {
	int32_t id;
	float p_raw;            /* softmax of the model's logits */
	float p_final;          /* after the sampler chain; 0 when cut */
};

struct step_neuron {
	int32_t index;
	float activation;       /* value at site mlp */
	float contribution;     /* |activation| * |column of the down-projection| */
};

/* What a sampler stage did.  Its memory is here and nowhere else, so that going
 * back to a step also goes back to what its sampler knew. */
struct step_stage {
	int32_t kept;           /* candidates left after the stage */
	float mass;             /* raw probability they hold */
	int32_t best;           /* the likeliest of them; another than before: promoted */
	float shown[STAGE_SHOWN];       /* named by the stage's sampler_def; NAN: none */
	float state[STAGE_STATE];       /* what it goes on from at the next step */
};

struct step {
	atomic_int refs;        /* not part of the record */
	const struct probe_plan *plan;
	int32_t index;          /* number of the step in the session, never reused */
	int32_t branch;         /* 0, then one more for each rewind that went on */
	int32_t pos, input;
	int32_t token;          /* -1 while nothing came after it */
	enum step_why why;
	uint32_t edits, sampler;        /* revisions in force */
	bool has_logits;        /* a distribution was computed for this position */
	float logprob;          /* of token, raw, nats */
	float p_final;          /* of token, after the sampler; NAN for prompt tokens */
	struct softmax_stats logits;
	int n_top;              /* 0 when has_logits is false */
	struct step_candidate top[STEP_TOP];    /* by falling p_raw */
	int n_stages;
	struct step_stage stages[STEP_STAGES];
	float ms_forward, ms_sample;    /* a prompt piece shares its time evenly */
	int n_layers;
	struct step_neuron *neurons;    /* inside the allocation */
	int n_receipts;
	struct receipt *receipts;       /* of every edit in force; inside the allocation */
	float *values;                  /* inside the allocation */
};

/* All values NAN, neurons at index -1, one reference, no receipts. */
struct step *step_new(const struct probe_plan *plan);
/* With room for receipts, all zero. */
struct step *step_new_room(const struct probe_plan *plan, int n_receipts);
/* With a receipt for each edit of the set, not yet applied. */
struct step *step_new_edited(const struct probe_plan *plan, const struct edit_set *edits);
const struct step *step_ref(const struct step *s);
void step_unref(const struct step *s);

/* Values of the plan's probe i (see probe_plan_count), or NULL for i < 0. */
const float *step_values(const struct step *s, int i);

#endif
