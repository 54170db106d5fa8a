/*
 * source -- where steps come from: a live engine, or the replay of a file.
 *
 * What stands above cannot tell which.  Orders go in, news comes out; neither
 * side waits for the other except when a mailbox is full.  poll() source_fd()
 * for reading, then take news until there is none.
 *
 * Owns     news taken belongs to the taker: news_free()
 * Threads  all functions from the UI thread
 */
#ifndef ENGINE_SOURCE_H
#define ENGINE_SOURCE_H

#include <stdint.h>

#include "engine/edit.h"
#include "engine/hparams.h"
#include "engine/look.h"
#include "engine/probe.h"
#include "engine/sampler.h"
#include "engine/step.h"

enum order_kind {
	ORDER_RUN,              /* generate; n tokens, or until stopped when n is 0 */
	ORDER_PAUSE,
	ORDER_APPEND,           /* text: tokenized behind what is there */
	ORDER_RESTART,          /* text: a new text from nothing (BOS as the model wants it) */
	ORDER_CUT,              /* keep the first n tokens */
	ORDER_FORCE,            /* n: the token that comes next */
	ORDER_EDITS,            /* edits: the set in force from the next pass */
	ORDER_CHAIN,            /* chain: the sampler in force from the next token */
	ORDER_SEED,             /* seed */
	ORDER_LOOK,             /* look: recompute a position and show it whole */
	ORDER_REREAD,           /* n: read again from that position on, under the edits in force */
	ORDER_CHAT,             /* text: what the user says next, in the model's chat template */
};

struct order {
	enum order_kind kind;
	int n;
	uint64_t seed;
	bool special;           /* special tokens in the text count as such */
	const char *text;       /* copied by source_send, as is look.past */
	const struct edit_set *edits;   /* a reference is taken by source_send */
	const struct chain *chain;
	struct look_request look;
};

enum news_kind {
	NEWS_STEP,              /* step; the reference is the taker's */
	NEWS_STATE,             /* running, n_tokens (length of the text), n_read */
	NEWS_CUT,               /* the text now ends at n_tokens; a new branch begins */
	NEWS_END,               /* generation stopped by itself; text says why */
	NEWS_LOOK,              /* look, the reference is the taker's; or NULL, look_step and text: why not */
	NEWS_ORDER,             /* order: it is obeyed now, before the next step */
	NEWS_WORDS,             /* text: a caption of a replayed session */
	NEWS_COMMAND,           /* text: a command line of a replayed session */
	NEWS_ERROR,             /* text: the line to show; generation has stopped */
	NEWS_WARNING,           /* text: the line to show; generation goes on */
};

struct news {
	enum news_kind kind;
	bool running;
	int n_tokens, n_read;
	const struct step *step;
	const struct look *look;
	int look_step;
	unsigned look_what;     /* of a look that could not be given */
	struct order *order;
	char *text;
};

void news_free(struct news *n);

/* A copy that owns its text and references. */
struct order *order_dup(const struct order *o);
void order_free(struct order *o);

/* What is known of the model without having it. */
struct source_info {
	const char *model_name, *file, *kernels, *vocab;
	const struct vocab *tokens;     /* for texts in addresses; NULL in a replay */
	struct hparams hp;
	int n_ctx, n_threads;
	const struct probe_plan *plan;
	bool live;              /* takes orders */
};

struct source;

struct source_ops {
	int (*fd)(struct source *s);
	struct news *(*take)(struct source *s);
	bool (*send)(struct source *s, const struct order *o, struct err *e);
	/* Bytes of a token, as printed; NULL when the source does not know them. */
	const char *(*piece)(struct source *s, int32_t id, size_t *n);
	void (*close)(struct source *s);
	/* True for a token that is no text but a mark in it: where a turn begins, where
	 * the text ends.  NULL: the source cannot tell. */
	bool (*is_mark)(struct source *s, int32_t id);
	/* How far an ORDER_LOOK is, and the way to call it off; good until the source is
	 * closed.  NULL: the source does not look. */
	struct look_watch *(*watch)(struct source *s);
};

struct source {
	const struct source_ops *ops;
	struct source_info info;
};

static inline int source_fd(struct source *s)
{
	return s->ops->fd(s);
}

/* NULL when there is none now. */
static inline struct news *source_take(struct source *s)
{
	return s->ops->take(s);
}

static inline bool source_send(struct source *s, const struct order *o, struct err *e)
{
	return s->ops->send(s, o, e);
}

static inline const char *source_piece(struct source *s, int32_t id, size_t *n)
{
	return s->ops->piece(s, id, n);
}

static inline bool source_is_mark(struct source *s, int32_t id)
{
	return s->ops->is_mark && s->ops->is_mark(s, id);
}

static inline struct look_watch *source_watch(struct source *s)
{
	return s->ops->watch ? s->ops->watch(s) : NULL;
}

void source_close(struct source *s);    /* NULL is fine */

#endif
