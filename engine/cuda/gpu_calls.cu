#include <math.h>
#include <string.h>

#include "engine/cuda/gpu_state.h"

static void gpu_about(const struct gpu *g, struct gpu_about *out)
{
	struct dev_about now;
	struct err ignored;

	memset(out, 0, sizeof *out);
	memcpy(out->device, g->about.name, sizeof out->device);
	out->memory = g->about.memory;
	out->free = g->about.free;
	if (dev_about(g->d, &now, &ignored) && now.free < g->about.free)
		out->used = g->about.free - now.free;
	out->n_layers = g->n_layers;
	out->head = g->head;
}

static void gpu_split(struct gpu *g, bool split)
{
	g->split = split;
}

/* ---- edits ---- */

/* The same memory, or new and larger one. */
static void *grown(struct gpu *g, void *at, size_t *room_now, size_t need, const char *what)
{
	if (need <= *room_now)
		return at;
	dev_free(g->d, at);
	at = dev_alloc(g->d, need * 2, what);
	*room_now = at ? need * 2 : 0;
	return at;
}

static bool gpu_edit(struct gpu *g, const struct gpu_edit *edits, int n, const float *vecs, size_t n_vecs, struct err *e)
{
	size_t receipts = (size_t)n * (size_t)(g->hp.n_layers + 1) * (size_t)g->max_m * sizeof *g->receipts;

	/* What was recorded knows the places and the tables of these. */
	dev_graph_free(g->d, g->graph);
	g->graph = NULL;
	memset(g->touched, 0, ((size_t)g->hp.n_layers + 1) * sizeof *g->touched);
	for (int i = 0; i < n; i++)
		for (int l = -1; l < g->hp.n_layers; l++)
			if (edits[i].layer == l || (edits[i].layer == EVERY_LAYER && l >= 0))
				g->touched[l + 1] |= 1u << edits[i].site;
	g->n_edits = n;
	if (receipts > g->room_receipts) {
		dev_host_free(g->d, g->receipts_here);
		g->receipts_here = (struct gpu_receipt *)dev_host_alloc(g->d, receipts * 2, "receipts");
	}
	if (n) {
		g->edits = (struct gpu_edit *)grown(g, g->edits, &g->room_edits, (size_t)n * sizeof *edits, "edits");
		g->vecs = (float *)grown(g, g->vecs, &g->room_vecs, (n_vecs + 1) * sizeof *vecs, "vectors of edits");
		g->receipts = (struct gpu_receipt *)grown(g, g->receipts, &g->room_receipts, receipts, "receipts");
		dev_upload(g->d, g->edits, edits, (size_t)n * sizeof *edits);
		dev_upload(g->d, g->vecs, vecs, n_vecs * sizeof *vecs);
	}
	return dev_wait(g->d, e);
}

/* ---- passes ---- */

static void results(const struct gpu *g, struct gpu_result *out)
{
	int m = g->pass.m;

	out->heads = (const struct gpu_head *)(const void *)(g->result_here + result_heads());
	out->watches = (const struct gpu_watch *)(const void *)(g->result_here + result_watches(g, m));
	out->receipts = g->receipts_here;
	out->resid = g->resid_here;
}

/* True when the pass is like the recorded one, or may be recorded. */
static bool repeats(const struct gpu *g)
{
	return g->pass.m == 1 && g->head && g->pass.head && !g->pass.see_mask && !g->pass.attention;
}

static bool gpu_run(struct gpu *g, const struct gpu_pass *p, struct gpu_result *out, struct err *e)
{
	g->pass = *p;
	g->ctrl_here->pos0 = p->pos0;
	g->ctrl_here->m = p->m;
	g->ctrl_here->n_prompt = p->n_prompt;
	g->ctrl_here->spare = 0;
	memcpy(g->ctrl_here + 1, p->tokens, (size_t)p->m * sizeof *p->tokens);
	if (p->watch && !g->neurons_measured)
		pass_measure_neurons(g);
	if (!repeats(g)) {
		pass_run(g);
	} else {
		if (g->graph && g->graph_watch != p->watch) {
			dev_graph_free(g->d, g->graph);
			g->graph = NULL;
		}
		if (!g->graph) {
			dev_record(g->d);
			pass_run(g);
			g->graph = dev_record_end(g->d);
			g->graph_watch = p->watch;
		}
		dev_replay(g->d, g->graph);
	}
	g->logits_done = g->head && p->head && p->m == 1;
	results(g, out);
	return dev_wait(g->d, e);
}

