#include "engine/cuda/gpu.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cuda/gpu_state.h"
#include "engine/cuda/upload.h"

enum {
	STAGE = 64 << 20,               /* bytes of blocks on their way */
	TILE = 256 << 20,               /* of a widened piece of a matrix, at most */
	RESERVE = 384 << 20,            /* left to the driver, to cuBLAS and to whoever draws the screen */
};

/* ---- sizes ---- */

size_t result_heads(void)
{
	return GPU_LOGITS * sizeof(struct softmax_stats);
}

size_t result_watches(const struct gpu *g, int m)
{
	return result_heads() + (size_t)g->n_layers * (size_t)m * (size_t)g->hp.n_heads * sizeof(struct gpu_head);
}

size_t result_size(const struct gpu *g, int m)
{
	return result_watches(g, m) + (size_t)g->n_layers * (size_t)m * sizeof(struct gpu_watch);
}

static size_t widest(const struct hparams *hp)
{
	size_t d = (size_t)hp->d_model, ff = (size_t)hp->d_ff, dq = (size_t)hp->n_heads * (size_t)hp->d_head;
	size_t w = d > ff ? d : ff;

	return w > dq ? w : dq;
}

/* Bytes of the largest matrix in f32, or TILE, whichever is less; a row at least. */
static size_t tile_size(const struct hparams *hp)
{
	size_t w = widest(hp), rows = w > (size_t)hp->n_vocab ? w : (size_t)hp->n_vocab, all = rows * w * sizeof(float);

	return all < TILE ? all : (size_t)TILE > w * sizeof(float) ? (size_t)TILE : w * sizeof(float);
}

static size_t layer_bytes(const struct gpu *g, const struct gpu_layer *l)
{
	return upload_bytes(&l->q) + upload_bytes(&l->k) + upload_bytes(&l->v) + upload_bytes(&l->attn_out) +
	    upload_bytes(&l->gate) + upload_bytes(&l->up) + upload_bytes(&l->down) +
	    2 * (size_t)g->n_ctx * g->row * sizeof(float);
}

/* What is there whatever the number of layers, scratch included. */
static size_t fixed_bytes(const struct gpu *g)
{
	const struct hparams *hp = &g->hp;
	size_t m = (size_t)g->max_m, w = widest(hp), L = (size_t)hp->n_layers;
	size_t rows = m > L ? m : L;

	return upload_bytes(&g->model->tok_embd) + upload_bytes(&g->model->pos_embd) + tile_size(hp) + STAGE + RESERVE +
	    (12 * m + 6 * rows) * w * sizeof(float) + (size_t)GPU_LOGITS * (size_t)hp->n_vocab * sizeof(float) +
	    2 * L * m * (size_t)hp->n_heads * sizeof(struct gpu_head) + (size_t)hp->n_heads * (size_t)g->n_ctx * sizeof(float) +
	    (size_t)g->n_ctx * (size_t)(hp->n_rot + 1) * sizeof(float);
}

/* How many layers there is room for; with all of them comes the head. */
static int layers_that_fit(struct gpu *g)
{
	size_t left = g->about.free, fixed = fixed_bytes(g);
	size_t head = g->tied ? 0 : upload_bytes(&g->model->lm_head);
	int n = 0;

	if (left < fixed)
		return 0;
	left -= fixed;
	for (; n < g->hp.n_layers; n++) {
		size_t need = layer_bytes(g, &g->model->layers[n]) + (n + 1 == g->hp.n_layers ? head : 0);

		if (left < need)
			break;
		left -= need;
	}
	return n;
}

/* ---- opening ---- */

static float *room(struct gpu *g, size_t n, const char *what)
{
	return (float *)dev_alloc(g->d, (n ? n : 1) * sizeof(float), what);
}

static size_t put_vector(struct gpu *g, float *at, const float *v, size_t n, const float **out)
{
	*out = NULL;
	if (!v)
		return 0;
	if (at) {
		dev_upload(g->d, at, v, n * sizeof *v);
		*out = at;
	}
	return (n + 63) / 64 * 64;
}

