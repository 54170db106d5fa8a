/*
 * wordcache -- words of this text that are tokenized already.
 *
 * Text repeats itself; a word seen before is copied from the ids it became the
 * first time.  Direct-mapped: a newcomer takes the place, nothing is searched.
 *
 * Owns     its slots; words point into the text, ids are found in the list being
 *          written, so both must stay until wordcache_free()
 */
#ifndef ENGINE_WORDCACHE_H
#define ENGINE_WORDCACHE_H

#include "engine/pieces.h"

struct wordcache {
	struct wordcache_slot *slots;   /* NULL until the first put */
};

/* True when the word was known: its ids stand at the end of `out`. */
bool wordcache_get(const struct wordcache *c, const char *s, size_t n, struct ids *out);
/* The word became the n_ids ids that start at out->v[at]. */
void wordcache_put(struct wordcache *c, const char *s, size_t n, size_t at, size_t n_ids);
void wordcache_free(struct wordcache *c);

#endif
