/*
 * words -- what neurons read and write, in tokens, asked for in the background.
 *
 * The frame names the vectors it shows; those that are not in the cache go to the
 * analyst thread, the first ones first, some at a time: the head is read once for
 * all of them.
 *
 * Owns     the cache and the analyst; the model is borrowed
 * Threads  the UI thread; the reading itself on the analyst's and its workers
 */
#ifndef APP_WORDS_H
#define APP_WORDS_H

#include "analysis/neuron_cache.h"

struct words;

/* `n_threads` read; they may be as many as the engine's, which rests meanwhile. */
struct words *words_new(const struct model *m, int n_threads, struct err *e) MUST_CHECK;
void words_free(struct words *w);       /* NULL is fine */
/* For panes: neuron_cache_find() on it never waits for long. */
struct neuron_cache *words_cache(struct words *w);
/* To poll; -1 for NULL. */
int words_fd(const struct words *w);
/* Takes answers; true when something new can be shown. */
bool words_take(struct words *w);
/* Those first in the list matter most.  Vectors the model does not have are passed over. */
void words_want(struct words *w, const struct neuron_wish *wish, int n);

#endif