/* Norms and biases; with `base` NULL only counts the floats. */
static size_t put_vectors(struct gpu *g, float *base)
{
	size_t d = (size_t)g->hp.d_model, ff = (size_t)g->hp.d_ff, dq = (size_t)g->hp.n_heads * (size_t)g->hp.d_head, at = 0;

#define PUT(to, from, n) at += put_vector(g, base ? base + at : NULL, from, n, &(to))
	for (int l = 0; l < g->n_layers; l++) {
		const struct gpu_layer *w = &g->model->layers[l];
		struct layer_on *on = &g->layers[l];

		PUT(on->attn_norm, w->attn_norm, d);
		PUT(on->attn_norm_b, w->attn_norm_b, d);
		PUT(on->mlp_norm, w->mlp_norm, d);
		PUT(on->mlp_norm_b, w->mlp_norm_b, d);
		PUT(on->q_b, w->q_b, dq);
		PUT(on->k_b, w->k_b, g->row);
		PUT(on->v_b, w->v_b, g->row);
		PUT(on->attn_out_b, w->attn_out_b, d);
		PUT(on->up_b, w->up_b, ff);
		PUT(on->down_b, w->down_b, d);
	}
	PUT(g->final_norm, g->model->final_norm, d);
	PUT(g->final_norm_b, g->model->final_norm_b, d);
#undef PUT
	return at;
}

static bool put_weights(struct gpu *g, const struct gpu_options *o)
{
	struct upload up;
	bool go = true;

	memset(&up, 0, sizeof up);
	up.d = g->d;
	up.room = STAGE;
	up.stage = (unsigned char *)dev_alloc(g->d, up.room, "upload");
	up.go = o->progress;
	up.of = o->of;
	up.total = g->weight_bytes;
	go = upload_matrix(&up, &g->model->tok_embd, &g->tok_embd) && upload_matrix(&up, &g->model->pos_embd, &g->pos_embd);
	for (int l = 0; go && l < g->n_layers; l++) {
		const struct gpu_layer *w = &g->model->layers[l];
		struct layer_on *on = &g->layers[l];

		go = upload_matrix(&up, &w->q, &on->q) && upload_matrix(&up, &w->k, &on->k) &&
		    upload_matrix(&up, &w->v, &on->v) && upload_matrix(&up, &w->attn_out, &on->attn_out) &&
		    upload_matrix(&up, &w->gate, &on->gate) && upload_matrix(&up, &w->up, &on->up) &&
		    upload_matrix(&up, &w->down, &on->down);
	}
	if (go && g->head && g->tied)
		g->lm_head = g->tok_embd;
	else if (go && g->head)
		go = upload_matrix(&up, &g->model->lm_head, &g->lm_head);
	dev_free(g->d, up.stage);
	return go;
}

static void count_weights(struct gpu *g)
{
	g->weight_bytes = upload_bytes(&g->model->tok_embd) + upload_bytes(&g->model->pos_embd) +
	    (g->head && !g->tied ? upload_bytes(&g->model->lm_head) : 0);
	for (int l = 0; l < g->n_layers; l++)
		g->weight_bytes += layer_bytes(g, &g->model->layers[l]) - 2 * (size_t)g->n_ctx * g->row * sizeof(float);
}

/* Angles in double, as engine/rope.c has them. */
static void put_angles(struct gpu *g)
{
	size_t half = (size_t)g->hp.n_rot / 2, n = (size_t)g->n_ctx * half;
	float *c, *s;

	g->cos = room(g, n, "RoPE");
	g->sin = room(g, n, "RoPE");
	if (!n)
		return;
	c = (float *)malloc(n * sizeof *c);
	s = (float *)malloc(n * sizeof *s);
	for (size_t i = 0; c && s && i < n; i++) {
		double angle = (double)(i / half) * g->model->rope_freq[i % half];

		c[i] = (float)cos(angle);
		s[i] = (float)sin(angle);
	}
	if (c && s) {
		dev_upload(g->d, g->cos, c, n * sizeof *c);
		dev_upload(g->d, g->sin, s, n * sizeof *s);
	}
	free(s);
	free(c);
}

