#ifndef _GNU_SOURCE
#define _GNU_SOURCE                     /* sched_getaffinity, CPU_COUNT */
#endif
#include "engine/base/pool.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/mem.h"

/*
 * DESIGN.  `left` is the whole protocol: the number of tasks nobody has taken.
 * Whoever lowers it from r to r - 1 owns task n_tasks - r.  The fields of a job
 * are read only after a task is owned, and pool_run() does not return (so the
 * fields do not change) before that task is counted in `done`; a worker that
 * wakes late therefore finds either a live job or nothing to take.
 */
enum {
	SPIN_NS = 60 * 1000,            /* longer than the caller's pauses inside a step */
	PATIENT_NS = 5 * 1000,          /* from here on every look at the counter also yields */
	PAUSES = 16,                    /* between two looks at the clock */
	LINE = 64,
};

struct worker {
	struct pool *pool;
	pthread_t thread;
	int id;
};

struct pool {
	_Alignas(LINE) atomic_int left;
	_Alignas(LINE) atomic_int done;
	_Alignas(LINE) atomic_int sleepers;
	atomic_bool stop;
	_Alignas(LINE) pool_fn *fn;
	void *job;
	int n_tasks;
	int n_threads, n_started;
	struct worker *workers;         /* [n_threads - 1] */
	pthread_mutex_t lock;
	pthread_cond_t wake;
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* The machine's clock, not clock_ns(): a test may have stopped that one. */
static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Takes tasks until there are none; the number taken. */
static int work(struct pool *p, int worker)
{
	int taken = 0, left = atomic_load_explicit(&p->left, memory_order_relaxed);

	while (left > 0) {
		if (!atomic_compare_exchange_weak_explicit(&p->left, &left, left - 1, memory_order_acquire,
			memory_order_relaxed))
			continue;
		p->fn(p->job, p->n_tasks - left, worker);
		taken++;
		left = atomic_load_explicit(&p->left, memory_order_relaxed);
	}
	if (taken)
		atomic_fetch_add_explicit(&p->done, taken, memory_order_release);
	return taken;
}

/* Spins until there may be something to do; false when it has been too long. */
static bool spin(struct pool *p)
{
	int64_t start = 0;

	for (;;) {
		for (int i = 0; i < PAUSES; i++) {
			if (atomic_load_explicit(&p->left, memory_order_relaxed) > 0 ||
			    atomic_load_explicit(&p->stop, memory_order_relaxed))
				return true;
			relax();
		}
		int64_t now = now_ns();
		if (!start)
			start = now;
		if (now - start > SPIN_NS)
			return false;
		if (now - start > PATIENT_NS)
			sched_yield();
	}
}

static void sleep_until_called(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	atomic_fetch_add(&p->sleepers, 1);
	/* Sequentially consistent on both sides: either this load sees the job or
	 * pool_run() sees the sleeper. */
	while (atomic_load(&p->left) == 0 && !atomic_load(&p->stop))
		pthread_cond_wait(&p->wake, &p->lock);
	atomic_fetch_sub(&p->sleepers, 1);
	pthread_mutex_unlock(&p->lock);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;

	while (!atomic_load_explicit(&p->stop, memory_order_acquire)) {
		if (!spin(p))
			sleep_until_called(p);
		work(p, w->id);
	}
	return NULL;
}

static void wake_sleepers(struct pool *p)
{
	if (!atomic_load(&p->sleepers))
		return;
	pthread_mutex_lock(&p->lock);
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

void pool_run(struct pool *p, pool_fn *fn, void *job, int n_tasks)
{
	int looks = 0;

	if (n_tasks <= 1 || p->n_threads == 1) {
		for (int i = 0; i < n_tasks; i++)
			fn(job, i, 0);
		return;
	}
	p->fn = fn;
	p->job = job;
	p->n_tasks = n_tasks;
	atomic_store_explicit(&p->done, 0, memory_order_relaxed);
	atomic_store(&p->left, n_tasks);
	wake_sleepers(p);
	work(p, 0);
	/* A worker that was preempted inside a task needs a core to finish it. */
	while (atomic_load_explicit(&p->done, memory_order_acquire) < n_tasks) {
		relax();
		if (++looks > 256)
			sched_yield();
	}
}

struct pool *pool_new(int n_threads, struct err *e)
{
	struct pool *p;

	if (n_threads < 1) {
		err_set(e, ERR_USAGE, "%d threads: at least 1 is needed", n_threads);
		return NULL;
	}
	if (!(p = mem_big(1, sizeof *p, "thread pool", e)))
		return NULL;
	p->n_threads = n_threads;
	p->workers = mem_array((size_t)n_threads, sizeof *p->workers);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	for (int i = 1; i < n_threads; i++) {
		struct worker *w = &p->workers[i - 1];
		*w = (struct worker){.pool = p, .id = i};
		int rc = pthread_create(&w->thread, NULL, worker_main, w);
		if (rc) {
			err_set(e, ERR_RUN, "starting thread %d of %d: %s", i + 1, n_threads, strerror(rc));
			pool_free(p);
			return NULL;
		}
		p->n_started = i;
	}
	return p;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	atomic_store(&p->stop, true);
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->n_started; i++)
		pthread_join(p->workers[i].thread, NULL);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p->workers);
	mem_big_free(p);
}

int pool_size(const struct pool *p)
{
	return p->n_threads;
}

/* "200000 100000" is two cores, "max 100000" no limit; 0 when unlimited or unreadable. */
static double quota_of(const char *dir)
{
	char path[PATH_MAX + 16], quota[32];
	double period = 0, cores = 0;
	FILE *f;

	if (snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", dir) >= (int)sizeof path)
		return 0;
	if (!(f = fopen(path, "r")))
		return 0;
	if (fscanf(f, "%31s %lf", quota, &period) == 2 && strcmp(quota, "max") && period > 0)
		cores = atof(quota) / period;
	fclose(f);
	return cores;
}

/* The tightest quota from our control group up to the root; 0 when there is none. */
static double cgroup_cores(void)
{
	char line[PATH_MAX] = "", *dir = NULL;
	double least = 0;
	FILE *f = fopen("/proc/self/cgroup", "r");

	if (!f)
		return 0;
	while (!dir && fgets(line, sizeof line, f))
		if (!strncmp(line, "0::", 3))
			dir = line + 3;
	fclose(f);
	if (!dir)
		return 0;
	dir[strcspn(dir, "\n")] = '\0';
	for (;;) {
		double q = quota_of(dir);
		if (q > 0 && (least == 0 || q < least))
			least = q;
		char *slash = strrchr(dir, '/');
		if (!slash)
			return least;
		*slash = '\0';
	}
}

int pool_cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	double quota = cgroup_cores();
#if defined(__linux__)
	cpu_set_t set;

	if (!sched_getaffinity(0, sizeof set, &set) && CPU_COUNT(&set) > 0)
		n = CPU_COUNT(&set);
#endif
	if (quota > 0 && quota < (double)n)
		n = (long)quota;
	return n < 1 ? 1 : (int)n;
}
