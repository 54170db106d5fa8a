#include "analysis/reader.h"

#include <stdlib.h>

#include "engine/base/mem.h"

struct reader {
	struct matmul *mm;
	struct kvcache kv;
	struct forward *forward;
	const struct edit_set *edits;
	int n_prompt;           /* -1: all of it */
	struct pass pass;
};

struct reader *reader_new(const struct model *m, struct pool *pool, bool exact, int n_ctx,
    const struct probe_plan *plan, struct err *e)
{
	struct reader *r = mem_zalloc(sizeof *r);
	size_t row = (size_t)m->hp.n_kv_heads * (size_t)m->hp.d_head;

	r->edits = edit_set_empty();
	r->n_prompt = -1;
	if (!(r->mm = matmul_new(pool, exact, e)) || !kvcache_new(&r->kv, m->hp.n_layers, n_ctx, row, e) ||
	    !(r->forward = forward_new(m, r->mm, &r->kv, n_ctx < READER_PIECE ? n_ctx : READER_PIECE, exact, plan, e))) {
		reader_free(r);
		return NULL;
	}
	return r;
}

void reader_free(struct reader *r)
{
	if (!r)
		return;
	forward_free(r->forward);
	kvcache_free(&r->kv);
	matmul_free(r->mm);
	edit_set_unref(r->edits);
	free(r);
}

void reader_edits(struct reader *r, const struct edit_set *edits, int n_prompt)
{
	edit_set_unref(r->edits);
	r->edits = edit_set_ref(edits);
	r->n_prompt = n_prompt;
}

void reader_read(struct reader *r, const int32_t *tokens, int m, int pos0, const struct onlooker *o, struct step **steps)
{
	r->pass = (struct pass){ .tokens = tokens, .m = m, .pos0 = pos0, .n_prompt = r->n_prompt < 0 ? pos0 + m : r->n_prompt,
	    .edits = r->edits,
	    .steps = steps, .onlooker = o };
	forward_run(r->forward, &r->pass);
}

const float *reader_logits(struct reader *r, int row0, int n)
{
	return forward_logits(r->forward, &r->pass, row0, n);
}
