#include "engine/machine.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

#include "engine/base/mem.h"

enum {
	TASK = 1 << 20,                 /* bytes of one task */
	STREAMS = 4,                    /* places a task reads at once, as the kernels do */
	LANES = 8,
};

struct reading_job {
	const unsigned char *data;
	uint64_t *sums;                 /* [n_tasks]: so that the reads are not for nothing */
};

static void read_task(void *arg, int task, int worker)
{
	const struct reading_job *job = arg;
	const unsigned char *at = job->data + (size_t)task * TASK;
	uint64_t sum[STREAMS][LANES] = {{0}}, total = 0;

	(void)worker;
	for (size_t i = 0; i < TASK / STREAMS; i += sizeof sum[0])
		for (size_t s = 0; s < STREAMS; s++) {
			uint64_t v[LANES];
			const unsigned char *p = at + s * (TASK / STREAMS) + i;
			__builtin_prefetch(p + 2048);
			memcpy(v, p, sizeof v);
			for (int l = 0; l < LANES; l++)
				sum[s][l] += v[l];
		}
	for (int s = 0; s < STREAMS; s++)
		for (int l = 0; l < LANES; l++)
			total += sum[s][l];
	job->sums[task] = total;
}

static void touch_task(void *arg, int task, int worker)
{
	const struct reading_job *job = arg;

	(void)worker;
	memset((unsigned char *)job->data + (size_t)task * TASK, task & 255, TASK);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

double machine_read_gbs(struct pool *p, size_t bytes, int passes, struct err *e)
{
	size_t n_tasks = bytes / TASK ? bytes / TASK : 1;
	unsigned char *data = mem_big(n_tasks, TASK, "measuring memory", e);
	uint64_t *sums = mem_big(n_tasks, sizeof *sums, "measuring memory", e);
	struct reading_job job = {.data = data, .sums = sums};
	double best = 0;

	if (data && sums) {
		pool_run(p, touch_task, &job, (int)n_tasks);
		for (int i = 0; i < passes; i++) {
			double start = seconds();
			pool_run(p, read_task, &job, (int)n_tasks);
			double rate = (double)(n_tasks * TASK) / (seconds() - start) * 1e-9;
			best = rate > best ? rate : best;
		}
	}
	mem_big_free(sums);
	mem_big_free(data);
	return best;
}