static void make_scratch(struct gpu *g)
{
	const struct hparams *hp = &g->hp;
	size_t m = (size_t)g->max_m, L = (size_t)g->n_layers, rows = m > L ? m : L;
	size_t d = (size_t)hp->d_model, ff = (size_t)hp->d_ff, dq = (size_t)hp->n_heads * (size_t)hp->d_head;
	size_t few = m > (size_t)GPU_LOGITS ? m : (size_t)GPU_LOGITS, cache = L * (size_t)g->n_ctx * g->row;

	g->pre = room(g, m * d, "scratch");
	g->normed = room(g, few * d, "scratch");
	g->final = room(g, few * d, "scratch");
	g->q = room(g, m * dq, "scratch");
	g->z = room(g, m * dq, "scratch");
	g->temp = room(g, m * (size_t)hp->n_heads, "scratch");
	g->gate = room(g, m * ff, "scratch");
	g->up = room(g, m * ff, "scratch");
	g->attn_out = room(g, rows * d, "scratch");
	g->mid = room(g, rows * d, "scratch");
	g->mlp = room(g, rows * ff, "scratch");
	g->mlp_out = room(g, rows * d, "scratch");
	g->resid = room(g, rows * d, "scratch");
	g->logits = room(g, (size_t)GPU_LOGITS * (size_t)hp->n_vocab, "logits");
	g->stats_part = (struct stats_part *)dev_alloc(g->d, (size_t)GPU_LOGITS * STATS_PARTS * sizeof *g->stats_part, "logits");
	g->part_z = room(g, (size_t)g->splits * dq, "attention");
	g->part = (struct attend_part *)dev_alloc(g->d, (size_t)g->splits * (size_t)hp->n_heads * sizeof *g->part, "attention");
	g->neuron_norm = room(g, L * ff, "neurons");
	g->tile_bytes = tile_size(hp);
	g->tile = dev_alloc(g->d, g->tile_bytes, "a widened matrix");
	g->rounded = (uint16_t *)(void *)room(g, few * widest(hp), "scratch");
	g->row_scale = room(g, few, "scratch");
	g->bounce = room(g, (size_t)hp->n_heads * (size_t)g->n_ctx, "attention rows");
	g->result = (unsigned char *)dev_alloc(g->d, result_size(g, g->max_m), "results");
	g->result_here = (unsigned char *)dev_host_alloc(g->d, result_size(g, g->max_m), "results");
	g->logits_here = (float *)dev_host_alloc(g->d, (size_t)GPU_LOGITS * (size_t)hp->n_vocab * sizeof(float), "logits");
	g->resid_here = (float *)dev_host_alloc(g->d, few * d * sizeof(float), "the residual stream");
	g->see_here = (float *)dev_host_alloc(g->d, m * widest(hp) * sizeof(float), "what is looked at");
	g->ctrl = (struct ctrl *)dev_alloc(g->d, sizeof *g->ctrl + m * sizeof(int32_t), "tokens");
	g->ctrl_here = (struct ctrl *)dev_host_alloc(g->d, sizeof *g->ctrl + m * sizeof(int32_t), "tokens");
	g->k = room(g, cache, "KV cache (keys)");
	g->v = room(g, cache, "KV cache (values)");
}

static bool supported(const struct gpu *g, struct err *e)
{
	if (g->about.major * 10 + g->about.minor < 75)
		return dev_fail(e, ERR_UNSUPPORTED, "%s has compute capability %d.%d; 7.5 or newer is needed", g->about.name,
		    g->about.major, g->about.minor);
	if (g->hp.d_head % 4 || g->hp.d_head > ATTEND_HEAD)
		return dev_fail(e, ERR_UNSUPPORTED, "heads of %d channels do not run on the device (a multiple of 4, at most %d)",
		    g->hp.d_head, ATTEND_HEAD);
	return true;
}

