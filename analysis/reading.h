/*
 * reading -- what a lens yields over a step or a stretch of text: numbers with
 * axes, a unit and a range.
 *
 * Values are [n_rows][n_cols]; NAN is a hole, a place nobody measured, and is
 * drawn as one.  A series has one row.
 *
 * Owns     nothing unless said: values belong to the step or to the caller
 */
#ifndef ANALYSIS_READING_H
#define ANALYSIS_READING_H

#include "analysis/lens.h"
#include "engine/step.h"

struct reading {
	const struct lens_def *lens;
	int n_rows, n_cols;
	const float *values;
};

/* Layers by heads, layers by 1, or 1 by 1, of one step; values point into the
 * step.  Without rows (and values NULL) when the step does not hold the lens. */
struct reading reading_of_step(const struct step *s, enum lens_id id);
/* One scalar lens along steps[0..n); values are written to out[n].  A step that
 * is NULL is a hole. */
struct reading reading_series(const struct step *const *steps, int n, enum lens_id id, float *out);
/* Smallest and largest measured value; false, and nothing written, when all are
 * holes. */
bool reading_range(const struct reading *r, float *lo, float *hi);

#endif
