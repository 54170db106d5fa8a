/*
 * pool -- workers that share the inside of one step.
 *
 * pool_run() cuts a job into tasks and returns when all are done; the calling
 * thread works too.  Each worker starts on a stretch of neighbouring tasks and
 * helps the others when it is through; who runs what is left to chance, so a task
 * must compute the same bits whoever runs it: cut by output rows, never by the
 * number of workers.  Between jobs workers spin for some 50 microseconds (a
 * decode step holds a hundred jobs) and then sleep on a futex.
 *
 * Owns     its threads, from pool_new() to pool_free()
 * Threads  pool_run() from one thread at a time; jobs do not nest
 */
#ifndef ENGINE_BASE_POOL_H
#define ENGINE_BASE_POOL_H

#include "engine/base/err.h"

struct pool;

/* `task` counts from 0; `worker` is 0 .. pool_size()-1 and names scratch space. */
typedef void pool_fn(void *job, int task, int worker);

/* n_threads counts the caller; 1 starts none.  More than there are cores is
 * allowed here (tests use it) and refused by whoever reads the command line. */
struct pool *pool_new(int n_threads, struct err *e) MUST_CHECK;
void pool_free(struct pool *p);
int pool_size(const struct pool *p);
void pool_run(struct pool *p, pool_fn *fn, void *job, int n_tasks);

/* Cores this process may use (affinity and cgroup quota respected), at least 1. */
int pool_cores(void);

#endif
