/*
 * table -- from bytes to a number, for vocabularies.
 *
 * Open addressing over views: the table keeps the pointers it is given and
 * copies nothing, so building one over 150,000 pieces is a few milliseconds.
 * The hash is salted with the table's own address, since the keys come from
 * files that may have been made to collide.
 *
 * Owns     its slots; the key bytes belong to the caller and must outlive it
 * Threads  any number of readers once nobody puts
 */
#ifndef ENGINE_BASE_TABLE_H
#define ENGINE_BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table;

/* Room for n_expected keys; more make it grow. */
struct table *table_new(size_t n_expected);
void table_free(struct table *t);
size_t table_count(const struct table *t);

/* A key that is there already gets the new value.  value >= 0; n < 2^32. */
void table_put(struct table *t, const char *s, size_t n, int32_t value);
/* -1 when absent. */
int32_t table_get(const struct table *t, const char *s, size_t n);
/* The key will be put or asked for soon: its slot starts on its way to the cache.  Said
 * eight keys ahead, filling a large table takes half the time. */
void table_expect(const struct table *t, const char *s, size_t n);

#endif
