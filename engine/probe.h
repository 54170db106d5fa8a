/*
 * probe -- what is read on the way through, and where it lands in a step.
 *
 * A probe names a site and a reduction; the reduction runs inside the forward
 * pass while the values are in cache, so a step keeps the few floats that
 * matter and not the megabytes they came from.  The engine knows no probe by
 * name: the table comes from the floor above (analysis/lens.h) as a plan.
 *
 * A plan is immutable and outlives the steps made under it.
 */
#ifndef ENGINE_PROBE_H
#define ENGINE_PROBE_H

#include <stdint.h>

#include "engine/kernels.h"
#include "engine/probe_kinds.h"
#include "engine/site.h"

struct step;

enum probe_axes {
	PROBE_SCALAR,           /* one value a step */
	PROBE_LAYERS,           /* [n_layers] */
	PROBE_HEADS,            /* [n_layers][n_heads] */
};

/* What reduce() sees: values of one position at one site, in the engine's
 * scratch, good until it returns. */
struct site_view {
	enum site site;
	int layer, pos;
	int first, rows;        /* heads [first, first + rows) at attn_probs; else 0, 1 */
	int cols;               /* values in a row; visible positions at attn_probs */
	size_t stride;          /* floats from row to row */
	const float *data;
	/* attn_probs: per row; logits: one.  NULL elsewhere. */
	const struct softmax_stats *softmax;
};

struct probe {
	const char *name;
	enum probe_axes axes;
	enum site site;         /* SITE_NONE: derived from the finished step */
	/* out: one float, or `rows` floats for PROBE_HEADS.  Runs on pool workers:
	 * no state. */
	void (*reduce)(const struct site_view *at, float *out);
	/* Instead of reduce, for what needs the step before (NULL at the start of a
	 * text).  Runs once, when token and candidates are known. */
	void (*derive)(const struct step *s, const struct step *prev, float *out);
	enum probe_kind kind;   /* what reduce() comes to, so that a device can do it in place */
};

struct probe_plan {
	int n, n_layers, n_heads;
	size_t n_values;                /* floats of a step */
	const struct probe *const *probes;      /* [n] */
	size_t *offset;                 /* [n]: where each starts in step->values */
};

struct probe_plan *probe_plan_new(const struct probe *const *probes, int n, const struct hparams *hp);
void probe_plan_free(struct probe_plan *p);
/* Values of probe i: 1, n_layers or n_layers * n_heads. */
size_t probe_plan_count(const struct probe_plan *p, int i);
int probe_plan_find(const struct probe_plan *p, const char *name);      /* -1 */

#endif
