#include "engine/wordcache.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

enum { N_SLOTS = 8192, LONGEST_WORD = 48 };

struct wordcache_slot {
	const char *s;
	uint32_t n, n_ids;
	size_t at;
};

/* FNV-1a (Fowler, Noll, Vo): words are short, and a bad place only costs a miss. */
static size_t place(const char *s, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	return (h ^ h >> 16) % N_SLOTS;
}

bool wordcache_get(const struct wordcache *c, const char *s, size_t n, struct ids *out)
{
	if (!c->slots || !n || n > LONGEST_WORD)
		return false;
	const struct wordcache_slot *w = &c->slots[place(s, n)];

	if (w->n != n || memcmp(w->s, s, n) != 0)
		return false;
	ids_repeat(out, w->at, w->n_ids);
	return true;
}

void wordcache_put(struct wordcache *c, const char *s, size_t n, size_t at, size_t n_ids)
{
	if (!n || n > LONGEST_WORD)
		return;
	if (!c->slots)
		c->slots = mem_array(N_SLOTS, sizeof *c->slots);
	c->slots[place(s, n)] =
	    (struct wordcache_slot){ .s = s, .n = (uint32_t)n, .n_ids = (uint32_t)n_ids, .at = at };
}

void wordcache_free(struct wordcache *c)
{
	free(c->slots);
	c->slots = NULL;
}
