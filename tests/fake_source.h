/*
 * fake_source -- a source that needs no model: steps with made-up figures that
 * are the same every time, from a text written down here.
 *
 * Plain, it answers an order at once, in the caller's thread.  Slow, a thread of
 * its own takes its time over each token; closing it does not wait for that.
 */
#ifndef TESTS_FAKE_SOURCE_H
#define TESTS_FAKE_SOURCE_H

#include "engine/source.h"

struct fake_options {
	int n_layers, n_heads;          /* 0: 6 and 8 */
	int n_ctx;                      /* 0: 512 */
	int slow_ms;                    /* above 0: a thread, and so long for each token */
	bool chat;                      /* the words are an answer and end; see ORDER_CHAT in the source */
	bool wild;                      /* pieces with control bytes, halves of characters, wide ones */
};

struct source *fake_open(const struct fake_options *o);
/* Orders received so far, by kind. */
int fake_orders(const struct source *s, enum order_kind kind);
/* Generated tokens so far. */
int fake_generated(const struct source *s);

#endif
