/* session_state -- what session.h keeps closed, for the files that work on it. */
#ifndef ENGINE_SESSION_STATE_H
#define ENGINE_SESSION_STATE_H

#include "engine/backend.h"
#include "engine/session.h"

/* What drew a token: read again, it is what its stages go on from. */
struct drawn {
	const struct chain *chain;      /* one of the session's */
	uint64_t seed;
};

struct session {
	const struct model *m;
	struct session_options opt;
	struct pool *pool;
	struct backend backend;
	struct sampler *sampler;
	const struct edit_set *edits;
	const struct edit_set **sets;   /* every set that was in force, the newest last */
	int n_sets;
	const struct chain *chain;
	uint64_t *total;                /* by edit number */
	int n_total;
	int32_t *tokens;                /* [n_ctx + 1] */
	unsigned char *why;             /* [n_ctx + 1]: enum step_why of each token */
	struct drawn *drawn;            /* [n_ctx + 1]: of each token that is not prompt */
	const struct chain **chains;    /* [n_chains] every chain that was in force */
	int n_chains;
	int n_tokens, n_read, n_prompt;
	int n_ctx;
	int index, branch;              /* of the next step */
	int furthest;                   /* positions of this branch that have a step */
	struct step **pass_steps;       /* [piece] */
	const struct step **history;    /* [n_ctx]: NULL where not held */
	const float *last_logits;
};

#endif
