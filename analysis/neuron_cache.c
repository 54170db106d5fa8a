#include "analysis/neuron_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "engine/base/mem.h"

struct entry {
	struct neuron_reading reading;
	uint64_t used;                  /* 0: free */
};

struct neuron_cache {
	const struct model *m;
	int room, k;
	pthread_mutex_t lock;           /* guards entry and now */
	pthread_mutex_t head_lock;      /* guards the making of head */
	struct neuron_head *head;
	struct entry *entry;
	uint64_t now;
};

struct neuron_cache *neuron_cache_new(const struct model *m, int room, int k)
{
	struct neuron_cache *c = mem_zalloc(sizeof *c);

	c->m = m;
	c->room = room;
	c->k = k;
	c->entry = mem_array((size_t)room, sizeof *c->entry);
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->head_lock, NULL);
	return c;
}

void neuron_cache_free(struct neuron_cache *c)
{
	if (!c)
		return;
	neuron_head_free(c->head);
	pthread_mutex_destroy(&c->head_lock);
	pthread_mutex_destroy(&c->lock);
	free(c->entry);
	free(c);
}

/* Hundreds of entries: looking at each is some microseconds. */
static struct entry *find(struct neuron_cache *c, const struct neuron_ref *r, enum neuron_variant v)
{
	for (int i = 0; i < c->room; i++) {
		const struct neuron_reading *n = &c->entry[i].reading;

		if (c->entry[i].used && n->variant == v && n->ref.index == r->index && n->ref.layer == r->layer &&
		    n->ref.site == r->site)
			return &c->entry[i];
	}
	return NULL;
}

bool neuron_cache_find(struct neuron_cache *c, const struct neuron_ref *r, enum neuron_variant v,
    struct neuron_reading *out)
{
	struct entry *n;

	pthread_mutex_lock(&c->lock);
	if ((n = find(c, r, v))) {
		n->used = ++c->now;
		*out = n->reading;
	}
	pthread_mutex_unlock(&c->lock);
	return n != NULL;
}

static void keep(struct neuron_cache *c, const struct neuron_reading *r)
{
	struct entry *to;

	pthread_mutex_lock(&c->lock);
	if (!(to = find(c, &r->ref, r->variant))) {
		to = c->entry;
		for (int i = 1; i < c->room; i++)
			if (c->entry[i].used < to->used)
				to = &c->entry[i];
	}
	to->reading = *r;
	to->used = ++c->now;
	pthread_mutex_unlock(&c->lock);
}

static bool make_head(struct neuron_cache *c, struct pool *pool, struct err *e)
{
	pthread_mutex_lock(&c->head_lock);
	if (!c->head)
		c->head = neuron_head_new(c->m, pool, e);
	pthread_mutex_unlock(&c->head_lock);
	return c->head != NULL;
}

static bool is_missing(struct neuron_cache *c, const struct neuron_ref *r, enum neuron_variant v)
{
	bool missing;

	pthread_mutex_lock(&c->lock);
	missing = !find(c, r, v);
	pthread_mutex_unlock(&c->lock);
	return missing;
}

bool neuron_cache_read(struct neuron_cache *c, const struct neuron_wish *wishes, int n, struct pool *pool,
    struct err *e)
{
	struct neuron_wish *want = mem_array((size_t)n, sizeof *want);
	struct neuron_reading *got = NULL;
	int n_want = 0;
	bool ok;

	for (int i = 0; i < n; i++)
		if (is_missing(c, &wishes[i].ref, wishes[i].variant))
			want[n_want++] = wishes[i];
	ok = !n_want || make_head(c, pool, e);
	if (ok && n_want) {
		got = mem_array((size_t)n_want, sizeof *got);
		if ((ok = neuron_read_wishes(c->head, want, n_want, c->k, pool, got, e)))
			for (int i = 0; i < n_want; i++)
				keep(c, &got[i]);
	}
	free(got);
	free(want);
	return ok;
}
