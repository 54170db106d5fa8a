/*
 * mem -- memory for small things, which is taken for granted, and big things,
 * which is not.
 *
 * mem_new() and friends never return NULL: when the machine has no room for a
 * few kilobytes the hook main installed says so (after giving the terminal
 * back) and the process ends there.  What grows with a file or a model
 * (weights, cache, scratch) comes from mem_big(), which can fail like any call.
 */
#ifndef ENGINE_BASE_MEM_H
#define ENGINE_BASE_MEM_H

#include <stddef.h>

#include "engine/base/err.h"

void *mem_zalloc(size_t size);
void *mem_array(size_t n, size_t size);         /* zeroed; n * size checked */
void *mem_resize(void *p, size_t n, size_t size);
char *mem_strdup(const char *s);
void *mem_dup(const void *p, size_t size);

/* Zeroed, 64-byte aligned, pages untouched until used (anonymous mmap above a
 * page).  NULL with `e` naming `what` and the size.  n * size is checked. */
void *mem_big(size_t n, size_t size, const char *what, struct err *e) MUST_CHECK;
void mem_big_free(void *p);

/* Called when small memory runs out; must not return.  The default aborts. */
void mem_on_exhausted(void (*hook)(size_t size));

/* True and *out = a * b (or a + b) when it fits in size_t. */
bool mem_mul(size_t a, size_t b, size_t *out) MUST_CHECK;
bool mem_add(size_t a, size_t b, size_t *out) MUST_CHECK;

#endif
