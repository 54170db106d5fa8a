#include "engine/layers.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

/* Rows [first, first + n) of a matrix. */
static struct tensor rows_of(const struct tensor *t, size_t first, size_t n)
{
	struct tensor v = *t;

	v.data += first * t->row_bytes;
	v.rows = n;
	v.ne[1] = (int64_t)n;
	return v;
}

static const float *widen(const struct tensor *t, float **at)
{
	float *v = *at;

	if (!t)
		return NULL;
	tensor_row_f32(t, 0, v);
	/* Vectors start on a cache line each. */
	*at += (t->cols + 15) & ~(size_t)15;
	return v;
}

static size_t vectors_of(const struct hparams *hp)
{
	size_t d = (size_t)hp->d_model + 16, ff = (size_t)hp->d_ff + 16;
	size_t qkv = (size_t)(hp->n_heads + 2 * hp->n_kv_heads) * (size_t)hp->d_head + 48;

	return (size_t)hp->n_layers * (6 * d + ff + qkv) + 2 * d + 16;
}

static void bind_qkv(struct layer *l, const struct layer_weights *w, const struct hparams *hp, float **at)
{
	size_t dq = (size_t)hp->n_heads * (size_t)hp->d_head, dkv = (size_t)hp->n_kv_heads * (size_t)hp->d_head;

	if (w->qkv) {
		const float *b = widen(w->qkv_b, at);

		l->q = rows_of(w->qkv, 0, dq);
		l->k = rows_of(w->qkv, dq, dkv);
		l->v = rows_of(w->qkv, dq + dkv, dkv);
		l->q_b = b;
		l->k_b = b ? b + dq : NULL;
		l->v_b = b ? b + dq + dkv : NULL;
		return;
	}
	l->q = *w->q;
	l->k = *w->k;
	l->v = *w->v;
	l->q_b = widen(w->q_b, at);
	l->k_b = widen(w->k_b, at);
	l->v_b = widen(w->v_b, at);
}

void layers_init(struct layers *ls, const struct model *m)
{
	const struct hparams *hp = &m->hp;
	float *at;

	ls->l = mem_array((size_t)hp->n_layers, sizeof *ls->l);
	ls->vectors = mem_array(vectors_of(hp) + 16, sizeof *ls->vectors);
	at = (float *)(((uintptr_t)ls->vectors + 63) & ~(uintptr_t)63);
	for (int i = 0; i < hp->n_layers; i++) {
		const struct layer_weights *w = &m->w.layers[i];
		struct layer *l = &ls->l[i];

		bind_qkv(l, w, hp, &at);
		l->attn_out = w->attn_out;
		l->gate = w->gate;
		l->up = w->up;
		l->down = w->down;
		l->attn_norm = widen(w->attn_norm, &at);
		l->attn_norm_b = widen(w->attn_norm_b, &at);
		l->attn_out_b = widen(w->attn_out_b, &at);
		l->mlp_norm = widen(w->mlp_norm, &at);
		l->mlp_norm_b = widen(w->mlp_norm_b, &at);
		l->up_b = widen(w->up_b, &at);
		l->down_b = widen(w->down_b, &at);
	}
	ls->final_norm = widen(m->w.final_norm, &at);
	ls->final_norm_b = widen(m->w.final_norm_b, &at);
}

static void put(const struct tensor **at, const struct tensor *t)
{
	if (t)
		*at = t;
}

static void put_view(struct tensor *at, const struct tensor *t)
{
	if (t)
		*at = *t;
}

void layer_swap(struct layer *l, const struct tensor *const *row, const struct hparams *hp)
{
	size_t dq = (size_t)hp->n_heads * (size_t)hp->d_head, dkv = (size_t)hp->n_kv_heads * (size_t)hp->d_head;

	if (row[WEIGHT_qkv]) {
		l->q = rows_of(row[WEIGHT_qkv], 0, dq);
		l->k = rows_of(row[WEIGHT_qkv], dq, dkv);
		l->v = rows_of(row[WEIGHT_qkv], dq + dkv, dkv);
	}
	put_view(&l->q, row[WEIGHT_q]);
	put_view(&l->k, row[WEIGHT_k]);
	put_view(&l->v, row[WEIGHT_v]);
	put(&l->attn_out, row[WEIGHT_attn_out]);
	put(&l->gate, row[WEIGHT_gate]);
	put(&l->up, row[WEIGHT_up]);
	put(&l->down, row[WEIGHT_down]);
}

void layers_free(struct layers *ls)
{
	free(ls->vectors);
	free(ls->l);
	memset(ls, 0, sizeof *ls);
}
