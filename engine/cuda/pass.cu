#include "engine/cuda/gpu_state.h"

#include <string.h>

/* ---- products ---- */


/* A product's matrix, and where its results go: y[j * y_step + pos0 * y_pos]. */
struct product {
	const struct weights *w;
	const float *bias;
	float *y;
	size_t y_step, y_pos;
};

static struct product product(const struct weights *w, const float *bias, float *y, size_t y_step, size_t y_pos)
{
	struct product p;

	p.w = w;
	p.bias = bias;
	p.y = y;
	p.y_step = y_step;
	p.y_pos = y_pos;
	return p;
}

/* What comes before and after a product in the same launch; one vector only. */
struct fused {
	enum norm norm;
	const float *norm_w, *norm_b;
	const float *add;
	float *sum;
};

/* Neighbours of one type go together. */
static void products_one(struct gpu *g, const float *x, int j, const struct product *p, int n, const struct fused *f)
{
	for (int i = 0, k; i < n; i = k) {
		struct gemv a;

		memset(&a, 0, sizeof a);
		a.c = g->ctrl;
		a.x = x;
		a.cols = p[i].w->cols;
		a.eps = g->hp.norm_eps;
		if (f) {
			a.norm = f->norm;
			a.norm_w = f->norm_w;
			a.norm_b = f->norm_b;
			a.add = f->add;
			a.sum = f->sum;
		}
		for (k = i; k < n && p[k].w->type == p[i].w->type; k++) {
			struct gemv_part *part = &a.part[a.n_parts++];

			part->w = *p[k].w;
			part->bias = p[k].bias;
			part->y = p[k].y + (size_t)j * p[k].y_step;
			part->y_pos = p[k].y_pos;
		}
		gemv_run(g->d, &a, g->about.units, g->about.shared);
	}
}

/* y (+)= alpha * x W for rows [r, r + n) of the matrix, which lie at `at`. */
static void gemm(struct gpu *g, const struct product *p, size_t r, size_t n, const void *at, size_t ldw,
    const uint16_t *x, int m, float alpha, bool add)
{
	struct dev_product q;

	q.w = (const uint16_t *)at;
	q.x = x;
	q.ldw = ldw;
	q.ldx = q.n = p->w->cols;
	q.y = p->y + p->y_pos * (size_t)g->pass.pos0 + r;
	q.ldy = p->y_step;
	q.m = (size_t)m;
	q.rows = n;
	q.alpha = alpha;
	q.add = add;
	dev_gemm(g->d, &q);
}

/* One matrix by many vectors, both rounded to f16.  Where that is not good enough
 * (`split`) what rounding left of them takes part too: the vectors' rest times the
 * matrix, the vectors times the matrix's rest. */
static void product_many(struct gpu *g, const struct product *p, int m)
{
	const struct weights *w = p->w;
	bool as_is = w->type == DTYPE_F16;
	size_t per = as_is ? w->rows : g->tile_bytes / (w->cols * sizeof(float)), ldw = as_is ? w->stride : w->cols;
	const uint16_t *rest = g->rounded + (size_t)m * w->cols;

	for (size_t r = 0; r < w->rows; r += per) {
		size_t n = w->rows - r < per ? w->rows - r : per;
		const void *at = as_is ? (const void *)w->plane[0] : g->tile;

		if (!as_is)
			step_widen(g->d, w, r, n, WIDEN_F16, g->tile);
		gemm(g, p, r, n, at, ldw, g->rounded, m, 1, false);
		if (g->split)
			gemm(g, p, r, n, at, ldw, rest, m, 1, true);
		if (g->split && !as_is) {
			step_widen(g->d, w, r, n, WIDEN_REST, g->tile);
			gemm(g, p, r, n, at, ldw, g->rounded, m, 1 / WIDEN_LIFT, true);
		}
	}
	step_finish(g->d, p->y + p->y_pos * (size_t)g->pass.pos0, p->y_step, g->row_scale, p->bias, (int)w->rows, m);
}

