/*
 * sampler -- the road from logits to a token: a chain of stages, written as text.
 *
 *      top-k 40 | top-p 0.95 | temp 0.8        (the last step is always the draw)
 *      awrs "[0-9]+\.[0-9]*" | temp 0.8        (a text comes first, in quotes)
 *
 * Stages narrow or reshape a list of candidates in the order they are written;
 * the order matters, and each leaves in the step how many candidates and how
 * much raw probability it kept.  To add a stage: samplers/NAME.c, which defines
 * `const struct sampler_def sampler_NAME`, and a line in samplers.def.
 *
 * A stage that adapts (a surprise it steers, a weight it accumulates) keeps its
 * memory in the step: it reads what it left in the step before, and rewinding
 * restores it for nothing.
 *
 * Owns     a chain is counted and immutable, like an edit set
 */
#ifndef ENGINE_SAMPLER_H
#define ENGINE_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

struct model;
struct sampler;
struct step;
struct step_stage;
struct tensor;
struct vocab;

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

/* The place of a stage in the chain that runs. */
struct stage_at {
	int index;
	const void *data;       /* what its prepare() made of the text */
	const float *before;    /* [STAGE_STATE] it left at the step before; NULL at the start */
	struct step_stage *out; /* shown and state are its own to write */
	struct sampler *sampler;        /* for sampler_room() */
};

/* What a stage may know besides the candidates. */
struct sampler_context {
	const int32_t *tokens;  /* the text so far */
	size_t n_tokens;
	uint64_t seed;
	int pos;                /* position the token will take */
	const float *logits;    /* raw, [n_vocab] */
	const struct step *prev;        /* the step of the position before; NULL: none, or not known */
	const struct vocab *vocab;      /* NULL: stages that look at letters see none */
	const struct tensor *tok_embd;  /* input embeddings; NULL: all tokens are equally far apart */
	const struct stage_at *at;      /* filled in by sampler_run(); NULL: applied by hand, and
					 * stages with a memory, a text or a draw do nothing */
};

enum { SAMPLER_MAX_PARAMS = 6, SAMPLER_SHOWS = 4 };

struct sampler_param {
	const char *name;
	double lo, hi, initial;
};

struct sampler_def {
	const char *name;       /* as typed: "top-k" */
	const char *doc;        /* one line, for help and the man page */
	const char *source;     /* paper or program the definition is from */
	const char *text;       /* name of a first parameter in "quotes"; NULL: there is none */
	int n_params, n_required;
	struct sampler_param params[SAMPLER_MAX_PARAMS];
	const char *shows[SAMPLER_SHOWS];       /* names of step_stage.shown; NULL: unused */
	void (*apply)(struct candidates *c, const double *params, const struct sampler_context *cx);
	/* For stages with memory: `token` came (drawn, or given by hand). */
	void (*chosen)(int32_t token, const double *params, const struct sampler_context *cx);
	/* For stages with a text: what apply() finds in cx->at->data.  `m` is NULL where
	 * there is no model; NULL with `e` filled refuses the text. */
	void *(*prepare)(const char *text, const double *params, const struct model *m, struct err *e);
	void (*release)(void *data);
};

extern const struct sampler_def *const samplers[];
extern const size_t n_samplers;
const struct sampler_def *sampler_find(const char *name, size_t n);
/* The parameters as a manual writes them: ` "regex" [accepts=2]`, into out. */
const char *sampler_usage(const struct sampler_def *d, char *out, size_t room);

/* For stages: makes the first min(want, n) sorted; cheap when they already are. */
void candidates_sort(struct candidates *c, size_t want);
/* Largest logit, and ln of the sum of exp over all that are alive (in double). */
double candidates_lse(const struct candidates *c, double *max);

/* For stages: the n-th random number of this stage at this step, in [0, 1); n < 2^32. */
double stage_uniform(const struct sampler_context *cx, uint64_t n);
/* For stages: `bytes` of memory, zero at first and then as the stage left it at the
 * step before or earlier in this one (zero again after it grew).  Never to be relied
 * on for memory: what counts goes into the step. */
void *stage_room(const struct sampler_context *cx, size_t bytes);
/* Something that is more than bytes: made at the first call, dropped with the chain. */
void *stage_object(const struct sampler_context *cx, void *(*make)(void), void (*drop)(void *));
/* Bytes again, but one room for the whole sampler: it also outlives a change of the chain. */
void *stage_common_room(const struct sampler_context *cx, size_t bytes);

struct chain;
#define SAMPLER_DEFAULT "top-k 40 | top-p 0.95 | min-p 0.05 | temp 0.8"

/* A chain that needs no model; a stage that reads a file with the model's tokenizer
 * is refused. */
const struct chain *chain_parse(const char *text, uint32_t revision, struct err *e) MUST_CHECK;
/* A chain for this model. */
const struct chain *chain_parse_for(const char *text, uint32_t revision, const struct model *m, struct err *e) MUST_CHECK;
/* A chain to be shown and never run, as in a replay: texts in it are not looked at. */
const struct chain *chain_parse_shown(const char *text, uint32_t revision, struct err *e) MUST_CHECK;
const struct chain *chain_ref(const struct chain *c);
void chain_unref(const struct chain *c);
uint32_t chain_revision(const struct chain *c);
const char *chain_text(const struct chain *c);          /* normalised; parses to the same chain */
int chain_n(const struct chain *c);
const struct sampler_def *chain_stage(const struct chain *c, int i);

/* Scratch for n_vocab candidates; one per session. */
struct sampler *sampler_new(int n_vocab, struct err *e) MUST_CHECK;
void sampler_free(struct sampler *s);
/* Both read step->logits, the statistics of the raw logits.  For a token that was
 * given: top candidates and its log-probability, no chain. */
void sampler_describe(struct sampler *s, const float *logits, int32_t token, struct step *step);
/* Runs the chain on cx->logits, draws, and fills the step's top candidates,
 * stages, token, logprob and p_final.  With `forced` >= 0 that token is taken and
 * only described.  The chain must not be one that is only shown. */
void sampler_run(struct sampler *s, const struct chain *c, const struct sampler_context *cx,
    int forced, struct step *step);

#endif
