/*
 * cuda: the passes of gpu.h in the engine's words -- steps filled in, receipts
 * written, places shown.  Layers that a device has no room for are computed by the
 * CPU backend, from the residual stream on.
 *
 * At opening both compute a few tokens: a device that does not agree within
 * CHECK_BOUND is not used.
 */
#include "engine/backend.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/cuda_load.h"
#include "engine/cuda_pass.h"
#include "engine/kernels.h"
#include "engine/layers.h"
#include "engine/rope.h"

#define CHECK_BOUND 1e-3        /* L2 norm of the difference of logits over that of the logits */
enum { CHECK_TOKENS = 6 };      /* more than go one by one: both ways of computing a product are taken */

static const struct gpu_api *given;

void backend_cuda_use(const struct gpu_api *api)
{
	given = api;
}

static struct gpu_matrix matrix(const struct tensor *t)
{
	return t ? (struct gpu_matrix){ .type = t->type, .rows = t->rows, .cols = t->cols, .data = t->data } :
	    (struct gpu_matrix){ .data = NULL };
}

static void bind_layer(struct gpu_layer *to, const struct layer *l)
{
	*to = (struct gpu_layer){
		.q = matrix(&l->q), .k = matrix(&l->k), .v = matrix(&l->v), .attn_out = matrix(l->attn_out),
		.gate = matrix(l->gate), .up = matrix(l->up), .down = matrix(l->down),
		.attn_norm = l->attn_norm, .attn_norm_b = l->attn_norm_b, .mlp_norm = l->mlp_norm, .mlp_norm_b = l->mlp_norm_b,
		.q_b = l->q_b, .k_b = l->k_b, .v_b = l->v_b, .attn_out_b = l->attn_out_b, .up_b = l->up_b, .down_b = l->down_b,
	};
}

static bool tell(void *of, double done)
{
	const struct backend_options *o = of;

	if (o->progress)
		o->progress(o->of, done);
	return true;
}

/* The model as the device wants to hear of it; all of it is read while it opens. */
static bool open_device(struct cuda *c, const struct backend_options *o, struct err *e)
{
	const struct model *m = o->model;
	struct layers layers;
	struct rope rope;
	struct gpu_layer *to = mem_array((size_t)m->hp.n_layers, sizeof *to);
	struct backend_options own = *o;
	struct gpu_options opt = { .n_ctx = o->n_ctx, .max_m = o->max_m < CHECK_TOKENS ? CHECK_TOKENS : o->max_m,
		.n_layers = o->gpu_layers ? o->gpu_layers : -1, .progress = tell, .of = &own };

	opt.max_m = opt.max_m < o->n_ctx ? opt.max_m : o->n_ctx;
	layers_init(&layers, m);
	rope_init(&rope, &m->hp, m->w.rope_freqs, 1);
	for (int l = 0; l < m->hp.n_layers; l++)
		bind_layer(&to[l], &layers.l[l]);
	c->gpu = c->api->open(&(struct gpu_model){ .hp = &m->hp, .layers = to, .tok_embd = matrix(m->w.tok_embd),
	    .pos_embd = matrix(m->w.pos_embd), .lm_head = matrix(m->w.lm_head), .tied_head = m->w.tied_head,
	    .final_norm = layers.final_norm, .final_norm_b = layers.final_norm_b, .rope_freq = rope.freq }, &opt, e);
	rope_free(&rope);
	layers_free(&layers);
	free(to);
	return c->gpu != NULL;
}

static void cuda_close(void *of)
{
	struct cuda *c = of;

	if (c->rest)
		backend_cpu.close(c->rest);
	if (c->gpu)
		c->api->close(c->gpu);
	edit_set_unref(c->edits);
	free(c->edit_at);
	free(c->resid);
	free(c);
}