static void products(struct gpu *g, const float *x, const struct product *p, int n, int m)
{
	if (m <= GPU_FEW) {
		for (int j = 0; j < m; j++)
			products_one(g, x + (size_t)j * p->w->cols, j, p, n, NULL);
		return;
	}
	step_round(g->d, x, (int)p->w->cols, g->rounded, g->row_scale, m);
	for (int i = 0; i < n; i++)
		product_many(g, &p[i], m);
}

/* ---- places ---- */

static bool touches(const struct gpu *g, int layer, int site)
{
	return g->touched[layer + 1] >> site & 1;
}

static void see(struct gpu *g, int place, int layer, const float *x, int width)
{
	struct err ignored;
	size_t n = (size_t)g->pass.m * (size_t)width;

	if (!(g->pass.see_mask >> place & 1))
		return;
	dev_download(g->d, g->see_here, x, n * sizeof *x);
	/* A failure stays in the device and is told at the end of the pass. */
	if (dev_wait(g->d, &ignored))
		g->pass.see(g->pass.to, place, layer, g->see_here, g->pass.m, width);
}

static void edit(struct gpu *g, int layer, int site, float *x, int width, int row0, int m)
{
	struct edit_step e;

	if (!touches(g, layer, site))
		return;
	e.c = g->ctrl;
	e.edits = g->edits;
	e.n = g->n_edits;
	e.vecs = g->vecs;
	e.site = site;
	e.layer = layer;
	e.row0 = row0;
	e.x = x;
	e.width = width;
	e.receipts = g->receipts;
	e.n_layers = g->hp.n_layers;
	step_edit(g->d, &e, m);
}

/* First the edits write, then who looks sees. */
static void visit(struct gpu *g, int layer, int site, float *x, int width)
{
	edit(g, layer, site, x, width, 0, g->pass.m);
	see(g, site, layer, x, width);
}

/* Where layer l leaves things: each its own place when one token is read. */
static float *kept(const struct gpu *g, float *base, int l, int width)
{
	return g->pass.m == 1 ? base + (size_t)l * (size_t)width : base;
}

static struct gpu_head *heads_of(const struct gpu *g, int l)
{
	return (struct gpu_head *)(void *)(g->result + result_heads()) + (size_t)l * (size_t)g->pass.m * (size_t)g->hp.n_heads;
}

static struct gpu_watch *watches_of(const struct gpu *g, int l)
{
	return (struct gpu_watch *)(void *)(g->result + result_watches(g, g->pass.m)) + (size_t)l * (size_t)g->pass.m;
}

/* ---- a layer ---- */

static struct attend attention(const struct gpu *g, int l)
{
	struct attend a;
	size_t layer = (size_t)l * (size_t)g->n_ctx * g->row;

	memset(&a, 0, sizeof a);
	a.c = g->ctrl;
	a.q = g->q;
	a.k = g->k + layer;
	a.v = g->v + layer;
	a.row = g->row;
	a.n_heads = g->hp.n_heads;
	a.n_kv_heads = g->hp.n_kv_heads;
	a.d = g->hp.d_head;
	a.z = g->z;
	a.heads = heads_of(g, l);
	a.part_z = g->part_z;
	a.part = g->part;
	a.splits = g->splits;
	return a;
}

static void turn(struct gpu *g, int l, const float *temp)
{
	struct rope_step r;

	r.c = g->ctrl;
	r.q = g->q;
	r.k = g->k + (size_t)l * (size_t)g->n_ctx * g->row;
	r.row = g->row;
	r.n_heads = g->hp.n_heads;
	r.n_kv_heads = g->hp.n_kv_heads;
	r.d = g->hp.d_head;
	r.half = g->hp.n_rot / 2;
	r.kind = g->hp.arch->rope;
	r.cos = g->cos;
	r.sin = g->sin;
	r.temp = temp;
	r.scale = (float)(1 / sqrt((double)g->hp.d_head));
	step_rope(g->d, &r, g->pass.m);
}