static bool choose_layers(struct gpu *g, int wanted, struct err *e)
{
	int fit = layers_that_fit(g);

	if (wanted > g->hp.n_layers)
		wanted = g->hp.n_layers;
	if (wanted > fit || fit == 0)
		return dev_fail(e, ERR_UNSUPPORTED, "%s has %.1f GB free: %d of %d layers fit beside %.1f GB of scratch and cache, not %d",
		    g->about.name, (double)g->about.free * 1e-9, fit, g->hp.n_layers, (double)fixed_bytes(g) * 1e-9,
		    wanted > 0 ? wanted : 1);
	g->n_layers = wanted >= 0 ? wanted : fit;
	g->head = g->n_layers == g->hp.n_layers;
	return true;
}

static bool fill(struct gpu *g, const struct gpu_options *o, struct err *e)
{
	size_t n;

	g->layers = (struct layer_on *)calloc((size_t)g->n_layers, sizeof *g->layers);
	g->touched = (uint32_t *)calloc((size_t)g->hp.n_layers + 1, sizeof *g->touched);
	if (!g->layers || !g->touched)
		return dev_fail(e, ERR_RUN, "no memory for the layers");
	count_weights(g);
	if (!put_weights(g, o))
		return dev_fail(e, ERR_INTERRUPTED, "given up");
	n = put_vectors(g, NULL);
	g->vectors = room(g, n, "norms and biases");
	if (g->vectors)
		put_vectors(g, g->vectors);
	put_angles(g);
	make_scratch(g);
	return dev_wait(g->d, e);
}

void gpu_close(struct gpu *g)
{
	if (!g)
		return;
	if (g->d) {
		void *const device[] = { g->pre, g->normed, g->final, g->q, g->z, g->temp, g->gate, g->up, g->attn_out, g->mid,
			g->mlp, g->mlp_out, g->resid, g->logits, g->stats_part, g->part_z, g->part, g->neuron_norm, g->tile,
			g->rounded, g->row_scale, g->bounce, g->result, g->ctrl, g->k, g->v, g->cos, g->sin, g->vectors, g->edits,
			g->vecs, g->receipts };
		void *const here[] = { g->result_here, g->logits_here, g->resid_here, g->see_here, g->ctrl_here,
			g->receipts_here };

		dev_graph_free(g->d, g->graph);
		for (size_t i = 0; i < sizeof device / sizeof *device; i++)
			dev_free(g->d, device[i]);
		for (size_t i = 0; i < sizeof here / sizeof *here; i++)
			dev_host_free(g->d, here[i]);
		for (int l = 0; g->layers && l < g->n_layers; l++) {
			struct layer_on *w = &g->layers[l];

			upload_free(g->d, &w->q);
			upload_free(g->d, &w->k);
			upload_free(g->d, &w->v);
			upload_free(g->d, &w->attn_out);
			upload_free(g->d, &w->gate);
			upload_free(g->d, &w->up);
			upload_free(g->d, &w->down);
		}
		if (!g->tied)
			upload_free(g->d, &g->lm_head);
		upload_free(g->d, &g->pos_embd);
		upload_free(g->d, &g->tok_embd);
		dev_close(g->d);
	}
	free(g->touched);
	free(g->layers);
	free(g);
}

struct gpu *gpu_open(const struct gpu_model *m, const struct gpu_options *o, struct err *e)
{
	struct gpu *g = (struct gpu *)calloc(1, sizeof *g);

	if (!g) {
		dev_fail(e, ERR_RUN, "no memory");
		return NULL;
	}
	g->model = m;
	g->hp = *m->hp;
	g->norm = m->hp->arch->norm == NORM_RMS ? NORM_BY_RMS : NORM_BY_LAYER;
	g->gated = m->hp->arch->mlp == MLP_GATED_SILU;
	g->split = true;
	g->n_ctx = o->n_ctx;
	g->max_m = o->max_m;
	g->tied = m->tied_head;
	g->row = (size_t)g->hp.n_kv_heads * (size_t)g->hp.d_head;
	if (!(g->d = dev_open(e)) || !dev_about(g->d, &g->about, e) || !supported(g, e) ||
	    !choose_layers(g, o->n_layers, e)) {
		gpu_close(g);
		return NULL;
	}
	g->splits = attend_splits(g->about.units, g->hp.n_heads, g->hp.n_kv_heads);
	if (!fill(g, o, e)) {
		gpu_close(g);
		return NULL;
	}
	g->model = NULL;
	return g;
}