/* A probe that wants whole rows of attention would need megabytes a token. */
static bool probes_fit(const struct probe_plan *plan, struct err *e)
{
	for (int i = 0; plan && i < plan->n; i++)
		if (plan->probes[i]->site == SITE_attn_probs && plan->probes[i]->kind != PROBE_SOFTMAX)
			return err_set(e, ERR_UNSUPPORTED, "the probe %s reads whole rows of attention, which a device does not send",
			    plan->probes[i]->name);
	return true;
}

static double distance(const float *a, const float *b, int n)
{
	double diff = 0, all = 0;

	for (int i = 0; i < n; i++) {
		diff += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
		all += (double)b[i] * (double)b[i];
	}
	return all > 0 ? sqrt(diff / all) : sqrt(diff);
}

/* How far the logits of the last position of a pass are from `want`. */
static bool measure(struct cuda *c, const struct pass *p, const float *want, double *d, struct err *e)
{
	const float *logits;

	if (!backend_cuda.run(c, p, e) || !(logits = backend_cuda.logits(c, p, p->m - 1, 1, e)))
		return err_wrap(e, "self-check on %.60s", c->about.device);
	*d = distance(logits, want, c->hp->n_vocab);
	return true;
}

static bool within(const struct cuda *c, double d, const char *what, struct err *e)
{
	return d <= CHECK_BOUND || err_set(e, ERR_RUN, "%.60s does not agree with the CPU: its logits are %.2g off (%s), at most "
	    "%g is allowed; it is not used", c->about.device, d, what, CHECK_BOUND);
}

/* A few tokens read together, then the last once more alone.  Together they are
 * multiplied in f16: in two or three parts where one is not well within the bound, or
 * where activations are to stay as they are. */
static bool compare(struct cuda *c, const struct pass *p, const float *want, struct err *e)
{
	struct pass last = *p;
	double d;

	c->api->split(c->gpu, false);
	if (!measure(c, p, want, &d, e))
		return false;
	c->split = c->exact || !(d <= CHECK_BOUND / 4);
	c->api->split(c->gpu, c->split);
	if (c->split && !measure(c, p, want, &d, e))
		return false;
	if (!within(c, d, "several tokens", e))
		return false;
	last.tokens = p->tokens + p->m - 1;
	last.pos0 = p->pos0 + p->m - 1;
	last.m = 1;
	return measure(c, &last, want, &d, e) && within(c, d, "one token", e);
}

static bool self_check(struct cuda *c, const struct backend_options *o, struct err *e)
{
	struct backend_options small = *o;
	int32_t tokens[CHECK_TOKENS];
	const struct edit_set *none = edit_set_empty();
	struct pass p = { .tokens = tokens, .m = o->n_ctx < CHECK_TOKENS ? o->n_ctx : CHECK_TOKENS, .edits = none };
	void *cpu;
	bool ok = false;

	small.n_ctx = small.max_m = p.m;
	small.exact = true;
	small.plan = NULL;
	for (int i = 0; i < p.m; i++)
		tokens[i] = (int32_t)((7919u * (unsigned)i + 13u) % (unsigned)o->model->hp.n_vocab);
	if ((cpu = backend_cpu.open(&small, e))) {
		const float *want = backend_cpu.run(cpu, &p, e) ? backend_cpu.logits(cpu, &p, p.m - 1, 1, e) : NULL;

		ok = want && compare(c, &p, want, e);
		backend_cpu.close(cpu);
	}
	edit_set_unref(none);
	return ok;
}

static void *cuda_open(const struct backend_options *o, struct err *e)
{
	struct cuda *c = mem_zalloc(sizeof *c);
	const struct hparams *hp = &o->model->hp;

	c->hp = hp;
	c->plan = o->plan;
	/* Float weights meet activations that are not rounded, as on the CPU. */
	c->exact = o->exact || dtypes[o->model->w.layers[0].down->type]->is_float;
	if (!(c->api = given ? given : cuda_load(e)) || !probes_fit(o->plan, e) || !open_device(c, o, e))
		goto fail;
	c->api->about(c->gpu, &c->about);
	c->resid = mem_array((size_t)o->max_m * (size_t)hp->d_model, sizeof *c->resid);
	if (!c->about.head && !(c->rest = backend_cpu.open(o, e)))
		goto fail;
	if (!self_check(c, o, e))
		goto fail;
	return c;
fail:
	err_wrap(e, "CUDA");
	cuda_close(c);
	return NULL;
}