static void attend(struct gpu *g, int l)
{
	struct attend a = attention(g, l);

	attend_run(g->d, &a, g->pass.m);
	if (g->pass.attention && g->pass.attention_layer == l) {
		int n_keys = g->pass.pos0 + 1;

		attend_rows(g->d, &a, g->bounce, n_keys);
		dev_download(g->d, g->pass.attention, g->bounce, (size_t)a.n_heads * (size_t)n_keys * sizeof(float));
	}
}

static void qkv_products(struct gpu *g, int l, struct product p[3])
{
	const struct layer_on *w = &g->layers[l];
	size_t layer = (size_t)l * (size_t)g->n_ctx * g->row;

	p[0] = product(&w->q, w->q_b, g->q, w->q.rows, 0);
	p[1] = product(&w->k, w->k_b, g->k + layer, g->row, g->row);
	p[2] = product(&w->v, w->v_b, g->v + layer, g->row, g->row);
}

/* One token that nobody looks into and no edit touches: norms and sums go with the
 * products. */
static const float *layer_fused(struct gpu *g, int l, const float *x)
{
	const struct layer_on *w = &g->layers[l];
	int d = g->hp.d_model, ff = g->hp.d_ff;
	float *attn_out = kept(g, g->attn_out, l, d), *mid = kept(g, g->mid, l, d), *mlp = kept(g, g->mlp, l, ff);
	float *mlp_out = kept(g, g->mlp_out, l, d), *resid = kept(g, g->resid, l, d);
	struct fused norm_qkv = { g->norm, w->attn_norm, w->attn_norm_b, NULL, NULL };
	struct fused add_attn = { NO_NORM, NULL, NULL, x, mid };
	struct fused norm_mlp = { g->norm, w->mlp_norm, w->mlp_norm_b, NULL, NULL };
	struct fused add_mlp = { NO_NORM, NULL, NULL, mid, resid };
	struct product p[3];

	qkv_products(g, l, p);
	products_one(g, x, 0, p, 3, &norm_qkv);
	turn(g, l, NULL);
	attend(g, l);
	p[0] = product(&w->attn_out, w->attn_out_b, attn_out, (size_t)d, 0);
	products_one(g, g->z, 0, p, 1, &add_attn);
	p[0] = product(&w->up, w->up_b, g->up, (size_t)ff, 0);
	p[1] = product(&w->gate, NULL, g->gate, (size_t)ff, 0);
	products_one(g, mid, 0, p, g->gated ? 2 : 1, &norm_mlp);
	step_activate(g->d, g->gated ? g->gate : NULL, g->up, mlp, ff, 1);
	p[0] = product(&w->down, w->down_b, mlp_out, (size_t)d, 0);
	products_one(g, mlp, 0, p, 1, &add_mlp);
	return resid;
}

static void watch(struct gpu *g, int first, int n_layers)
{
	struct watch_step w;

	w.attn_out = g->attn_out;
	w.mlp_out = g->mlp_out;
	w.resid = g->resid;
	w.mlp = g->mlp;
	w.norm = g->neuron_norm + (size_t)first * (size_t)g->hp.d_ff;
	w.d_model = g->hp.d_model;
	w.d_ff = g->hp.d_ff;
	w.out = watches_of(g, first);
	step_watch(g->d, &w, n_layers, g->pass.m);
}

/* The first half: from the residual stream to the mix of values, projected. */
static void general_attention(struct gpu *g, int l, float *attn_out)
{
	const struct layer_on *w = &g->layers[l];
	int m = g->pass.m, d = g->hp.d_model, dq = g->hp.n_heads * g->hp.d_head;
	bool warm = touches(g, l, SITE_temp);
	struct product p[3];

	see(g, GPU_SEE_QKV_IN, l, g->normed, d);
	qkv_products(g, l, p);
	products(g, g->normed, p, 3, m);
	if (warm) {
		step_ones(g->d, g->temp, (size_t)m * (size_t)g->hp.n_heads);
		edit(g, l, SITE_temp, g->temp, g->hp.n_heads, 0, m);
	}
	turn(g, l, warm ? g->temp : NULL);
	attend(g, l);
	visit(g, l, SITE_z, g->z, dq);
	p[0] = product(&w->attn_out, w->attn_out_b, attn_out, (size_t)d, 0);
	products(g, g->z, p, 1, m);
}

