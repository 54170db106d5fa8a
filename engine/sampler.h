/*
 * sampler -- the road from logits to a token: a chain of stages, written as text.
 *
 *      top-k 40 | top-p 0.95 | temp 0.8        (the last step is always the draw)
 *
 * Stages narrow or reshape a list of candidates in the order they are written;
 * the order matters, and each leaves in the step how many candidates and how
 * much raw probability it kept.  To add a stage: samplers/NAME.c, which defines
 * `const struct sampler_def sampler_NAME`, and a line in samplers.def.
 *
 * Owns     a chain is counted and immutable, like an edit set
 */
#ifndef ENGINE_SAMPLER_H
#define ENGINE_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

struct candidate {
	int32_t id;             /* vocabulary id */
	float logit;            /* as the stages so far left it */
	float key;              /* for the stage at work; means nothing between stages */
};

/* The list a stage works on: c[0..n) is alive.  c[0..n_sorted) is sorted by
 * falling logit (ties by id) and nothing behind it is larger. */
struct candidates {
	struct candidate *c;
	size_t n, n_sorted;
};

/* What a stage may know besides the candidates. */
struct sampler_context {
	const int32_t *tokens;  /* the text so far */
	size_t n_tokens;
	uint64_t seed;
	int pos;                /* position the token will take */
	const float *logits;    /* raw, [n_vocab] */
};

enum { SAMPLER_MAX_PARAMS = 3 };

struct sampler_param {
	const char *name;
	double lo, hi, initial;
};

struct sampler_def {
	const char *name;       /* as typed: "top-k" */
	const char *doc;        /* one line, for help and the man page */
	const char *source;     /* paper or program the definition is from */
	int n_params, n_required;
	struct sampler_param params[SAMPLER_MAX_PARAMS];
	void (*apply)(struct candidates *c, const double *params, const struct sampler_context *cx);
};

extern const struct sampler_def *const samplers[];
extern const size_t n_samplers;
const struct sampler_def *sampler_find(const char *name, size_t n);

/* For stages: makes the first min(want, n) sorted; cheap when they already are. */
void candidates_sort(struct candidates *c, size_t want);
/* Largest logit, and ln of the sum of exp over all that are alive (in double). */
double candidates_lse(const struct candidates *c, double *max);

struct chain;
#define SAMPLER_DEFAULT "top-k 40 | top-p 0.95 | min-p 0.05 | temp 0.8"

const struct chain *chain_parse(const char *text, uint32_t revision, struct err *e) MUST_CHECK;
const struct chain *chain_ref(const struct chain *c);
void chain_unref(const struct chain *c);
uint32_t chain_revision(const struct chain *c);
const char *chain_text(const struct chain *c);          /* normalised */
int chain_n(const struct chain *c);
const struct sampler_def *chain_stage(const struct chain *c, int i);

struct step;
/* Scratch for n_vocab candidates; one per session. */
struct sampler;
struct sampler *sampler_new(int n_vocab, struct err *e) MUST_CHECK;
void sampler_free(struct sampler *s);
/* Both read step->logits, the statistics of the raw logits.  For a token that was
 * given: top candidates and its log-probability, no chain. */
void sampler_describe(struct sampler *s, const float *logits, int32_t token, struct step *step);
/* Runs the chain on cx->logits, draws, and fills the step's top candidates,
 * stages, token, logprob and p_final.  With `forced` >= 0 that token is taken and
 * only described. */
void sampler_run(struct sampler *s, const struct chain *c, const struct sampler_context *cx,
    int forced, struct step *step);

#endif
