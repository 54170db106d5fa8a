#ifndef _GNU_SOURCE
#define _GNU_SOURCE                     /* sched_getaffinity, CPU_COUNT */
#endif
#include "engine/base/pool.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/mem.h"

/*
 * DESIGN.  Every worker has a range of tasks that follow each other, takes them
 * from the front, and when it has none left steals from the back of the others:
 * so each reads memory in order, and nobody waits for a slow one.  Taking a task
 * is the only licence to read the job: pool_run() does not return (and so does
 * not change the job) before every task taken is counted in `done`.  A worker
 * that wakes late finds either tasks of a live job or nothing.
 */
enum {
	SPIN_NS = 60 * 1000,            /* longer than the caller's pauses inside a step */
	PATIENT_NS = 5 * 1000,          /* from here on every look at the counter also yields */
	PAUSES = 16,                    /* between two looks at the clock */
	LINE = 64,
};

/* Tasks [front, end) as end << 32 | front, so that both move in one exchange. */
struct range {
	_Alignas(LINE) _Atomic(uint64_t) tasks;
};

struct worker {
	struct pool *pool;
	pthread_t thread;
	int id;
};

struct pool {
	_Alignas(LINE) atomic_uint epoch;       /* counts jobs: what idle workers look at */
	atomic_bool stop;
	_Alignas(LINE) atomic_int done;
	_Alignas(LINE) atomic_int sleepers;
	_Alignas(LINE) pool_fn *fn;
	void *job;
	int n_tasks;
	int n_threads, n_started;
	struct worker *workers;         /* [n_threads - 1] */
	struct range *ranges;           /* [n_threads] */
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

static uint64_t pack(uint32_t front, uint32_t end)
{
	return (uint64_t)end << 32 | front;
}

/* A task from the front (of one's own range) or the back (of another's); -1 when it is empty. */
static int take(struct range *r, bool own)
{
	uint64_t tasks = atomic_load_explicit(&r->tasks, memory_order_relaxed);

	for (;;) {
		uint32_t front = (uint32_t)tasks, end = (uint32_t)(tasks >> 32);
		if (front >= end)
			return -1;
		uint64_t less = own ? pack(front + 1, end) : pack(front, end - 1);
		if (atomic_compare_exchange_weak_explicit(&r->tasks, &tasks, less, memory_order_acquire,
			memory_order_relaxed))
			return own ? (int)front : (int)end - 1;
	}
}

static void work(struct pool *p, int worker)
{
	int taken = 0, task;

	for (int i = 0; i < p->n_threads;) {
		struct range *r = &p->ranges[(worker + i) % p->n_threads];
		if ((task = take(r, i == 0)) < 0) {
			i++;
			continue;
		}
		p->fn(p->job, task, worker);
		taken++;
	}
	if (taken)
		atomic_fetch_add_explicit(&p->done, taken, memory_order_release);
}

static bool called(struct pool *p, unsigned seen)
{
	return atomic_load(&p->epoch) != seen || atomic_load_explicit(&p->stop, memory_order_relaxed);
}

/* Spins until there may be something to do; false when it has been too long. */
static bool spin(struct pool *p, unsigned seen)
{
	int64_t start = 0;

	for (;;) {
		for (int i = 0; i < PAUSES; i++) {
			if (called(p, seen))
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

static void sleep_until_called(struct pool *p, unsigned seen)
{
	pthread_mutex_lock(&p->lock);
	atomic_fetch_add(&p->sleepers, 1);
	/* Sequentially consistent on both sides: either called() sees the job or
	 * pool_run() sees the sleeper. */
	while (!called(p, seen))
		pthread_cond_wait(&p->wake, &p->lock);
	atomic_fetch_sub(&p->sleepers, 1);
	pthread_mutex_unlock(&p->lock);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;
	unsigned seen = 0;

	while (!atomic_load_explicit(&p->stop, memory_order_acquire)) {
		if (!spin(p, seen))
			sleep_until_called(p, seen);
		seen = atomic_load(&p->epoch);
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
	int looks = 0, n = p->n_threads;

	if (n_tasks <= 1 || n == 1) {
		for (int i = 0; i < n_tasks; i++)
			fn(job, i, 0);
		return;
	}
	p->fn = fn;
	p->job = job;
	p->n_tasks = n_tasks;
	atomic_store_explicit(&p->done, 0, memory_order_relaxed);
	for (int i = 0; i < n; i++)
		atomic_store_explicit(&p->ranges[i].tasks, pack((uint32_t)((int64_t)n_tasks * i / n),
		    (uint32_t)((int64_t)n_tasks * (i + 1) / n)), memory_order_release);
	atomic_fetch_add(&p->epoch, 1);
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
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	p->workers = mem_array((size_t)n_threads, sizeof *p->workers);
	if (!(p->ranges = mem_big((size_t)n_threads, sizeof *p->ranges, "thread pool", e)))
		goto fail;
	for (int i = 1; i < n_threads; i++) {
		struct worker *w = &p->workers[i - 1];
		*w = (struct worker){.pool = p, .id = i};
		int rc = pthread_create(&w->thread, NULL, worker_main, w);
		if (rc) {
			err_set(e, ERR_RUN, "starting thread %d of %d: %s", i + 1, n_threads, strerror(rc));
			goto fail;
		}
		p->n_started = i;
	}
	return p;
fail:
	pool_free(p);
	return NULL;
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
	mem_big_free(p->ranges);
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
