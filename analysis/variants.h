/*
 * variants -- a model whose matrices can each be any of several methods' versions,
 * changed from one choice of all to the next.
 *
 * Versions are made when they are first wanted and kept, up to a limit of bytes;
 * beyond it those longest unused go and are made again when they are wanted.  The
 * ones in use stay, so at least a whole model is held.
 *
 * Owns     the versions; model, specs, pool and calibration are borrowed
 * Threads  one at a time; versions are made on the pool
 */
#ifndef ANALYSIS_VARIANTS_H
#define ANALYSIS_VARIANTS_H

#include "analysis/calibration.h"
#include "analysis/requantized.h"

struct variants;

struct variants_options {
	const struct model *model;
	const struct tensor *const *items;      /* [n] matrices that change; the others stay */
	size_t n;
	const struct quant_spec *specs;         /* [n_specs] */
	int n_specs;
	size_t bytes;                           /* limit of what is kept */
	struct pool *pool;
	const atomic_bool *stop;                /* NULL: never */
	struct calibration *calibration;        /* NULL: inputs are unknown */
	const struct calibration_text *text;    /* read again for Gram matrices */
	/* What is particular to a matrix in a method (NULL: nothing). */
	void (*adjust)(void *to, const struct tensor *t, struct quant_spec *spec);
	void *to;
};

struct variants *variants_new(const struct variants_options *opt);
void variants_free(struct variants *v);

/* The model under picks[i], -1: as it is.  A failure leaves a mixture. */
bool variants_use(struct variants *v, const int *picks, struct err *e) MUST_CHECK;
const struct model *variants_model(const struct variants *v);
size_t variants_bytes(const struct variants *v);        /* held now */

#endif
