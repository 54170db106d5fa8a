/* chain -- what sampler.h keeps closed, for the two files that run and parse it. */
#ifndef ENGINE_CHAIN_H
#define ENGINE_CHAIN_H

#include <stdatomic.h>

#include "engine/sampler.h"
#include "engine/step.h"

struct stage {
	const struct sampler_def *def;
	double params[SAMPLER_MAX_PARAMS];
};

struct chain {
	atomic_int refs;
	uint32_t revision;
	char *text;
	int n;
	struct stage stage[STEP_STAGES];
};

#endif
