/*
 * quant_job -- what the parts of `clampmeter quant' work on together.
 *
 * Owns     what jobs/quant.c frees in the end
 */
#ifndef APP_QUANT_JOB_H
#define APP_QUANT_JOB_H

#include "analysis/calibration.h"
#include "app/quant_report.h"
#include "app/setup.h"

struct quant {
	const struct options *o;
	struct setup setup;
	struct pool *pool;
	struct quant_spec specs[QUANT_MAX_SPECS];
	struct quant_table table;
	struct calibration *calibration;        /* NULL: none was asked for */
	struct calibration_text text;
	int32_t *tokens;                        /* of --calibrate */
	int *sides[QUANT_MAX_SPECS];            /* of adadim, [tensors of the file]; NULL: each by itself */
	struct lockstep_options read;           /* of the text a model is run on; n is 0 without one */
};

/* Matrices of the model: rows of the table of one method. */
size_t quant_matrices(const struct quant *q);
/* `adjust' of variants.h: what was chosen for a matrix within a method. */
void quant_adjust(void *q, const struct tensor *t, struct quant_spec *spec);
/* A number above 0 that is all of the text of an option. */
bool quant_number(const char *option, const char *text, double *out, struct err *e) MUST_CHECK;

/* For the report; `k` is the table's from then on. */
void quant_keep_outcome(struct quant *q, const char *method, struct lockstep k);

/* Shares --budget out among the methods and measures what comes of it: fills plans,
 * outcomes and the rest of the table.  ERR_USAGE when the budget is too small. */
bool quant_budget(struct quant *q, struct err *e) MUST_CHECK;
/* Runs the model with every matrix under picks[i] of the methods (-1: as it is). */
bool quant_run_picked(struct quant *q, const int *picks, struct lockstep *k, struct err *e) MUST_CHECK;

#endif
