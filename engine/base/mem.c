#include "engine/base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { BIG_HEAD = 64 };         /* keeps the length in front, and the alignment */

static void (*exhausted)(size_t size);

void mem_on_exhausted(void (*hook)(size_t size))
{
	exhausted = hook;
}

static void *must(void *p, size_t size)
{
	if (!p) {
		if (exhausted)
			exhausted(size);
		__builtin_trap();
	}
	return p;
}

bool mem_mul(size_t a, size_t b, size_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

bool mem_add(size_t a, size_t b, size_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

void *mem_zalloc(size_t size)
{
	return must(calloc(1, size ? size : 1), size);
}

void *mem_array(size_t n, size_t size)
{
	return must(calloc(n ? n : 1, size ? size : 1), n);
}

void *mem_resize(void *p, size_t n, size_t size)
{
	size_t bytes;

	return must(mem_mul(n, size, &bytes) ? realloc(p, bytes ? bytes : 1) : NULL, n);
}

void *mem_dup(const void *p, size_t size)
{
	void *copy = mem_zalloc(size);

	return size ? memcpy(copy, p, size) : copy;
}

char *mem_strdup(const char *s)
{
	return mem_dup(s, strlen(s) + 1);
}

void *mem_big(size_t n, size_t size, const char *what, struct err *e)
{
	size_t bytes;
	char *p;

	if (!mem_mul(n, size, &bytes) || !mem_add(bytes, BIG_HEAD, &bytes)) {
		err_set(e, ERR_RUN, "%s: %zu x %zu bytes is more than can be addressed", what, n, size);
		return NULL;
	}
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		err_set(e, ERR_RUN, "%s: no memory for %zu MiB", what, bytes >> 20);
		return NULL;
	}
	memcpy(p, &bytes, sizeof bytes);
	return p + BIG_HEAD;
}

void mem_big_free(void *p)
{
	size_t bytes;

	if (!p)
		return;
	p = (char *)p - BIG_HEAD;
	memcpy(&bytes, p, sizeof bytes);
	munmap(p, bytes);
}
