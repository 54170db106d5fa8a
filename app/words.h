/*
 * words -- what neurons read and write, in tokens, asked for in the background.
 *
 * The frame names the step it shows; those of its strongest neurons that are not
 * in the cache go to the analyst thread, a few at a time, strongest first.
 *
 * Owns     the cache and the analyst; the model is borrowed
 * Threads  the UI thread; the reading itself on the analyst's
 */
#ifndef APP_WORDS_H
#define APP_WORDS_H

#include "analysis/neuron_cache.h"
#include "engine/step.h"

struct words;

struct words *words_new(const struct model *m, struct err *e) MUST_CHECK;
void words_free(struct words *w);       /* NULL is fine */
/* For panes: neuron_cache_find() on it never waits for long. */
struct neuron_cache *words_cache(struct words *w);
/* To poll; -1 for NULL. */
int words_fd(const struct words *w);
/* Takes answers; true when something new can be shown. */
bool words_take(struct words *w);
void words_want(struct words *w, const struct step *s);

#endif
