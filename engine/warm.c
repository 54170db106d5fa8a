#include "engine/warm.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/base/mem.h"

enum { PIECE = 8 << 20 };       /* asked of the disk at once */

struct warm {
	const struct model *m;
	size_t page, of;
	pthread_t thread;
	atomic_bool stop, works;
	atomic_size_t done;
	volatile unsigned char seen;    /* keeps the reads from being left out */
};

/* One byte of every page; the mapping brings the rest. */
static void bring(struct warm *w, const unsigned char *p, size_t n)
{
	uintptr_t from = (uintptr_t)p & ~(uintptr_t)(w->page - 1);
	unsigned char sum = 0;

	posix_madvise((void *)from, (uintptr_t)p + n - from, POSIX_MADV_WILLNEED);
	for (size_t i = 0; i < n; i += w->page)
		sum ^= p[i];
	w->seen = sum;
}

static void *run(void *of)
{
	struct warm *w = of;

	for (size_t i = 0; i < w->m->dir->n && !atomic_load(&w->stop); i++) {
		const struct tensor *t = &w->m->dir->t[i];
		size_t bytes = tensor_bytes(t);

		for (size_t at = 0; at < bytes && !atomic_load(&w->stop); at += PIECE) {
			size_t n = bytes - at < PIECE ? bytes - at : PIECE;

			bring(w, t->data + at, n);
			atomic_fetch_add(&w->done, n);
		}
	}
	atomic_store(&w->works, false);
	return NULL;
}

static bool too_big(size_t bytes)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	return pages > 0 && size > 0 && bytes > (size_t)pages / 5 * 4 * (size_t)size;
}

struct warm *warm_start(const struct model *m)
{
	struct warm *w;

	if (m->in_memory || too_big(m->file_bytes))
		return NULL;
	w = mem_zalloc(sizeof *w);
	w->m = m;
	w->page = (size_t)sysconf(_SC_PAGESIZE);
	for (size_t i = 0; i < m->dir->n; i++)
		w->of += tensor_bytes(&m->dir->t[i]);
	atomic_init(&w->works, true);
	if (pthread_create(&w->thread, NULL, run, w)) {
		free(w);
		return NULL;
	}
	return w;
}

void warm_free(struct warm *w)
{
	if (!w)
		return;
	atomic_store(&w->stop, true);
	pthread_join(w->thread, NULL);
	free(w);
}

struct warm_state warm_now(const struct warm *w)
{
	if (!w)
		return (struct warm_state){ .works = false };
	return (struct warm_state){ .done = atomic_load(&w->done), .of = w->of, .works = atomic_load(&w->works) };
}
