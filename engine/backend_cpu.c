/* cpu: forward.h with a cache and products of its own. */
#include "engine/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

struct cpu {
	struct matmul *mm;
	struct kvcache kv;
	struct forward *forward;
};

static void cpu_close(void *of)
{
	struct cpu *c = of;

	forward_free(c->forward);
	kvcache_free(&c->kv);
	matmul_free(c->mm);
	free(c);
}

static void *cpu_open(const struct backend_options *o, struct err *e)
{
	struct cpu *c = mem_zalloc(sizeof *c);
	const struct hparams *hp = &o->model->hp;

	if (!(c->mm = matmul_new(o->pool, o->exact, e)) ||
	    !kvcache_new(&c->kv, hp->n_layers, o->n_ctx, (size_t)hp->n_kv_heads * (size_t)hp->d_head, e) ||
	    !(c->forward = forward_new(o->model, c->mm, &c->kv, o->max_m, o->exact, o->plan, e))) {
		cpu_close(c);
		return NULL;
	}
	return c;
}

static bool cpu_run(void *of, const struct pass *p, struct err *e)
{
	struct cpu *c = of;

	(void)e;
	forward_run(c->forward, p);
	return true;
}

static const float *cpu_logits(void *of, const struct pass *p, int row0, int n, struct err *e)
{
	struct cpu *c = of;

	(void)e;
	return forward_logits(c->forward, p, row0, n);
}

static const float *cpu_lens(void *of, const float *resid, int n, struct err *e)
{
	struct cpu *c = of;

	(void)e;
	return forward_lens(c->forward, resid, n);
}

static bool cpu_rows(void *of, int pos, int n, float *rows, bool back, struct err *e)
{
	struct cpu *c = of;
	const struct kvcache *kv = &c->kv;
	size_t floats = kv->row * (size_t)n, size = floats * sizeof *rows;

	(void)e;
	for (int l = 0; l < kv->n_layers; l++) {
		float *k = kvcache_k(kv, l, pos), *v = kvcache_v(kv, l, pos);
		float *rk = rows + (size_t)l * 2 * floats, *rv = rk + floats;

		memcpy(back ? k : rk, back ? rk : k, size);
		memcpy(back ? v : rv, back ? rv : v, size);
	}
	return true;
}

static size_t cpu_bytes(const void *of)
{
	const struct cpu *c = of;

	return 2 * sizeof(float) * (size_t)c->kv.n_layers * (size_t)c->kv.n_ctx * c->kv.row + forward_bytes(c->forward);
}

static void cpu_describe(const void *of, char out[BACKEND_TEXT])
{
	(void)of;
	snprintf(out, BACKEND_TEXT, "%s", matmul_kernels());
}

extern const struct backend_def backend_cpu;
const struct backend_def backend_cpu = {
	.name = "cpu", .doc = "this machine's processor",
	.open = cpu_open, .close = cpu_close, .run = cpu_run, .logits = cpu_logits, .lens = cpu_lens, .rows = cpu_rows,
	.bytes = cpu_bytes, .describe = cpu_describe,
};