static bool gpu_logits(struct gpu *g, int row0, int n, const float **logits, const struct softmax_stats **stats,
    struct err *e)
{
	size_t receipts = (size_t)g->n_edits * (size_t)(g->hp.n_layers + 1) * (size_t)g->pass.m * sizeof *g->receipts;

	*logits = g->logits_here;
	*stats = (const struct softmax_stats *)(const void *)g->result_here;
	if (g->logits_done && row0 == 0)
		return true;
	pass_logits(g, g->final + (size_t)row0 * (size_t)g->hp.d_model, row0, n, true);
	dev_download(g->d, g->logits_here, g->logits, (size_t)n * (size_t)g->hp.n_vocab * sizeof(float));
	dev_download(g->d, g->result_here, g->result, result_heads());
	if (g->touched[0] >> SITE_logits & 1)
		dev_download(g->d, g->receipts_here, g->receipts, receipts);
	return dev_wait(g->d, e);
}

static bool gpu_lens(struct gpu *g, const float *resid, int n, const float **logits, struct err *e)
{
	size_t d = (size_t)g->hp.d_model;

	g->logits_done = false;
	dev_upload(g->d, g->normed, resid, (size_t)n * d * sizeof *resid);
	pass_norm_final(g, g->normed, g->normed, n);
	pass_logits(g, g->normed, 0, n, false);
	dev_download(g->d, g->logits_here, g->logits, (size_t)n * (size_t)g->hp.n_vocab * sizeof(float));
	*logits = g->logits_here;
	return dev_wait(g->d, e);
}

static bool gpu_rows(struct gpu *g, int pos, int n, float *rows, bool back, struct err *e)
{
	size_t floats = (size_t)n * g->row, size = floats * sizeof(float), step = (size_t)g->n_ctx * g->row * sizeof(float);
	size_t L = (size_t)g->n_layers;
	float *k = g->k + (size_t)pos * g->row, *v = g->v + (size_t)pos * g->row;

	if (back) {
		dev_copy_rows(g->d, k, step, rows, 2 * size, size, L);
		dev_copy_rows(g->d, v, step, rows + floats, 2 * size, size, L);
	} else {
		dev_copy_rows(g->d, rows, 2 * size, k, step, size, L);
		dev_copy_rows(g->d, rows + floats, 2 * size, v, step, size, L);
	}
	return dev_wait(g->d, e);
}

/* ---- how fast the card is ---- */

static bool gpu_speed(struct gpu *g, struct gpu_speed *out, struct err *e)
{
	enum { SIDE = 8192, ROUNDS = 8 };
	size_t bytes = (size_t)SIDE * SIDE * sizeof(float), n = (size_t)SIDE;
	float *a = (float *)dev_alloc(g->d, 4 * bytes, "measuring"), *b = (float *)dev_alloc(g->d, 4 * bytes, "measuring");
	uint16_t *half = (uint16_t *)(void *)b;
	struct dev_product p = { half, half + n * n, n, n, a, n, n, n, n, 1, false };
	float best = INFINITY, ms;

	for (int i = 0; i < ROUNDS; i++) {
		dev_clock_start(g->d);
		dev_copy_rows(g->d, b, 4 * bytes, a, 4 * bytes, 4 * bytes, 1);
		ms = dev_clock_stop(g->d);
		best = ms < best ? ms : best;
	}
	out->copy_gbs = 8 * (double)bytes / (double)best * 1e-6;
	/* Numbers that are not zeros: a card is faster on those. */
	step_noise(g->d, a, 2 * n * n);
	step_round(g->d, a, SIDE, half, b + 2 * n * n, 2 * SIDE);
	best = INFINITY;
	for (int i = 0; i < ROUNDS; i++) {
		dev_clock_start(g->d);
		dev_gemm(g->d, &p);
		ms = dev_clock_stop(g->d);
		best = ms < best ? ms : best;
	}
	out->gemm_tflops = 2 * (double)n * (double)n * (double)n / (double)best * 1e-9;
	dev_free(g->d, a);
	dev_free(g->d, b);
	return dev_wait(g->d, e);
}

const struct gpu_api *clampmeter_gpu(void)
{
	static struct gpu_api api;

	api.abi = GPU_ABI;
	api.open = gpu_open;
	api.close = gpu_close;
	api.about = gpu_about;
	api.split = gpu_split;
	api.edit = gpu_edit;
	api.run = gpu_run;
	api.logits = gpu_logits;
	api.lens = gpu_lens;
	api.rows = gpu_rows;
	api.speed = gpu_speed;
	return &api;
}
