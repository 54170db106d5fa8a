/*
 * receipt -- what a set of edits does to the next-token distributions along a text.
 *
 * The text is read twice from its first token, once under each set, and compared
 * position by position: same tokens in front, so what differs is the edits and
 * nothing else.  An edit without a scope counts from the first position on.
 *
 *      jsd, kl       of the distributions, nats; KL(with || without)
 *      flips         positions where the likeliest token is another
 *      perplexity    of the text itself, exp(mean of -ln p)
 *
 * Threads  any; two sessions of its own on the shared model, one worker each
 */
#ifndef ANALYSIS_RECEIPT_H
#define ANALYSIS_RECEIPT_H

#include "engine/edit.h"
#include "engine/model.h"

struct receipt_of_text {
	int n;                  /* positions compared */
	int flips;
	double jsd, kl;         /* means */
	double jsd_most;
	int jsd_most_at;        /* position */
	double perplexity[2];   /* with and without; NAN for a text of one token */
};

struct receipt_ask {
	const int32_t *tokens;
	int n, n_prompt;
	const struct edit_set *with, *without;
	bool exact;
	bool (*go)(void *of, double done);      /* 0..1; false: give up.  May be NULL */
	void *of;
};

/* False with ERR_INTERRUPTED when it was given up. */
bool receipt_read(const struct model *m, const struct receipt_ask *ask, struct receipt_of_text *out, struct err *e)
    MUST_CHECK;

#endif
