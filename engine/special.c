#include "engine/special.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

/* Real names have 3 to 40 bytes; a longer one would be compared at every byte of a
 * text made to look like it. */
enum { LONGEST_NAME = 512 };

struct name {
	struct gguf_str s;
	int32_t id;
	bool control;
};

struct special {
	struct name *names;             /* sorted by bytes, then by id */
	size_t n;
	bool starts[256];               /* some name starts with this byte */
};

struct hits {
	struct special_hit *v;
	size_t n, room;
};

static int by_bytes(const void *pa, const void *pb)
{
	const struct name *a = pa, *b = pb;
	size_t n = a->s.n < b->s.n ? a->s.n : b->s.n;
	int d = memcmp(a->s.s, b->s.s, n);

	if (d)
		return d;
	if (a->s.n != b->s.n)
		return a->s.n < b->s.n ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

static bool is_special(const struct pieces *p, int v)
{
	return (p->kind[v] == TOKEN_CONTROL || p->kind[v] == TOKEN_USER || p->kind[v] == TOKEN_UNKNOWN) &&
	    p->raw[v].n > 0 && p->raw[v].n <= LONGEST_NAME;
}

struct special *special_new(const struct pieces *p)
{
	struct special *s = mem_zalloc(sizeof *s);
	size_t room = 0;

	for (int v = 0; v < p->n; v++)
		room += is_special(p, v);
	s->names = mem_array(room, sizeof *s->names);
	for (int v = 0; v < p->n; v++) {
		if (!is_special(p, v))
			continue;
		s->names[s->n++] = (struct name){ .s = p->raw[v], .id = v, .control = p->kind[v] != TOKEN_USER };
		s->starts[(unsigned char)*p->raw[v].s] = true;
	}
	qsort(s->names, s->n, sizeof *s->names, by_bytes);
	return s;
}

void special_free(struct special *s)
{
	if (!s)
		return;
	free(s->names);
	free(s);
}

static void add_hit(struct hits *h, size_t at, const struct name *name)
{
	if (h->n == h->room) {
		h->room = h->room ? 2 * h->room : 16;
		h->v = mem_resize(h->v, h->room, sizeof *h->v);
	}
	h->v[h->n++] = (struct special_hit){ .at = at, .n = name->s.n, .id = name->id };
}

/* First name in [lo, hi) whose byte at depth d is not below c; all of them agree before d. */
static size_t lower(const struct special *s, size_t lo, size_t hi, size_t d, int c)
{
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct name *m = &s->names[mid];
		int at = m->s.n > d ? (unsigned char)m->s.s[d] : -1;

		if (at < c)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Whether [at, at + n) touches none of the spans that are plain text. */
static bool is_outside(const struct special_rule *rule, size_t at, size_t n)
{
	size_t lo = 0, hi = rule->n_plain;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (rule->plain[mid].at + rule->plain[mid].n <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == rule->n_plain || rule->plain[lo].at >= at + n;
}

/* Every name that stands at text[at]: the sorted list is narrowed byte by byte. */
static void names_at(const struct special *s, const char *text, size_t n, size_t at, const struct special_rule *rule,
    struct hits *h)
{
	size_t lo = 0, hi = s->n;

	for (size_t d = 0; at + d < n; d++) {
		int c = (unsigned char)text[at + d];

		lo = lower(s, lo, hi, d, c);
		hi = lower(s, lo, hi, d, c + 1);
		if (lo == hi)
			return;
		for (size_t i = lo; i < hi && s->names[i].s.n == d + 1; i++)
			if (!s->names[i].control || (rule->control && is_outside(rule, at, d + 1))) {
				add_hit(h, at, &s->names[i]);
				break;
			}
	}
}

/* Longest first, then by id, then from the left. */
static int by_rank(const void *pa, const void *pb)
{
	const struct special_hit *a = pa, *b = pb;

	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

static int by_place(const void *pa, const void *pb)
{
	const struct special_hit *a = pa, *b = pb;

	return (a->at > b->at) - (a->at < b->at);
}

static bool is_taken(const unsigned char *taken, size_t i)
{
	return taken[i / 8] >> (i % 8) & 1;
}

/* Keeps the hits that no longer one overlaps.  Whoever overlaps a hit and came
 * before it is at least as long, so it covers one of the hit's two ends. */
static void resolve(struct hits *h, size_t n_text)
{
	unsigned char *taken = mem_zalloc(n_text / 8 + 1);
	size_t kept = 0;

	qsort(h->v, h->n, sizeof *h->v, by_rank);
	for (size_t i = 0; i < h->n; i++) {
		struct special_hit hit = h->v[i];

		if (is_taken(taken, hit.at) || is_taken(taken, hit.at + hit.n - 1))
			continue;
		for (size_t b = hit.at; b < hit.at + hit.n; b++)
			taken[b / 8] |= (unsigned char)(1u << b % 8);
		h->v[kept++] = hit;
	}
	h->n = kept;
	qsort(h->v, h->n, sizeof *h->v, by_place);
	free(taken);
}

size_t special_find(const struct special *s, const char *text, size_t n, struct special_rule rule,
    struct special_hit **out)
{
	struct hits h = {0};

	if (s->n)
		for (size_t i = 0; i < n; i++)
			if (s->starts[(unsigned char)text[i]])
				names_at(s, text, n, i, &rule, &h);
	if (h.n)
		resolve(&h, n);
	*out = h.v;
	return h.n;
}
