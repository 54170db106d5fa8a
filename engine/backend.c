#include "engine/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKEND(name) extern const struct backend_def backend_##name;
#include "engine/backends.def"
#undef BACKEND

const struct backend_def *const backends[N_BACKENDS] = {
#define BACKEND(name) [BACKEND_##name] = &backend_##name,
#include "engine/backends.def"
#undef BACKEND
};

static bool open_one(struct backend *b, const struct backend_def *def, const struct backend_options *o, struct err *e)
{
	struct backend_options own = *o;

	if (def != backends[BACKEND_cpu] && o->device_m)
		own.max_m = o->device_m;
	b->def = def;
	b->max_m = own.max_m;
	if (!(b->state = def->open(&own, e)))
		return false;
	def->describe(b->state, b->kernels);
	return true;
}

/* Lets a whole run of tests meet a device. */
static int said_elsewhere(void)
{
	const char *wish = getenv("CLAMPMETER_BACKEND");

	for (int i = 1; wish && i < N_BACKENDS; i++)
		if (!strcmp(wish, backends[i]->name))
			return i;
	return BACKEND_cpu;
}

bool backend_available(int id, struct err *e)
{
	return !backends[id]->available || backends[id]->available(e);
}

bool backend_open(struct backend *b, int id, const struct backend_options *o, struct err *e)
{
	struct err why;

	memset(b, 0, sizeof *b);
	if (id != BACKEND_AUTO)
		return open_one(b, backends[id == BACKEND_UNSAID ? said_elsewhere() : id], o, e);
	for (int i = N_BACKENDS - 1; i > BACKEND_cpu && o->model->file_bytes >= BACKEND_AUTO_BYTES; i--) {
		if (open_one(b, backends[i], o, &why))
			return true;
		/* A machine without a device is nothing to talk about; one that does not work is. */
		if (why.code != ERR_UNSUPPORTED)
			snprintf(b->note, sizeof b->note, "computing on the CPU: %.280s", why.msg);
	}
	return open_one(b, backends[BACKEND_cpu], o, e);
}

void backend_close(struct backend *b)
{
	if (b->state)
		b->def->close(b->state);
	b->state = NULL;
}
