#include "engine/machine.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/mem.h"

enum {
	CHUNK = 1 << 20,        /* bytes of a task: long against the hand-out, short against the buffer */
	STREAMS = 4,
	WORDS = CHUNK / STREAMS / 8,
};

struct job {
	const uint64_t *data;
	uint64_t *sums;         /* [tasks], so that the reading is not optimised away */
};

static void task(void *arg, int task, int worker)
{
	struct job *j = arg;
	const uint64_t *a = j->data + (size_t)task * (CHUNK / 8);
	const uint64_t *b = a + WORDS, *c = b + WORDS, *d = c + WORDS;
	uint64_t sum = 0;

	(void)worker;
	for (size_t i = 0; i < WORDS; i++)
		sum += (a[i] + b[i]) ^ (c[i] + d[i]);
	j->sums[task] = sum;
}

double machine_read_speed(struct pool *p, size_t bytes, int rounds)
{
	size_t n_tasks = bytes / CHUNK ? bytes / CHUNK : 1;
	struct err e = {.code = ERR_NONE};
	struct job j = {.data = NULL};
	double best = (double)NAN;
	uint64_t *data = mem_big(n_tasks, CHUNK, "buffer to measure memory with", &e);

	if (!data)
		return best;
	memset(data, 1, n_tasks * CHUNK);
	j.data = data;
	j.sums = mem_array(n_tasks, sizeof *j.sums);
	for (int i = 0; i < rounds; i++) {
		uint64_t start = clock_ns();
		double speed;

		pool_run(p, task, &j, (int)n_tasks);
		speed = (double)(n_tasks * CHUNK) * 1e9 / (double)(clock_ns() - start);
		best = speed > best || isnan(best) ? speed : best;
	}
	free(j.sums);
	mem_big_free(data);
	return best;
}

/* The value of "KEY: value" in one of the system's text files. */
static bool find_value(const char *path, const char *key, char *out, size_t room)
{
	FILE *f = fopen(path, "r");
	char line[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof line, f)) {
		const char *value = strchr(line, ':');

		if (strncmp(line, key, strlen(key)) || !value)
			continue;
		value += 1 + strspn(value + 1, " \t");
		snprintf(out, room, "%.*s", (int)strcspn(value, "\n"), value);
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

size_t machine_peak_memory(void)
{
	char text[64];
	unsigned long kb = 0;

	if (find_value("/proc/self/status", "VmHWM", text, sizeof text) && sscanf(text, "%lu kB", &kb) != 1)
		kb = 0;
	return (size_t)kb * 1024;
}

const char *machine_processor(char *out, size_t room)
{
	if (!find_value("/proc/cpuinfo", "model name", out, room))
		snprintf(out, room, "%s", "");
	return out;
}
