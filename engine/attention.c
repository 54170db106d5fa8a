#include "engine/attention.h"

#include <string.h>

#include "engine/base/mem.h"
#include "engine/kernels.h"

bool attention_new(struct attention *a, const struct hparams *hp, struct pool *pool, struct kvcache *kv,
    struct err *e)
{
	memset(a, 0, sizeof *a);
	a->hp = hp;
	a->pool = pool;
	a->kv = kv;
	a->max_rows = ATTENTION_ROWS;
	a->ld = ((size_t)kv->n_ctx + 15) & ~(size_t)15;
	/* Per row: scores, the gathered query, the mixed value. */
	a->per_worker = (size_t)a->max_rows * (a->ld + 2 * (size_t)hp->d_head);
	a->per_worker = (a->per_worker + 15) & ~(size_t)15;
	a->scratch = mem_big(a->per_worker * (size_t)pool_size(pool), sizeof(float), "attention scratch", e);
	return a->scratch != NULL;
}

void attention_free(struct attention *a)
{
	mem_big_free(a->scratch);
	memset(a, 0, sizeof *a);
}

size_t attention_bytes(const struct attention *a)
{
	return a->per_worker * (size_t)pool_size(a->pool) * sizeof(float);
}

struct job {
	const struct attention *a;
	const struct attention_pass *p;
	int heads;              /* of one key head, in a task */
	int parts;              /* tasks a key head's group is cut into */
	int queries;            /* positions in a task */
};

static void show(const struct job *job, int j, int first, int rows, const float *probs, size_t ld,
    const struct softmax_stats *st)
{
	const struct attention_pass *p = job->p;

	if (p->capture && j == 0)
		for (int h = 0; h < rows; h++)
			memcpy(p->capture + (size_t)(first + h) * (size_t)(p->pos0 + 1), probs + (size_t)h * ld,
			    (size_t)(p->pos0 + 1) * sizeof *probs);
	if (!p->steps || !p->plan)
		return;
	for (int i = 0; i < p->plan->n; i++) {
		const struct probe *probe = p->plan->probes[i];
		struct site_view at = { .site = SITE_attn_probs, .layer = p->layer, .pos = p->pos0 + j,
		    .first = first, .rows = rows, .cols = p->pos0 + j + 1, .stride = ld, .data = probs, .softmax = st };

		if (probe->site == SITE_attn_probs)
			probe->reduce(&at, p->steps[j]->values + p->plan->offset[i] +
			    (size_t)p->layer * (size_t)p->plan->n_heads + (size_t)first);
	}
}

static void attend(void *of, int task, int worker)
{
	const struct job *job = of;
	const struct attention *a = job->a;
	const struct attention_pass *p = job->p;
	const struct kernels *k = kernels();
	int d = a->hp->d_head, n_heads = a->hp->n_heads, group = n_heads / a->hp->n_kv_heads;
	int per_block = a->hp->n_kv_heads * job->parts;
	int block = task / per_block, kv_head = task % per_block / job->parts, part = task % job->parts;
	int j0 = block * job->queries, nq = p->m - j0 < job->queries ? p->m - j0 : job->queries;
	int first = kv_head * group + part * job->heads;
	int nh = group - part * job->heads < job->heads ? group - part * job->heads : job->heads;
	size_t ld = a->ld, dq = (size_t)n_heads * (size_t)d, visible = (size_t)(p->pos0 + j0 + nq);
	float *s = a->scratch + a->per_worker * (size_t)worker;
	float *q = s + (size_t)a->max_rows * ld, *z = q + (size_t)a->max_rows * (size_t)d;
	struct softmax_stats st[ATTENTION_ROWS];
	const float *keys = kvcache_k(a->kv, p->layer, 0) + (size_t)kv_head * (size_t)d;
	const float *values = kvcache_v(a->kv, p->layer, 0) + (size_t)kv_head * (size_t)d;

	for (int j = 0; j < nq; j++)
		memcpy(q + (size_t)j * (size_t)nh * (size_t)d, p->q + (size_t)(j0 + j) * dq + (size_t)first * (size_t)d,
		    (size_t)nh * (size_t)d * sizeof *q);
	k->attn_scores(q, nq * nh, d, keys, a->kv->row, visible, s, ld);
	for (int j = 0; j < nq; j++) {
		size_t sees = (size_t)(p->pos0 + j0 + j + 1);

		for (int h = 0; h < nh; h++) {
			float *probs = s + (size_t)(j * nh + h) * ld;

			k->softmax(probs, sees, &st[h]);
			/* Later queries of the block see more keys than this one. */
			memset(probs + sees, 0, (visible - sees) * sizeof *probs);
		}
		show(job, j0 + j, first, nh, s + (size_t)(j * nh) * ld, ld, st);
	}
	k->attn_mix(s, nq * nh, d, values, a->kv->row, visible, ld, z);
	for (int j = 0; j < nq; j++)
		memcpy(p->z + (size_t)(j0 + j) * dq + (size_t)first * (size_t)d, z + (size_t)j * (size_t)nh * (size_t)d,
		    (size_t)nh * (size_t)d * sizeof *z);
}

void attention_run(struct attention *a, const struct attention_pass *p)
{
	int group = a->hp->n_heads / a->hp->n_kv_heads;
	struct job job = { .a = a, .p = p, .heads = group < ATTENTION_ROWS ? group : ATTENTION_ROWS };

	job.queries = ATTENTION_ROWS / job.heads;
	if (job.queries > p->m)
		job.queries = p->m;
	int blocks = (p->m + job.queries - 1) / job.queries;

	/* A few key heads cannot be shared evenly: cut their groups.  The shape
	 * decides, not the number of workers, so the bits stay. */
	while (blocks * a->hp->n_kv_heads * ((group + job.heads - 1) / job.heads) < 8 && job.heads > 1)
		job.heads = (job.heads + 1) / 2;
	job.parts = (group + job.heads - 1) / job.heads;
	pool_run(a->pool, attend, &job, blocks * a->hp->n_kv_heads * job.parts);
}
