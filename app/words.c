#include "app/words.h"

#include <stdlib.h>

#include "analysis/analyst.h"
#include "engine/base/mem.h"

enum {
	KEPT = 4096,            /* readings */
	TOKENS = 16,            /* of each, and as many against */
	AT_ONCE = 24,           /* vectors in one question: a frame's worth of work up to some billion weights */
};

struct words {
	const struct model *m;
	struct neuron_cache *cache;
	struct analyst *analyst;
	struct pool *pool;      /* the analyst's; NULL: it reads alone */
	bool asked;
};

struct question {
	struct words *w;
	struct neuron_wish wish[AT_ONCE];
	int n;
};

struct words *words_new(const struct model *m, int n_threads, struct err *e)
{
	struct words *w = mem_zalloc(sizeof *w);

	w->m = m;
	if ((n_threads > 1 && !(w->pool = pool_new(n_threads, e))) || !(w->analyst = analyst_new(e))) {
		pool_free(w->pool);
		free(w);
		return NULL;
	}
	w->cache = neuron_cache_new(m, KEPT, TOKENS);
	return w;
}

void words_free(struct words *w)
{
	if (!w)
		return;
	analyst_free(w->analyst, free);
	neuron_cache_free(w->cache);
	pool_free(w->pool);
	free(w);
}

struct neuron_cache *words_cache(struct words *w)
{
	return w ? w->cache : NULL;
}

int words_fd(const struct words *w)
{
	return w ? analyst_fd(w->analyst) : -1;
}

bool words_take(struct words *w)
{
	void *q = w ? analyst_take(w->analyst) : NULL;

	if (!q)
		return false;
	free(q);
	w->asked = false;
	return true;
}

/* A reading that fails leaves a hole in the pane, which is what there is to say. */
static void answer(void *question, struct analyst_desk *desk)
{
	struct question *q = question;
	struct err e;

	if (!atomic_load(&desk->stop) && !neuron_cache_read(q->w->cache, q->wish, q->n, q->w->pool, &e))
		return;
}

static bool known(const struct words *w, const struct neuron_wish *wish)
{
	struct neuron_reading r;

	return neuron_cache_find(w->cache, &wish->ref, wish->variant, &r);
}

void words_want(struct words *w, const struct neuron_wish *wish, int n)
{
	struct question *q;
	struct err none;

	if (!w || w->asked || !n)
		return;
	q = mem_zalloc(sizeof *q);
	q->w = w;
	for (int i = 0; i < n && q->n < AT_ONCE; i++)
		if (neuron_check(&w->m->hp, wish[i].ref.site, wish[i].variant, &none) && !known(w, &wish[i]))
			q->wish[q->n++] = wish[i];
	if (q->n > 0 && analyst_ask(w->analyst, answer, q))
		w->asked = true;
	else
		free(q);
}
