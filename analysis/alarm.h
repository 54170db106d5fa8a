/*
 * alarm -- the perplexity of a short fixed text, as an alarm for edits.
 *
 * An edit that breaks a model shows first in how it predicts plain text: after a
 * few of them, sometimes after one, perplexity jumps ("The butterfly effect of
 * model editing", Yang et al. 2024, arXiv 2402.09656).  Each sentence is a text of
 * its own; PPL = exp(mean of -ln p) over all tokens that have one in front.
 *
 * Every edit counts as if its scope were `all', so that one for generated tokens
 * is measured too.
 *
 * Threads  any; a session of its own on the shared model, one worker
 */
#ifndef ANALYSIS_ALARM_H
#define ANALYSIS_ALARM_H

#include "engine/edit.h"
#include "engine/model.h"

/* Ratios of perplexity with edits to without, of our choice. */
#define ALARM_AMBER 2.0
#define ALARM_RED   10.0

struct alarm_text {
	const char *const *sentences;
	int n;
};
extern const struct alarm_text alarm_plain;     /* small talk of people, animals, weather */
extern const struct alarm_text alarm_sums;      /* word problems, as the built-in model knows them */

/* Asked between sentences how far it is, 0..1; false: give up. */
typedef bool alarm_go(void *of, double done);

/* False when called off (no error is set then) or when the text cannot be read.
 * Logits that are not finite give INFINITY. */
bool alarm_perplexity(const struct model *m, const struct edit_set *edits, const struct alarm_text *text,
    alarm_go *go, void *of, double *out, struct err *e) MUST_CHECK;

#endif
