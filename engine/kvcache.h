/*
 * kvcache -- the keys and values of every position seen so far.
 *
 * One cache belongs to one session.  A pass writes the rows of its positions
 * layer by layer and then moves `len` past them; a pass given up half way
 * leaves nothing behind.  Rewinding is cutting: rows past len are garbage to be
 * overwritten.
 *
 * Shapes   k, v: [n_layers][n_ctx][n_kv_heads * d_head], f32, RoPE applied to k
 * Owns     one mapping; its pages cost memory only once they are used
 * Threads  workers write disjoint rows; len moves on the engine thread
 */
#ifndef ENGINE_KVCACHE_H
#define ENGINE_KVCACHE_H

#include <stddef.h>

#include "engine/base/err.h"

struct kvcache {
	int n_layers, n_ctx, len;
	size_t row;             /* n_kv_heads * d_head */
	float *k, *v;
};

bool kvcache_new(struct kvcache *kv, int n_layers, int n_ctx, size_t row, struct err *e) MUST_CHECK;
void kvcache_free(struct kvcache *kv);
/* Row of layer l at position pos; rows of one layer follow each other. */
float *kvcache_k(const struct kvcache *kv, int l, int pos);
float *kvcache_v(const struct kvcache *kv, int l, int pos);

#endif
