/*
 * lens -- one signal: what to read, how to reduce it, how to show it.
 *
 * A lens is a probe (engine/probe.h) with meaning: a sentence, a unit, a range
 * and where the definition comes from.  Its values sit in every step under its
 * name; the trace writes them, replay reads them back, panes draw them by their
 * axes and know no lens by name.
 * To add one: lenses/NAME.c, one line in lenses.def, a test.
 */
#ifndef ANALYSIS_LENS_H
#define ANALYSIS_LENS_H

#include <stddef.h>

#include "engine/probe.h"

struct lens_def {
	struct probe probe;     /* name, axes, site, reduce or derive */
	const char *doc;        /* one sentence, for help and the man page */
	const char *read_it;    /* how to read it, in plain words */
	const char *unit;       /* "nats", "of ln T", "" */
	const char *source;     /* paper, or "own" */
	float lo, hi;           /* range of the colour scale; hi may be NAN: largest seen */
	/* For a signal that sits at its ceiling hi: the smallest distance below it that
	 * is worth telling apart, and the ceiling's name.  The scale is then logarithmic
	 * in hi - value.  0 and NULL: linear. */
	float near;
	const char *ceiling;
};

enum lens_id {
#define LENS(name) LENS_##name,
#include "analysis/lenses/lenses.def"
#undef LENS
	N_LENSES
};

extern const struct lens_def *const lenses[N_LENSES];

int lens_find(const char *name);        /* -1 */

/* A plan of all lenses in the order of the table, so that lens i is probe i of
 * the plan.  probe_plan_free() it. */
struct probe_plan *lens_plan(const struct hparams *hp);

/* Which probe of a plan the lens is; -1 when that plan has none of its name (a
 * recording made without it). */
int lens_in_plan(const struct probe_plan *p, enum lens_id id);

/* Value of a scalar lens in a step; NAN is a hole. */
float lens_scalar(const struct step *s, enum lens_id id);

#endif
