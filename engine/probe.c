#include "engine/probe.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

size_t probe_plan_count(const struct probe_plan *p, int i)
{
	switch (p->probes[i]->axes) {
	case PROBE_SCALAR:
		return 1;
	case PROBE_LAYERS:
		return (size_t)p->n_layers;
	case PROBE_HEADS:
		return (size_t)p->n_layers * (size_t)p->n_heads;
	}
	return 0;
}

struct probe_plan *probe_plan_new(const struct probe *const *probes, int n, const struct hparams *hp)
{
	struct probe_plan *p = mem_zalloc(sizeof *p);

	p->n = n;
	p->n_layers = hp->n_layers;
	p->n_heads = hp->n_heads;
	p->probes = mem_dup(probes, (size_t)n * sizeof(const struct probe *));
	p->offset = mem_array((size_t)n, sizeof *p->offset);
	for (int i = 0; i < n; i++) {
		p->offset[i] = p->n_values;
		p->n_values += probe_plan_count(p, i);
	}
	return p;
}

void probe_plan_free(struct probe_plan *p)
{
	if (!p)
		return;
	free((void *)(uintptr_t)p->probes);
	free(p->offset);
	free(p);
}

int probe_plan_find(const struct probe_plan *p, const char *name)
{
	for (int i = 0; i < p->n; i++)
		if (!strcmp(p->probes[i]->name, name))
			return i;
	return -1;
}
