#include "engine/kvcache.h"

#include <assert.h>
#include <string.h>

#include "engine/base/mem.h"

bool kvcache_new(struct kvcache *kv, int n_layers, int n_ctx, size_t row, struct err *e)
{
	size_t n;

	memset(kv, 0, sizeof *kv);
	if (!mem_mul((size_t)n_layers * (size_t)n_ctx, row, &n))
		return err_set(e, ERR_RUN, "a KV cache of %d positions is more than can be addressed", n_ctx);
	kv->k = mem_big(n, sizeof *kv->k, "KV cache (keys)", e);
	kv->v = kv->k ? mem_big(n, sizeof *kv->v, "KV cache (values)", e) : NULL;
	if (!kv->v) {
		kvcache_free(kv);
		return false;
	}
	kv->n_layers = n_layers;
	kv->n_ctx = n_ctx;
	kv->row = row;
	return true;
}

void kvcache_free(struct kvcache *kv)
{
	mem_big_free(kv->v);
	mem_big_free(kv->k);
	memset(kv, 0, sizeof *kv);
}

static size_t at(const struct kvcache *kv, int l, int pos)
{
	assert(l >= 0 && l < kv->n_layers && pos >= 0 && pos < kv->n_ctx);
	return ((size_t)l * (size_t)kv->n_ctx + (size_t)pos) * kv->row;
}

float *kvcache_k(const struct kvcache *kv, int l, int pos)
{
	return kv->k + at(kv, l, pos);
}

float *kvcache_v(const struct kvcache *kv, int l, int pos)
{
	return kv->v + at(kv, l, pos);
}
