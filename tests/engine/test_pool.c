/* threaded test */
#include "tests/test.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "engine/base/pool.h"

enum { MAX_TASKS = 1000 };

struct tally {
	int hits[MAX_TASKS];            /* plain: each belongs to one task */
	atomic_int bad_worker;
	int n_workers;
};

static void count(void *job, int task, int worker)
{
	struct tally *t = job;

	t->hits[task]++;
	if (worker < 0 || worker >= t->n_workers)
		t->bad_worker++;
}

static void every_task_runs_exactly_once_for_any_number_of_threads(void **state)
{
	static const int sizes[] = {0, 1, 2, 3, 7, 64, MAX_TASKS};
	struct err e = {0};

	(void)state;
	for (int threads = 1; threads <= 5; threads++) {
		struct pool *p = pool_new(threads, &e);
		CHECK(p);
		CHECK_INT(pool_size(p), threads);
		for (int round = 0; round < 20; round++) {
			for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
				struct tally t = {.n_workers = threads};
				pool_run(p, count, &t, sizes[s]);
				for (int i = 0; i < MAX_TASKS; i++)
					CHECK_INT(t.hits[i], i < sizes[s]);
				CHECK_INT(t.bad_worker, 0);
			}
		}
		pool_free(p);
	}
}

static void add_up(void *job, int task, int worker)
{
	(void)worker;
	((long *)job)[task] = (long)task * task;
}

static void what_tasks_write_is_seen_by_the_caller(void **state)
{
	struct err e = {0};
	struct pool *p = pool_new(3, &e);
	long squares[50];

	(void)state;
	CHECK(p);
	for (int round = 0; round < 2000; round++) {
		int n = 2 + round % 49;
		memset(squares, 0, sizeof squares);
		pool_run(p, add_up, squares, n);
		for (int i = 0; i < n; i++)
			assert_true(squares[i] == (long)i * i);
	}
	pool_free(p);
}

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static double wall_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void nothing(void *job, int task, int worker)
{
	(void)job, (void)task, (void)worker;
}

static void idle_workers_go_to_sleep_and_wake_again(void **state)
{
	struct err e = {0};
	struct pool *p = pool_new(3, &e);
	struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};

	(void)state;
	CHECK(p);
	pool_run(p, nothing, NULL, 8);
	double cpu = cpu_seconds(), wall = wall_seconds();
	nanosleep(&pause, NULL);        /* the thing measured is what happens meanwhile */
	cpu = cpu_seconds() - cpu;
	wall = wall_seconds() - wall;
	CHECK(cpu < wall * 0.5);
	struct tally t = {.n_workers = 3};
	pool_run(p, count, &t, 100);
	for (int i = 0; i < 100; i++)
		CHECK_INT(t.hits[i], 1);
	pool_free(p);
}

static void no_threads_is_an_error_in_words(void **state)
{
	struct err e = {0};

	(void)state;
	CHECK(!pool_new(0, &e));
	CHECK_INT(e.code, ERR_USAGE);
	CHECK(e.msg[0]);
	pool_free(NULL);
}

static void there_is_at_least_one_core(void **state)
{
	(void)state;
	CHECK(pool_cores() >= 1 && pool_cores() < 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_task_runs_exactly_once_for_any_number_of_threads),
	    TEST(what_tasks_write_is_seen_by_the_caller),
	    TEST(idle_workers_go_to_sleep_and_wake_again),
	    TEST(no_threads_is_an_error_in_words),
	    TEST(there_is_at_least_one_core),
	};
	return RUN(tests);
}
