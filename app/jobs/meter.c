/*
 * meter -- the interactive screen on a model; without a terminal, what `run' does.
 */
#include <unistd.h>

#include "app/job.h"

bool job_meter(const struct options *o, struct err *e)
{
	if (!isatty(STDOUT_FILENO))
		return job_run(o, e);
	return err_set(e, ERR_UNSUPPORTED, "this build has no screen; see clampmeter run");
}
