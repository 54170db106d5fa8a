#include "engine/machine.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

#include "engine/base/mem.h"

enum {
	TASK = 1 << 20,                 /* bytes of one task */
	STRETCH = 32,                   /* tasks timed together: short enough for a quiet moment */
	MANY_STREAMS = 4,
	LANES = 8,
};

struct reading_job {
	unsigned char *data;
	uint64_t *sums;                 /* [n_tasks]: so that the reads are not for nothing */
	size_t n_streams;               /* places read at once: which number is best differs by machine */
	size_t first;                   /* task the stretch begins with */
};

static uint64_t read_streams(const unsigned char *at, size_t n_streams)
{
	uint64_t sum[MANY_STREAMS][LANES] = {{0}}, total = 0;

	for (size_t i = 0; i < TASK / n_streams; i += sizeof sum[0])
		for (size_t s = 0; s < n_streams; s++) {
			uint64_t v[LANES];
			memcpy(v, at + s * (TASK / n_streams) + i, sizeof v);
			for (int l = 0; l < LANES; l++)
				sum[s][l] += v[l];
		}
	for (int s = 0; s < MANY_STREAMS; s++)
		for (int l = 0; l < LANES; l++)
			total += sum[s][l];
	return total;
}

static void read_task(void *arg, int task, int worker)
{
	const struct reading_job *job = arg;
	size_t t = job->first + (size_t)task;
	const unsigned char *at = job->data + t * TASK;

	(void)worker;
	job->sums[t] = job->n_streams == 1 ? read_streams(at, 1) : read_streams(at, MANY_STREAMS);
}

static void touch_task(void *arg, int task, int worker)
{
	const struct reading_job *job = arg;

	(void)worker;
	memset(job->data + (size_t)task * TASK, task & 255, TASK);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* GB/s of the fastest stretch of one pass. */
static double read_once(struct pool *p, struct reading_job *job, size_t n_tasks)
{
	double best = 0;

	for (job->first = 0; job->first < n_tasks; job->first += STRETCH) {
		size_t n = n_tasks - job->first < STRETCH ? n_tasks - job->first : STRETCH;
		double start = seconds();
		pool_run(p, read_task, job, (int)n);
		double rate = (double)(n * TASK) / (seconds() - start) * 1e-9;
		best = rate > best ? rate : best;
	}
	return best;
}

double machine_read_gbs(struct pool *p, size_t bytes, int passes, struct err *e)
{
	size_t n_tasks = bytes / TASK ? bytes / TASK : 1;
	struct reading_job job = {
	    .data = mem_big(n_tasks, TASK, "measuring memory", e),
	    .sums = mem_big(n_tasks, sizeof *job.sums, "measuring memory", e),
	};
	double best = 0;

	if (job.data && job.sums) {
		pool_run(p, touch_task, &job, (int)n_tasks);
		for (int i = 0; i < passes; i++) {
			job.n_streams = i % 2 ? MANY_STREAMS : 1;
			double rate = read_once(p, &job, n_tasks);
			best = rate > best ? rate : best;
		}
	}
	mem_big_free(job.sums);
	mem_big_free(job.data);
	return best;
}
