#include "engine/base/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

struct slot {
	const char *s;          /* NULL: empty */
	uint32_t n;
	uint32_t tag;           /* the upper half of the hash: most misses end here */
	int32_t value;
};

struct table {
	struct slot *slots;     /* a power of two of them, at most 2/3 taken */
	size_t mask, count;
	uint64_t salt;
};

__extension__ typedef unsigned __int128 wide;

/* A 64 x 64 bit product folded onto itself: every input bit reaches every output bit. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	wide p = (wide)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint64_t read8(const char *s)
{
	uint64_t v;

	memcpy(&v, s, 8);
	return v;
}

static uint64_t read4(const char *s)
{
	uint32_t v;

	memcpy(&v, s, 4);
	return v;
}

/* Whole words first, then the last 8 bytes once more with an overlap: no byte loop. */
static uint64_t hash(uint64_t salt, const char *s, size_t n)
{
	uint64_t h = salt ^ n * 0x9e3779b97f4a7c15u, last;
	size_t left = n;

	for (; left > 8; left -= 8, s += 8)
		h = mix(h ^ read8(s), 0xd6e8feb86659fd93u);
	if (n >= 8)
		last = read8(s + left - 8);
	else if (n >= 4)
		last = read4(s) | read4(s + n - 4) << 32;
	else if (n)
		last = (uint64_t)(unsigned char)s[0] | (uint64_t)(unsigned char)s[n / 2] << 8 |
		    (uint64_t)(unsigned char)s[n - 1] << 16;
	else
		last = 0;
	return mix(h ^ last, 0xa0761d6478bd642fu);
}

/* The slot that holds the key, or the empty one where it would go. */
static struct slot *find(const struct table *t, const char *s, size_t n, uint64_t h)
{
	uint32_t tag = (uint32_t)(h >> 32);

	for (size_t i = (size_t)h & t->mask;; i = (i + 1) & t->mask) {
		struct slot *at = &t->slots[i];

		if (!at->s || (at->tag == tag && at->n == n && !memcmp(at->s, s, n)))
			return at;
	}
}

static void make_slots(struct table *t, size_t n_keys)
{
	size_t n = 16;

	while (n - n / 3 <= n_keys)
		n *= 2;
	t->slots = mem_array(n, sizeof *t->slots);
	t->mask = n - 1;
}

struct table *table_new(size_t n_expected)
{
	struct table *t = mem_zalloc(sizeof *t);

	t->salt = mix((uint64_t)(uintptr_t)t, 0x8ebc6af09c88c6e3u);
	make_slots(t, n_expected);
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	free(t->slots);
	free(t);
}

size_t table_count(const struct table *t)
{
	return t->count;
}

static void grow(struct table *t)
{
	struct slot *old = t->slots;
	size_t n_old = t->mask + 1;

	make_slots(t, n_old);
	for (size_t i = 0; i < n_old; i++)
		if (old[i].s)
			*find(t, old[i].s, old[i].n, hash(t->salt, old[i].s, old[i].n)) = old[i];
	free(old);
}

void table_put(struct table *t, const char *s, size_t n, int32_t value)
{
	uint64_t h = hash(t->salt, s, n);
	struct slot *at;

	if (t->count + 1 > t->mask - t->mask / 3)
		grow(t);
	at = find(t, s, n, h);
	if (!at->s) {
		*at = (struct slot){ .s = s, .n = (uint32_t)n, .tag = (uint32_t)(h >> 32) };
		t->count++;
	}
	at->value = value;
}

int32_t table_get(const struct table *t, const char *s, size_t n)
{
	const struct slot *at = find(t, s, n, hash(t->salt, s, n));

	return at->s ? at->value : -1;
}

void table_expect(const struct table *t, const char *s, size_t n)
{
	__builtin_prefetch(&t->slots[(size_t)hash(t->salt, s, n) & t->mask]);
}
