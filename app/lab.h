/*
 * lab -- questions of commands that take a while, answered in the background: a
 * steering vector learned, matrices made for a swap, the perplexity of the probe
 * text under an edit set.
 *
 * A newer question about perplexity calls the older off.
 *
 * Owns     its thread and what was asked; the model is borrowed
 * Threads  the UI thread; the work itself on the lab's
 */
#ifndef APP_LAB_H
#define APP_LAB_H

#include "app/answer.h"
#include "engine/edit.h"
#include "engine/learn.h"

struct lab;

struct lab *lab_new(const struct model *m, struct err *e) MUST_CHECK;
void lab_free(struct lab *l);           /* NULL is fine */
/* To poll; -1 for NULL. */
int lab_fd(const struct lab *l);

/* Answers with a line to show. */
bool lab_learn(struct lab *l, const char *a, const char *b, const struct address *at, const char *out, struct err *e)
    MUST_CHECK;
/* With `aloud` the answer is said even when nothing is wrong. */
bool lab_probe(struct lab *l, const struct edit_set *edits, bool aloud, struct err *e) MUST_CHECK;

/* Makes the matrices of a swap; the answer brings the edit with them.  The edit
 * stays the caller's. */
bool lab_swap(struct lab *l, const struct edit *ed, struct err *e) MUST_CHECK;
/* Calls off all swaps under way; how many there were. */
int lab_swap_stop(struct lab *l);
/* Swaps under way; the words of the one at work and how far it is, 0..1. */
struct lab_swaps {
	int n;
	char what[SWAP_TEXT];
	float done;
};
struct lab_swaps lab_swaps_now(const struct lab *l);

/* What `with' does to a text, beside `without' (analysis/receipt.h); tokens are
 * copied. */
bool lab_receipt(struct lab *l, const int32_t *tokens, int n, int n_prompt, const struct edit_set *with,
    const struct edit_set *without, struct err *e) MUST_CHECK;

struct lab_answer {
	const char *what;       /* the command, when it was asked for figures; NULL */
	struct figure figures[FIGURES];
	int n_figures;
	char text[400];         /* empty: nothing to say */
	struct edit edit;       /* of a swap, with `op` set: edit_drop() it */
	bool is_error;          /* worth a red line */
	bool failed;            /* there is no answer */
	bool aloud;             /* somebody waited for it */
};
/* The next answer; false when there is none. */
bool lab_take(struct lab *l, struct lab_answer *out);
/* Questions somebody waits for. */
int lab_awaited(const struct lab *l);

/* What is at work: its words, and how far, 0..1.  False: nothing is. */
bool lab_work(const struct lab *l, char *words, size_t room, double *done);
/* Calls it off. */
void lab_stop(struct lab *l);

/* What is known of the probe text under the newest set asked about. */
struct lab_probe {
	double before, after;   /* perplexity; NAN while unknown */
	uint32_t revision;      /* of the set that `after' is about */
	bool works;             /* being computed */
	float done;             /* 0..1 of the question at work */
};
struct lab_probe lab_probe_now(const struct lab *l);

#endif