static void general_mlp(struct gpu *g, int l, float *mlp, float *mlp_out)
{
	const struct layer_on *w = &g->layers[l];
	int m = g->pass.m, d = g->hp.d_model, ff = g->hp.d_ff;
	struct product p[2];

	see(g, GPU_SEE_MLP_IN, l, g->normed, d);
	p[0] = product(&w->up, w->up_b, g->up, (size_t)ff, 0);
	p[1] = product(&w->gate, NULL, g->gate, (size_t)ff, 0);
	products(g, g->normed, p, g->gated ? 2 : 1, m);
	if (g->gated)
		visit(g, l, SITE_gate, g->gate, ff);
	visit(g, l, SITE_up, g->up, ff);
	step_activate(g->d, g->gated ? g->gate : NULL, g->up, mlp, ff, m);
	visit(g, l, SITE_mlp, mlp, ff);
	p[0] = product(&w->down, w->down_b, mlp_out, (size_t)d, 0);
	products(g, mlp, p, 1, m);
}

/* Place by place. */
static const float *layer_general(struct gpu *g, int l, const float *x)
{
	const struct layer_on *w = &g->layers[l];
	int m = g->pass.m, d = g->hp.d_model;
	size_t n = (size_t)m * (size_t)d;
	float *attn_out = kept(g, g->attn_out, l, d), *mid = kept(g, g->mid, l, d), *mlp = kept(g, g->mlp, l, g->hp.d_ff);
	float *mlp_out = kept(g, g->mlp_out, l, d), *resid = kept(g, g->resid, l, d);

	if (touches(g, l, SITE_resid_pre)) {
		/* What the layer before left is still looked at. */
		if (x != g->pre)
			dev_copy_rows(g->d, g->pre, n * sizeof *x, x, n * sizeof *x, n * sizeof *x, 1);
		edit(g, l, SITE_resid_pre, g->pre, d, 0, m);
		x = g->pre;
	}
	see(g, SITE_resid_pre, l, x, d);
	step_norm(g->d, g->norm, x, w->attn_norm, w->attn_norm_b, g->hp.norm_eps, g->normed, d, m);
	general_attention(g, l, attn_out);
	visit(g, l, SITE_attn_out, attn_out, d);
	step_add(g->d, x, attn_out, mid, n);
	visit(g, l, SITE_resid_mid, mid, d);
	step_norm(g->d, g->norm, mid, w->mlp_norm, w->mlp_norm_b, g->hp.norm_eps, g->normed, d, m);
	general_mlp(g, l, mlp, mlp_out);
	visit(g, l, SITE_mlp_out, mlp_out, d);
	step_add(g->d, mid, mlp_out, resid, n);
	visit(g, l, SITE_resid_post, resid, d);
	if (g->pass.watch && m > 1)
		watch(g, l, 1);
	return resid;
}

/* ---- the pass ---- */

void pass_norm_final(struct gpu *g, const float *x, float *out, int m)
{
	step_norm(g->d, g->norm, x, g->final_norm, g->final_norm_b, g->hp.norm_eps, out, g->hp.d_model, m);
}

/* Statistics and edits behind the product. */
static void finish_logits(struct gpu *g, int row0, int n, bool with_edits)
{
	if (with_edits)
		edit(g, NO_LAYER, SITE_logits, g->logits, g->hp.n_vocab, row0, n);
	step_stats(g->d, g->logits, g->hp.n_vocab, g->stats_part, (struct softmax_stats *)(void *)g->result, n);
}

