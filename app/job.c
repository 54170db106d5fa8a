#include "app/job.h"

#include <string.h>

const struct job jobs[N_JOBS] = {
#define JOB(id, a, d, m) \
	[JOB_##id] = {.name = JOB_##id == JOB_meter ? "" : #id, .args = a, .doc = d, .more = m, .run = job_##id},
#include "app/jobs.def"
};

int job_find(const char *word)
{
	for (int i = JOB_meter + 1; i < N_JOBS; i++)
		if (!strcmp(jobs[i].name, word))
			return i;
	return -1;
}
