/* chain -- what sampler.h keeps closed, for the two files that run and parse it. */
#ifndef ENGINE_CHAIN_H
#define ENGINE_CHAIN_H

#include <stdatomic.h>

#include "engine/sampler.h"
#include "engine/step.h"

struct stage {
	const struct sampler_def *def;
	char *text;             /* the "quoted" parameter; NULL: none */
	double params[SAMPLER_MAX_PARAMS];
	void *data;             /* made by def->prepare() from the text */
};

struct chain {
	atomic_int refs;
	uint32_t revision;
	bool only_shown;        /* texts were not looked at: it cannot run */
	char *text;
	int n;
	struct stage stage[STEP_STAGES];
};

#endif