static bool cuda_run(void *of, const struct pass *p, struct err *e)
{
	struct cuda *c = of;
	struct gpu_result r;

	if (!cuda_pass_edits(c, p->edits, e) || !cuda_pass_run(c, p, &r, e))
		return false;
	if (!c->rest)
		return true;
	memcpy(c->resid, r.resid, (size_t)p->m * (size_t)c->hp->d_model * sizeof *c->resid);
	/* The CPU goes on, with a pass that begins behind the device's layers. */
	c->rest_pass = *p;
	c->rest_pass.first_layer = c->about.n_layers;
	c->rest_pass.resid = c->resid;
	return backend_cpu.run(c->rest, &c->rest_pass, e);
}

static const float *cuda_logits(void *of, const struct pass *p, int row0, int n, struct err *e)
{
	struct cuda *c = of;

	if (c->rest)
		return backend_cpu.logits(c->rest, p, row0, n, e);
	return cuda_pass_logits(c, p, row0, n, e);
}

static const float *cuda_lens(void *of, const float *resid, int n, struct err *e)
{
	struct cuda *c = of;
	const float *logits;

	if (c->rest)
		return backend_cpu.lens(c->rest, resid, n, e);
	return c->api->lens(c->gpu, resid, n, &logits, e) ? logits : NULL;
}

/* The device's layers come first. */
static bool cuda_rows(void *of, int pos, int n, float *rows, bool back, struct err *e)
{
	struct cuda *c = of;
	size_t here = (size_t)c->about.n_layers * 2 * (size_t)n * (size_t)c->hp->n_kv_heads * (size_t)c->hp->d_head;
	float *own;
	bool ok;

	if (!c->rest)
		return c->api->rows(c->gpu, pos, n, rows, back, e);
	own = mem_dup(rows, here * sizeof *rows);
	ok = backend_cpu.rows(c->rest, pos, n, rows, back, e) && c->api->rows(c->gpu, pos, n, own, back, e);
	memcpy(rows, own, here * sizeof *rows);
	free(own);
	return ok;
}

static size_t cuda_bytes(const void *of)
{
	const struct cuda *c = of;

	return c->about.used + (c->rest ? backend_cpu.bytes(c->rest) : 0);
}

static void cuda_describe(const void *of, char out[BACKEND_TEXT])
{
	const struct cuda *c = of;

	if (c->rest)
		snprintf(out, BACKEND_TEXT, "cuda, %.60s, %d of %d layers, the rest %s", c->about.device, c->about.n_layers,
		    c->hp->n_layers, matmul_kernels());
	else
		snprintf(out, BACKEND_TEXT, "cuda, %.60s", c->about.device);
}

static bool cuda_available(struct err *e)
{
	return given || cuda_load(e);
}

bool backend_cuda_speed(struct backend *b, struct backend_speed *out, struct err *e)
{
	struct gpu_speed s;
	struct cuda *c = b->state;

	if (b->def != &backend_cuda)
		return err_set(e, ERR_UNSUPPORTED, "%s has no such figures", b->def->name);
	if (!c->api->speed(c->gpu, &s, e))
		return false;
	*out = (struct backend_speed){ .copy_gbs = s.copy_gbs, .gemm_tflops = s.gemm_tflops };
	return true;
}

const struct backend_def backend_cuda = {
	.name = "cuda", .doc = "an NVIDIA GPU",
	.available = cuda_available, .open = cuda_open, .close = cuda_close, .run = cuda_run, .logits = cuda_logits, .lens = cuda_lens, .rows = cuda_rows,
	.bytes = cuda_bytes, .describe = cuda_describe,
};
