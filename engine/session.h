/*
 * session -- one text being read and written by a model: tokens, cache, edits,
 * sampler, and the steps they make.
 *
 * session_append() puts tokens behind the text; session_advance() does the next
 * piece of work: a piece of the prompt that is not yet in the cache, or one
 * generated token.  Every position read makes one step, handed to the sink in
 * order.  session_cut() goes back; what comes after is a new branch.
 *
 * Owns     cache, scratch and workers, from session_new() to session_free();
 *          the model is borrowed and must outlive it
 * Threads  one thread at a time (the engine thread)
 */
#ifndef ENGINE_SESSION_H
#define ENGINE_SESSION_H

#include <stdint.h>

#include "engine/edit.h"
#include "engine/forward.h"
#include "engine/model.h"
#include "engine/probe.h"
#include "engine/sampler.h"
#include "engine/step.h"

struct session;
struct look_watch;

/* Receives a finished step; the reference is the sink's. */
typedef void step_sink(void *to, const struct step *s);

struct session_options {
	int n_threads;          /* 0: all cores */
	int n_ctx;              /* 0: what the model was trained for, at most 4096 */
	int piece;              /* prompt tokens per pass; 0: 256, on a device 2,048 */
	bool exact;             /* activations stay in float */
	int backend;            /* enum backend_id; BACKEND_AUTO: see backend.h */
	int gpu_layers;         /* on a device; 0: as many as fit */
	void (*progress)(void *of, double done);        /* of a slow opening, 0 to 1; or NULL */
	void *progress_of;
	bool probes;            /* false only to measure what they cost */
	bool prompt_logits;     /* distributions of prompt positions too */
	bool keep_steps;        /* hold all steps, so that signals that look back survive a cut */
	uint64_t seed;
	const struct probe_plan *plan;  /* borrowed */
	struct look_watch *watch;       /* of its looks; borrowed, NULL: nobody watches */
	step_sink *sink;        /* NULL: steps are dropped */
	void *to;
	/* Sees every position that is read, prompt, generated or read again, on the
	 * engine thread; for the life of the session.  On a device single tokens are not
	 * shown: each would be a hundred copies.  see = NULL: nobody looks. */
	struct onlooker onlooker;
};

struct session *session_new(const struct model *m, const struct session_options *opt, struct err *e) MUST_CHECK;
void session_free(struct session *s);

const struct model *session_model(const struct session *s);
int session_n_ctx(const struct session *s);
int session_threads(const struct session *s);
int session_len(const struct session *s);               /* tokens of the text */
int session_read(const struct session *s);              /* tokens that are in the cache */
const int32_t *session_tokens(const struct session *s);
/* What computes: "avx512"; "cuda, NVIDIA H200". */
const char *session_kernels(const struct session *s);
/* Why a device that is there is not used; "" when there is nothing to say. */
const char *session_note(const struct session *s);

/* Both keep a reference of their own and take effect from the next pass. */
void session_edits(struct session *s, const struct edit_set *edits);
void session_chain(struct session *s, const struct chain *chain);
const struct edit_set *session_edits_now(const struct session *s);
const struct chain *session_chain_now(const struct session *s);
/* Positions edit number `number` has written since it was made. */
uint64_t session_edit_applied(const struct session *s, int number);
void session_seed(struct session *s, uint64_t seed);

/* False when the context is too small for them; nothing is then appended. */
bool session_append(struct session *s, const int32_t *tokens, size_t n, struct err *e) MUST_CHECK;
/* Keeps the first `len` tokens of the text.  The last of them is read again, so
 * that there is a distribution to go on from. */
void session_cut(struct session *s, int len);

/* One piece of the prompt, or one token.  False when the context is full. */
bool session_advance(struct session *s, struct err *e) MUST_CHECK;
/* The same, but the token that comes next is given instead of drawn. */
bool session_force(struct session *s, int32_t token, struct err *e) MUST_CHECK;
/* Reads what is not yet in the cache, without drawing a token after it; the
 * logits of every position go to `out` ([n][n_vocab], n = unread tokens), or
 * nowhere when it is NULL: the steps still go to the sink. */
bool session_logits(struct session *s, float *out, struct err *e) MUST_CHECK;
/* Reads what is in the cache from position `from` on again, as a new branch: for
 * edits that reach back.  The text stays as it is. */
bool session_reread(struct session *s, int from, struct err *e) MUST_CHECK;
/* Logits of the last position read, [n_vocab]; good until the next pass. */
const float *session_last_logits(const struct session *s);

/* What a device copies (bytes read and written) and multiplies in f16, measured now;
 * false, with nothing said, where there is no device. */
bool session_device_speed(struct session *s, double *copy_gbs, double *gemm_tflops, struct err *e) MUST_CHECK;

/* Bytes of cache and scratch (not the file); on a device, all that it holds. */
size_t session_bytes(const struct session *s);

#endif