void pass_logits(struct gpu *g, const float *x, int row0, int n, bool with_edits)
{
	struct product p = product(&g->lm_head, NULL, g->logits, (size_t)g->hp.n_vocab, 0);

	products(g, x, &p, 1, n);
	finish_logits(g, row0, n, with_edits);
}

/* The head for the one token of the pass, with its norm in the same launch where
 * nothing comes between. */
static void head_of_one(struct gpu *g, const float *x)
{
	struct fused norm = { g->norm, g->final_norm, g->final_norm_b, NULL, NULL };
	struct product p = product(&g->lm_head, NULL, g->logits, (size_t)g->hp.n_vocab, 0);

	if (!g->pass.see_mask && !touches(g, NO_LAYER, SITE_final_norm)) {
		products_one(g, x, 0, &p, 1, &norm);
	} else {
		pass_norm_final(g, x, g->final, 1);
		visit(g, NO_LAYER, SITE_final_norm, g->final, g->hp.d_model);
		products_one(g, g->final, 0, &p, 1, NULL);
	}
	finish_logits(g, 0, 1, true);
}

static void embed(struct gpu *g)
{
	const int32_t *ids = (const int32_t *)(const void *)(g->ctrl + 1);
	int m = g->pass.m;

	step_embed(g->d, g->ctrl, &g->tok_embd, ids, g->pre, false, m);
	if (g->pos_embd.rows)
		step_embed(g->d, g->ctrl, &g->pos_embd, NULL, g->pre, true, m);
}

void pass_run(struct gpu *g)
{
	const float *x = g->pre;
	int m = g->pass.m, d = g->hp.d_model;
	bool one = m == 1 && !g->pass.see_mask;

	dev_upload(g->d, g->ctrl, g->ctrl_here, sizeof *g->ctrl + (size_t)m * sizeof(int32_t));
	embed(g);
	for (int l = 0; l < g->n_layers; l++)
		x = one && !g->touched[l + 1] ? layer_fused(g, l, x) : layer_general(g, l, x);
	if (g->pass.watch && m == 1)
		watch(g, 0, g->n_layers);
	if (g->head && g->pass.head && m == 1) {
		head_of_one(g, x);
		dev_download(g->d, g->logits_here, g->logits, (size_t)g->hp.n_vocab * sizeof(float));
	} else if (g->head) {
		pass_norm_final(g, x, g->final, m);
		visit(g, NO_LAYER, SITE_final_norm, g->final, d);
	} else {
		dev_download(g->d, g->resid_here, x, (size_t)m * (size_t)d * sizeof(float));
	}
	if (g->pass.watch || g->pass.head)
		dev_download(g->d, g->result_here, g->result, g->pass.watch ? result_size(g, m) : result_heads());
	if (g->pass.watch && g->n_edits)
		dev_download(g->d, g->receipts_here, g->receipts,
		    (size_t)g->n_edits * (size_t)(g->hp.n_layers + 1) * (size_t)m * sizeof *g->receipts);
}

/* Column lengths of the down-projections, as neurons_measure() has them. */
void pass_measure_neurons(struct gpu *g)
{
	dev_zero(g->d, g->neuron_norm, (size_t)g->n_layers * (size_t)g->hp.d_ff * sizeof(float));
	for (int l = 0; l < g->n_layers; l++) {
		const struct weights *w = &g->layers[l].down;
		float *sum = g->neuron_norm + (size_t)l * w->cols;
		size_t per = g->tile_bytes / (w->cols * sizeof(float));

		for (size_t r = 0; r < w->rows; r += per) {
			size_t n = w->rows - r < per ? w->rows - r : per;

			step_widen(g->d, w, r, n, WIDEN_F32, g->tile);
			step_columns(g->d, (const float *)g->tile, n, (int)w->cols, sum, r + n == w->rows);
		}
	}
	g->neurons_measured = true;
}
