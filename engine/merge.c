#include "engine/merge.h"

#include "engine/base/mem.h"

struct merge_item {
	uint64_t order;                 /* key, then index of the left symbol */
	uint32_t size;                  /* bytes of both sides when it was pushed */
	int32_t id;
};

struct heap {
	struct merge_item *v;
	size_t n;
};

static void heap_push(struct heap *h, struct merge_item item)
{
	size_t i = h->n++;

	while (i && item.order < h->v[(i - 1) / 2].order) {
		h->v[i] = h->v[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	h->v[i] = item;
}

static struct merge_item heap_pop(struct heap *h)
{
	struct merge_item top = h->v[0], last = h->v[--h->n];
	size_t i = 0;

	for (size_t c; (c = 2 * i + 1) < h->n; i = c) {
		if (c + 1 < h->n && h->v[c + 1].order < h->v[c].order)
			c++;
		if (last.order <= h->v[c].order)
			break;
		h->v[i] = h->v[c];
	}
	h->v[i] = last;
	return top;
}

bool merge_reserve(struct merge *m, size_t n, struct err *e)
{
	if (n <= m->room)
		return true;
	merge_free(m);
	n = n < 256 ? 256 : n + n / 4;
	/* Every symbol starts one pair and every merge, of which there are fewer than
	 * symbols, at most two more. */
	if (!(m->sym = mem_big(n, sizeof *m->sym, "symbols of the text", e)) ||
	    !(m->heap = mem_big(3 * n, sizeof *m->heap, "pairs of the text", e))) {
		merge_free(m);
		return false;
	}
	m->room = n;
	return true;
}

void merge_free(struct merge *m)
{
	mem_big_free(m->sym);
	mem_big_free(m->heap);
	*m = (struct merge){0};
}

void merge_push(struct merge *m, uint32_t start, uint32_t len, int32_t id)
{
	int32_t i = (int32_t)m->n_sym++;

	m->sym[i] = (struct merge_sym){ .start = start, .len = len, .prev = i - 1, .next = -1, .id = id };
	if (i)
		m->sym[i - 1].next = i;
}

static void try_pair(const struct merge *m, struct heap *h, int32_t l, int32_t r, merge_fn *fn, const void *ctx)
{
	struct merge_pair pair;

	if (l < 0 || r < 0 || !fn(ctx, &m->sym[l], &m->sym[r], &pair))
		return;
	heap_push(h, (struct merge_item){
	    .order = (uint64_t)pair.key << 32 | (uint32_t)l,
	    .size = m->sym[l].len + m->sym[r].len,
	    .id = pair.id,
	});
}

void merge_run(struct merge *m, merge_fn *fn, const void *ctx)
{
	struct heap h = { .v = m->heap };

	for (size_t i = 1; i < m->n_sym; i++)
		try_pair(m, &h, (int32_t)i - 1, (int32_t)i, fn, ctx);
	while (h.n) {
		struct merge_item item = heap_pop(&h);
		int32_t l = (int32_t)(uint32_t)item.order;
		struct merge_sym *left = &m->sym[l];

		/* Either side may be gone or longer by now. */
		if (!left->len || left->next < 0 || left->len + m->sym[left->next].len != item.size)
			continue;
		struct merge_sym *right = &m->sym[left->next];

		left->len = item.size;
		left->id = item.id;
		left->next = right->next;
		right->len = 0;
		if (left->next >= 0)
			m->sym[left->next].prev = l;
		try_pair(m, &h, left->prev, l, fn, ctx);
		try_pair(m, &h, l, left->next, fn, ctx);
	}
}
