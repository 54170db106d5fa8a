/*
 * attention -- one layer of grouped-query attention over the KV cache.
 *
 * A task is a block of queries and some of the heads that share one key head:
 * each row of the cache is read once for all of them.  Scores are made into
 * probabilities in place, with the statistics of every row taken in the same
 * pass (softmax_stats), and shown to the probes before they are mixed.
 *
 *      q [m][n_heads][d_head]  --scores-->  probs [rows][visible]  --mix-->  z
 *
 * Owns     scratch per worker: rows of scores as long as the context
 */
#ifndef ENGINE_ATTENTION_H
#define ENGINE_ATTENTION_H

#include "engine/base/pool.h"
#include "engine/hparams.h"
#include "engine/kvcache.h"
#include "engine/step.h"

enum { ATTENTION_ROWS = 16 };   /* queries times heads in a task, at most */

struct attention {
	const struct hparams *hp;
	struct pool *pool;
	struct kvcache *kv;
	int max_rows;
	size_t ld;              /* floats between rows of scores */
	size_t per_worker;      /* floats of scratch for one worker */
	float *scratch;
};

struct attention_pass {
	const float *q;         /* [m][n_heads * d_head], turned and scaled */
	float *z;               /* [m][n_heads * d_head] */
	int layer, pos0, m;
	struct step **steps;    /* [m] or NULL */
	const struct probe_plan *plan;
	float *capture;         /* NULL, or the probabilities of position 0 of the pass: [n_heads][pos0 + 1] */
};

bool attention_new(struct attention *a, const struct hparams *hp, struct pool *pool, struct kvcache *kv,
    struct err *e) MUST_CHECK;
void attention_free(struct attention *a);
size_t attention_bytes(const struct attention *a);
/* Keys and values of the pass are already in the cache. */
void attention_run(struct attention *a, const struct attention_pass *p);

#endif
