/*
 * test_cuda: the CUDA backend on the emulated device, beside the CPU backend with
 * exact activations: every type and architecture, every site, looks, layers that
 * do not fit, and what happens when the device fails.
 */
#include <stdlib.h>
#include <unistd.h>

#include "engine/backend.h"
#include "engine/kernels.h"
#include "engine/look.h"
#include "tests/emu/dev_emu.h"
#include "tests/session_run.h"
#include "tests/test.h"

enum { N_TOKENS = 17, N_PROMPT = 12, PIECE = 7 };       /* pieces of 7 and 5, then one by one */

static const char *const archs_run[] = { "llama", "qwen2", "gpt2" };

/* ---- probes like those of the meter, all that a device knows and one it does not ---- */

static void entropy(const struct site_view *at, float *out)
{
	for (int r = 0; r < at->rows; r++)
		out[r] = at->softmax[r].lse - at->softmax[r].mean;
}

static void sink(const struct site_view *at, float *out)
{
	for (int r = 0; r < at->rows; r++)
		out[r] = at->data[(size_t)r * at->stride];
}

static void length(const struct site_view *at, float *out)
{
	*out = (float)sqrt(kernels()->sum_sq(at->data, (size_t)at->cols));
}

static void silent(const struct site_view *at, float *out)
{
	float most = 0;
	int n = 0;

	for (int i = 0; i < at->cols; i++)
		most = fabsf(at->data[i]) > most ? fabsf(at->data[i]) : most;
	for (int i = 0; i < at->cols; i++)
		n += fabsf(at->data[i]) <= PROBE_SILENT * most;
	*out = (float)n / (float)at->cols;
}

static void third(const struct site_view *at, float *out)
{
	*out = at->data[2];
}

static const struct probe all_probes[] = {
	{ .name = "entropy", .axes = PROBE_HEADS, .site = SITE_attn_probs, .kind = PROBE_SOFTMAX, .reduce = entropy },
	{ .name = "sink", .axes = PROBE_HEADS, .site = SITE_attn_probs, .kind = PROBE_SOFTMAX, .reduce = sink },
	{ .name = "attn", .axes = PROBE_LAYERS, .site = SITE_attn_out, .kind = PROBE_LENGTH, .reduce = length },
	{ .name = "mlp", .axes = PROBE_LAYERS, .site = SITE_mlp_out, .kind = PROBE_LENGTH, .reduce = length },
	{ .name = "resid", .axes = PROBE_LAYERS, .site = SITE_resid_post, .kind = PROBE_LENGTH, .reduce = length },
	{ .name = "silent", .axes = PROBE_LAYERS, .site = SITE_mlp, .kind = PROBE_SILENT_SHARE, .reduce = silent },
	{ .name = "spread", .axes = PROBE_SCALAR, .site = SITE_logits, .reduce = entropy },
	{ .name = "third", .axes = PROBE_LAYERS, .site = SITE_up, .reduce = third },
};
enum { N_PROBES = sizeof all_probes / sizeof *all_probes, SENT = N_PROBES - 1, SILENT = 5 };

/* ---- a text read by one backend ---- */

struct reading {
	struct session *s;
	const struct model *m;
	struct probe_plan *plan;
	const struct step *steps[N_TOKENS];
	int n;
	float *logits;          /* [N_TOKENS][n_vocab] */
};

static void keep(void *to, const struct step *s)
{
	struct reading *r = to;

	if (r->n < N_TOKENS)
		r->steps[r->n++] = s;
	else
		step_unref(s);
}

static void open_reading(struct reading *r, const struct model *m, int backend, int n_probes, struct session_options opt)
{
	const struct probe *probes[N_PROBES];
	struct err e = { 0 };

	*r = (struct reading){ .m = m };
	for (int i = 0; i < n_probes; i++)
		probes[i] = &all_probes[i];
	r->plan = probe_plan_new(probes, n_probes, &m->hp);
	r->logits = calloc((size_t)N_TOKENS * (size_t)m->hp.n_vocab, sizeof *r->logits);
	opt.backend = backend;
	opt.n_threads = 1;
	opt.n_ctx = 40;
	opt.piece = opt.piece ? opt.piece : PIECE;
	opt.probes = opt.prompt_logits = true;
	opt.plan = r->plan;
	opt.sink = keep;
	opt.to = r;
	if (!(r->s = session_new(m, &opt, &e)))
		fail_msg("%s", e.msg);
}

static void close_reading(struct reading *r)
{
	for (int i = 0; i < r->n; i++)
		step_unref(r->steps[i]);
	session_free(r->s);
	probe_plan_free(r->plan);
	free(r->logits);
}

/* A prompt in pieces, then the same further tokens whatever the model would say. */
static void read_text(struct reading *r)
{
	size_t v = (size_t)r->m->hp.n_vocab;
	int32_t tokens[N_TOKENS];
	struct err e = { 0 };

	for (int i = 0; i < N_TOKENS; i++)
		tokens[i] = (int32_t)((unsigned)(i * 37 + 5) % (unsigned)v);
	CHECK(session_append(r->s, tokens, N_PROMPT, &e));
	if (!session_logits(r->s, r->logits, &e))
		fail_msg("%s", e.msg);
	for (int i = N_PROMPT; i < N_TOKENS; i++) {
		CHECK(session_append(r->s, tokens + i, 1, &e));
		if (!session_logits(r->s, r->logits + (size_t)i * v, &e))
			fail_msg("%s", e.msg);
	}
}

static double off(const float *a, const float *b, size_t n)
{
	double diff = 0, all = 0;

	for (size_t i = 0; i < n; i++) {
		diff += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
		all += (double)b[i] * (double)b[i];
	}
	return sqrt(diff / (all > 0 ? all : 1));
}

static double worst_logits(const struct reading *a, const struct reading *b, int from, int to)
{
	size_t v = (size_t)a->m->hp.n_vocab;
	double worst = 0;

	for (int i = from; i < to; i++) {
		double d = off(a->logits + (size_t)i * v, b->logits + (size_t)i * v, v);

		worst = d > worst || isnan(d) ? d : worst;
	}
	return worst;
}

static void same_steps(const struct reading *a, const struct reading *b, double tol)
{
	CHECK_INT(a->n, b->n);
	for (int i = 0; i < a->n; i++) {
		const struct step *x = a->steps[i], *y = b->steps[i];

		for (size_t k = 0; k < a->plan->n_values; k++) {
			/* A neuron at the very edge may count or not. */
			bool counts = k >= a->plan->offset[SILENT] && k < a->plan->offset[SILENT] + (size_t)x->n_layers;
			double slack = counts && tol > 0 ? 1.5 / a->m->hp.d_ff : 0;

			if (!(fabs((double)x->values[k] - (double)y->values[k]) <= slack + tol * (1 + fabs((double)y->values[k]))))
				fail_msg("position %d: value %zu is %.9g, not %.9g", i, k, (double)x->values[k], (double)y->values[k]);
		}
		CHECK_NEAR(x->logits.lse, y->logits.lse, tol * 10);
		CHECK_NEAR(x->logits.mean_sq, y->logits.mean_sq, tol * 100);
		for (int k = 0; k < x->n_layers * STEP_NEURONS; k++) {
			CHECK_INT(x->neurons[k].index, y->neurons[k].index);
			CHECK_NEAR(x->neurons[k].activation, y->neurons[k].activation, tol * 10);
			CHECK_NEAR(x->neurons[k].contribution, y->neurons[k].contribution, tol * 10);
		}
		for (int k = 0; k < x->n_receipts; k++) {
			CHECK_INT(x->receipts[k].edit, y->receipts[k].edit);
			CHECK_INT(x->receipts[k].applied, y->receipts[k].applied);
			CHECK_NEAR(x->receipts[k].change, y->receipts[k].change, tol * (1 + fabs((double)y->receipts[k].change)));
			CHECK_NEAR(x->receipts[k].before, y->receipts[k].before, tol * (1 + fabs((double)y->receipts[k].before)));
		}
	}
}

static struct tiny open_tiny(const char *arch, enum dtype type)
{
	struct tiny_spec spec = tiny_spec(arch, type);
	struct tiny t;
	struct err e = { 0 };

	spec.own_head = type % 2;
	spec.rope_freqs = !strcmp(arch, "llama");
	if (!tiny_open(&t, &spec, &e))
		fail_msg("%s", e.msg);
	return t;
}

/* ---- tests ---- */

static void every_type_and_architecture_agrees_with_the_cpu(void **state)
{
	(void)state;
	for (size_t a = 0; a < sizeof archs_run / sizeof *archs_run; a++)
		for (int t = 0; t < N_DTYPES; t++) {
			struct tiny tiny = open_tiny(archs_run[a], (enum dtype)t);
			struct reading cpu, exact, gpu;

			open_reading(&cpu, tiny.model, BACKEND_cpu, SENT, (struct session_options){ .exact = true });
			open_reading(&exact, tiny.model, BACKEND_cuda, SENT, (struct session_options){ .exact = true });
			open_reading(&gpu, tiny.model, BACKEND_cuda, SENT, (struct session_options){ 0 });
			read_text(&cpu);
			read_text(&exact);
			read_text(&gpu);
			double f32 = worst_logits(&exact, &cpu, 0, N_TOKENS), f16 = worst_logits(&gpu, &cpu, 0, N_TOKENS);

			if (!(f32 < 1e-5) || !(f16 < 1e-3))
				fail_msg("%s %s: exact %.2g off, with rounded products %.2g", archs_run[a], dtypes[t]->name, f32, f16);
			same_steps(&exact, &cpu, 2e-5);
			close_reading(&gpu);
			close_reading(&exact);
			close_reading(&cpu);
			tiny_close(&tiny);
		}
	CHECK_INT(emu_in_use, 0);
}

static void the_order_of_threads_changes_no_bit(void **state)
{
	(void)state;
	for (size_t a = 0; a < sizeof archs_run / sizeof *archs_run; a++) {
		struct tiny tiny = open_tiny(archs_run[a], a == 1 ? DTYPE_Q4_K : DTYPE_Q8_0);
		struct reading r[3];

		for (int o = 0; o < 3; o++) {
			emu_order((enum emu_fiber_order)o);
			open_reading(&r[o], tiny.model, BACKEND_cuda, SENT, (struct session_options){ 0 });
			read_text(&r[o]);
		}
		emu_order(EMU_FORWARD);
		for (int o = 1; o < 3; o++) {
			assert_memory_equal(r[0].logits, r[o].logits, (size_t)N_TOKENS * (size_t)tiny.model->hp.n_vocab * sizeof(float));
			for (int i = 0; i < r[0].n; i++)
				assert_memory_equal(r[0].steps[i]->values, r[o].steps[i]->values, r[0].plan->n_values * sizeof(float));
			same_steps(&r[0], &r[o], 0);
		}
		for (int o = 0; o < 3; o++)
			close_reading(&r[o]);
		tiny_close(&tiny);
	}
}

/* ---- edits ---- */

static const struct edit_set *set_of(const struct model *m, const char *const *lines, int n)
{
	const struct edit_set *s = edit_set_empty();
	struct err e = { 0 };

	for (int i = 0; i < n; i++) {
		struct edit ed;

		if (!edit_parse(lines[i], &m->hp, &ed, &e))
			fail_msg("%s: %s", lines[i], e.msg);
		ed.number = i + 1;
		const struct edit_set *more = edit_set_with(s, &ed, (uint32_t)i + 1);
		edit_drop(&ed);
		edit_set_unref(s);
		s = more;
	}
	return s;
}

static void agree_under(const struct model *m, const char *const *lines, int n, int n_probes)
{
	const struct edit_set *set = set_of(m, lines, n);
	struct reading cpu, gpu, plain;

	open_reading(&cpu, m, BACKEND_cpu, n_probes, (struct session_options){ .exact = true });
	open_reading(&plain, m, BACKEND_cpu, n_probes, (struct session_options){ .exact = true });
	open_reading(&gpu, m, BACKEND_cuda, n_probes, (struct session_options){ .exact = true });
	session_edits(cpu.s, set);
	session_edits(gpu.s, set);
	read_text(&cpu);
	read_text(&gpu);
	read_text(&plain);
	double d = worst_logits(&gpu, &cpu, 0, N_TOKENS);
	if (!(d < 1e-5))
		fail_msg("under %s: logits %.2g off", lines[0], d);
	/* An edit that does nothing would prove nothing. */
	if (!(worst_logits(&plain, &cpu, 0, N_TOKENS) > 1e-3))
		fail_msg("%s does nothing", lines[0]);
	same_steps(&gpu, &cpu, 2e-5);
	edit_set_unref(set);
	close_reading(&plain);
	close_reading(&gpu);
	close_reading(&cpu);
}

static char *vector_file(const struct model *m, const char *operation, int layer)
{
	struct err e = { 0 };
	struct address at = { .site = SITE_resid_post, .layer = layer, .head = -1, .index = -1 };
	float *v = calloc((size_t)m->hp.d_model, sizeof *v);
	char *path = tiny_temp_file("", 0, ".vec");

	for (int i = 0; i < m->hp.d_model; i++)
		v[i] = (float)sin(i + 1);
	struct vec *x = vec_new("v", operation, &at, 0.5f, m->hp.d_model, v);
	if (!vec_write(x, path, &m->hp, "", &e))
		fail_msg("%s", e.msg);
	vec_unref(x);
	free(v);
	return path;
}

static void edits_at_every_site_do_what_they_do_on_the_cpu(void **state)
{
	static const char *const lines[] = {
		"L0.resid_pre[3] = 2", "L1.resid_pre * 0.5", "L1.H1.temp = 3", "L0.temp * 2", "L1.z[5] + 1", "L0.H2 * 0",
		"L1.attn_out * 2", "L0.resid_mid[1] = -3", "L1.up[4] = 8", "L0.up min 0.1", "L1.mlp max 0.05", "L0.mlp[7] = 5",
		"L1.mlp_out[0] + 4", "L0.resid + 0.25", "L1.resid[2] = 3", "L*.resid * 0.9", "L*.mlp_out + 0.1", "final_norm * 2",
		"final_norm[1] = 4", "logits[3] = 5", "logits * 0.5", "L0.resid * 2 in prompt", "L1.mlp_out * 3 in 13..15",
		"L0.attn_out * 0 in 4..12",
	};
	struct tiny tiny = open_tiny("llama", DTYPE_Q5_1), gpt2 = open_tiny("gpt2", DTYPE_F16);

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i += 4)
		agree_under(tiny.model, &lines[i], 4, SENT);
	agree_under(tiny.model, (const char *[]){ "L1.gate[3] = 4" }, 1, SENT);
	agree_under(gpt2.model, (const char *[]){ "L1.mlp[3] = 4", "L0.up[2] * 3", "L0.H1 * 0", "logits[7] + 2" }, 4, SENT);
	/* All at once, and with a probe that wants whole vectors. */
	agree_under(tiny.model, lines, (int)(sizeof lines / sizeof *lines), SENT);
	agree_under(tiny.model, lines, (int)(sizeof lines / sizeof *lines), N_PROBES);
	for (int layer = 0; layer < 2; layer++) {
		char *add = vector_file(tiny.model, "add", layer), *project = vector_file(tiny.model, "project", layer);
		char line[2][512];

		snprintf(line[0], sizeof line[0], "L%d.resid + %s * 3", layer, add);
		snprintf(line[1], sizeof line[1], "L%d.resid project %s", layer, project);
		agree_under(tiny.model, (const char *[]){ line[0], line[1] }, 2, SENT);
		agree_under(tiny.model, (const char *[]){ line[1] }, 1, SENT);
		unlink(add);
		unlink(project);
		free(add);
		free(project);
	}
	tiny_close(&gpt2);
	tiny_close(&tiny);
	CHECK_INT(emu_in_use, 0);
}

static void greedy_text_under_scoped_edits_is_the_same(void **state)
{
	static const char *const lines[] = { "L0.mlp_out * 2 in generated", "L1.resid + 0.3 in prompt", "L1.up[3] = 6 in 14..99" };
	struct run cpu, gpu;

	(void)state;
	for (size_t a = 0; a < sizeof archs_run / sizeof *archs_run; a++) {
		run_begin(&cpu, archs_run[a], (struct session_options){ .backend = BACKEND_cpu, .exact = true, .piece = 5 });
		run_begin(&gpu, archs_run[a], (struct session_options){ .backend = BACKEND_cuda, .piece = 5 });
		const struct edit_set *set = set_of(cpu.tiny.model, lines, 3);

		session_edits(cpu.s, set);
		session_edits(gpu.s, set);
		run_generate(&cpu, 20);
		run_generate(&gpu, 20);
		assert_memory_equal(session_tokens(cpu.s), session_tokens(gpu.s), (N_TEXT + 20) * sizeof(int32_t));
		CHECK_INT(cpu.n, gpu.n);
		for (int i = 0; i < cpu.n; i++)
			for (int k = 0; k < 3; k++)
				CHECK_INT(cpu.steps[i]->receipts[k].applied, gpu.steps[i]->receipts[k].applied);
		edit_set_unref(set);
		run_end(&gpu);
		run_end(&cpu);
	}
}

/* ---- looks ---- */

static const struct look *look_at(struct session *s, const struct look_request *what)
{
	struct err e = { 0 };
	const struct look *k;

	if (!session_look(s, what, &k, &e))
		fail_msg("%s", e.msg);
	return k;
}

static void looks_agree(const struct look *a, const struct look *b)
{
	assert_true(off(a->attention, b->attention, (size_t)a->n_heads * (size_t)a->n_keys) < 1e-5);
	assert_true(off(a->neurons, b->neurons, (size_t)a->n_layers * (size_t)a->d_ff) < 1e-5);
	assert_true(off(a->site, b->site, (size_t)a->n_site) < 1e-5);
	CHECK_INT(a->n_site, b->n_site);
	CHECK_INT(a->settled, b->settled);
	CHECK_NEAR(a->jsd, b->jsd, 1e-5);
	CHECK_NEAR(a->kl, b->kl, 1e-5);
	CHECK_INT(a->best[0], b->best[0]);
	CHECK_INT(a->best[1], b->best[1]);
	for (int l = 0; l < a->n_layers; l++) {
		CHECK_INT(a->lens[l].top[0].id, b->lens[l].top[0].id);
		CHECK_NEAR(a->lens[l].top[0].p, b->lens[l].top[0].p, 1e-5);
		CHECK_NEAR(a->lens[l].kl, b->lens[l].kl, 1e-5);
	}
}

static void a_look_sees_what_the_cpu_sees_and_leaves_no_trace(void **state)
{
	static const enum site shown[] = { SITE_resid_pre, SITE_z, SITE_attn_out, SITE_resid_mid, SITE_gate, SITE_up, SITE_mlp,
		SITE_mlp_out, SITE_resid_post };
	struct tiny tiny = open_tiny("qwen2", DTYPE_Q8_0);
	const struct edit_set *set = set_of(tiny.model, (const char *[]){ "L0.mlp[2] = 3", "logits[4] + 1" }, 2);
	struct reading cpu, gpu, never;

	(void)state;
	for (int split = 0; split < 2; split++) {
		open_reading(&cpu, tiny.model, BACKEND_cpu, SENT, (struct session_options){ .exact = true });
		open_reading(&gpu, tiny.model, BACKEND_cuda, SENT, (struct session_options){ .exact = true, .gpu_layers = split });
		open_reading(&never, tiny.model, BACKEND_cuda, SENT, (struct session_options){ .exact = true, .gpu_layers = split });
		session_edits(cpu.s, set);
		session_edits(gpu.s, set);
		session_edits(never.s, set);
		read_text(&cpu);
		read_text(&gpu);
		read_text(&never);
		for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
			struct look_request what = { .what = LOOK_ATTENTION | LOOK_NEURONS | LOOK_LENS | LOOK_COMPARE | LOOK_SITE,
				.pos = (int)i + 3, .step = -1, .layer = (int)i % 2,
				.at = { .site = shown[i], .layer = (int)(i + 1) % 2, .head = -1, .index = -1 } };
			const struct look *a = look_at(cpu.s, &what), *b = look_at(gpu.s, &what);

			looks_agree(b, a);
			look_unref(a);
			look_unref(b);
		}
		struct err e = { 0 };
		CHECK(session_append(gpu.s, (int32_t[]){ 9 }, 1, &e) && session_append(never.s, (int32_t[]){ 9 }, 1, &e));
		CHECK(session_logits(gpu.s, gpu.logits, &e) && session_logits(never.s, never.logits, &e));
		assert_memory_equal(gpu.logits, never.logits, (size_t)tiny.model->hp.n_vocab * sizeof(float));
		close_reading(&never);
		struct look_request one = { .what = LOOK_NEURON, .pos = 6, .step = -1,
			.at = { .site = SITE_mlp, .layer = 1, .head = -1, .index = 17 } };
		const struct look *a = look_at(cpu.s, &one), *b = look_at(gpu.s, &one);
		CHECK_NEAR(a->neuron.gate, b->neuron.gate, 1e-5);
		CHECK_NEAR(a->neuron.up, b->neuron.up, 1e-5);
		CHECK_NEAR(a->neuron.mlp, b->neuron.mlp, 1e-5);
		look_unref(a);
		look_unref(b);
		close_reading(&gpu);
		close_reading(&cpu);
	}
	edit_set_unref(set);
	tiny_close(&tiny);
	CHECK_INT(emu_in_use, 0);
}

/* ---- who looks on ---- */

struct seen {
	double sum[N_PLACES];
	int n;
};

static void look_on(void *to, enum place place, int layer, const float *x, int m, int width)
{
	struct seen *s = to;

	for (int i = 0; i < m * width; i++)
		s->sum[place] += (double)x[i] * (1 + layer) * (1 + i % 13);
	s->n++;
}

static void an_onlooker_is_shown_the_same_places(void **state)
{
	struct tiny tiny = open_tiny("gpt2", DTYPE_Q4_1);
	struct seen cpu_saw = { .n = 0 }, gpu_saw = { .n = 0 };
	struct reading cpu, gpu;

	(void)state;
	open_reading(&cpu, tiny.model, BACKEND_cpu, SENT, (struct session_options){ .exact = true, .onlooker = { look_on, &cpu_saw } });
	open_reading(&gpu, tiny.model, BACKEND_cuda, SENT, (struct session_options){ .exact = true, .onlooker = { look_on, &gpu_saw } });
	/* Single tokens are not shown on a device, so the text comes in two pieces. */
	for (int i = 0; i < 2; i++) {
		struct err e = { 0 };

		CHECK(session_append(i ? gpu.s : cpu.s, (int32_t[]){ 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8 }, 12, &e));
		CHECK(session_logits(i ? gpu.s : cpu.s, NULL, &e));
	}
	CHECK_INT(gpu_saw.n, cpu_saw.n);
	for (int i = 0; i < N_PLACES; i++)
		CHECK_NEAR(gpu_saw.sum[i], cpu_saw.sum[i], 1e-5 * (10 + fabs(cpu_saw.sum[i])) * 10);
	close_reading(&gpu);
	close_reading(&cpu);
	tiny_close(&tiny);
}

/* ---- a device that is too small, or fails ---- */

static void layers_that_do_not_fit_stay_on_the_cpu(void **state)
{
	struct tiny tiny = open_tiny("llama", DTYPE_Q6_K);
	struct reading cpu, gpu;
	struct err e = { 0 };

	(void)state;
	open_reading(&cpu, tiny.model, BACKEND_cpu, N_PROBES, (struct session_options){ .exact = true });
	open_reading(&gpu, tiny.model, BACKEND_cuda, N_PROBES, (struct session_options){ .exact = true, .gpu_layers = 1 });
	assert_non_null(strstr(session_kernels(gpu.s), "cuda, emulated, 1 of 2 layers, the rest "));
	read_text(&cpu);
	read_text(&gpu);
	assert_true(worst_logits(&gpu, &cpu, 0, N_TOKENS) < 1e-5);
	same_steps(&gpu, &cpu, 2e-5);
	close_reading(&gpu);
	close_reading(&cpu);

	/* Nothing fits: one line that says how much there is. */
	struct emu_device was = emu_device;
	emu_device.memory = 100 << 20;
	assert_null(session_new(tiny.model, &(struct session_options){ .backend = BACKEND_cuda, .n_ctx = 40, .plan = gpu.plan }, &e));
	CHECK_INT(e.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(e.msg, "0.1 GB free"));
	emu_device = was;
	tiny_close(&tiny);
}

static void a_card_that_will_not_do_is_named(void **state)
{
	static const struct { struct emu_device is; const char *says; } cards[] = {
		{ { .major = 9, .units = 0 }, "finds no CUDA device" },
		{ { .major = 6, .minor = 1, .units = 4, .memory = (size_t)2 << 30, .shared = 48 << 10 }, "compute capability 6.1" },
	};
	struct tiny tiny = open_tiny("llama", DTYPE_F32);
	struct emu_device was = emu_device;

	(void)state;
	for (size_t i = 0; i < sizeof cards / sizeof *cards; i++) {
		struct err e = { 0 };

		emu_device = cards[i].is;
		assert_null(session_new(tiny.model, &(struct session_options){ .backend = BACKEND_cuda }, &e));
		CHECK_INT(e.code, ERR_UNSUPPORTED);
		if (!strstr(e.msg, cards[i].says))
			fail_msg("%s", e.msg);
	}
	emu_device = was;
	tiny_close(&tiny);
}

static void a_call_that_fails_ends_the_run_with_its_name(void **state)
{
	static const char *const calls[] = { "cudaGraphLaunch", "cudaMemcpyAsync (down)", "cudaStreamSynchronize", "gemv_Q8_0",
		"attend_4", "cudaGraphInstantiate", "cudaStreamBeginCapture", "watch" };
	struct tiny tiny = open_tiny("llama", DTYPE_Q8_0);

	(void)state;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		struct reading r;
		struct err e = { 0 };

		open_reading(&r, tiny.model, BACKEND_cuda, SENT, (struct session_options){ 0 });
		CHECK(session_append(r.s, (int32_t[]){ 1, 2, 3 }, 3, &e));
		emu_fail(calls[i], 1);
		while (session_advance(r.s, &e))
			assert_true(session_len(r.s) < 20);
		CHECK_INT(e.code, ERR_RUN);
		if (!strstr(e.msg, calls[i]))
			fail_msg("%s: %s", calls[i], e.msg);
		/* What was published is whole; nothing was added after the failure. */
		CHECK_INT(r.n, session_read(r.s));
		assert_false(session_advance(r.s, &e));
		emu_fail(NULL, 0);
		close_reading(&r);
	}
	CHECK_INT(emu_in_use, 0);
	tiny_close(&tiny);
}

static void no_failing_allocation_leaks_or_crashes(void **state)
{
	struct tiny tiny = open_tiny("gpt2", DTYPE_Q4_0);
	bool opened = false;

	(void)state;
	for (int n = 1; !opened; n++) {
		struct err e = { 0 };
		struct session *s;

		assert_true(n < 500);
		emu_fail("cudaMalloc", n);
		s = session_new(tiny.model, &(struct session_options){ .backend = BACKEND_cuda }, &e);
		opened = s != NULL;
		if (!s)
			assert_non_null(strstr(e.msg, "cudaMalloc"));
		session_free(s);
		CHECK_INT(emu_in_use, 0);
	}
	emu_fail(NULL, 0);
	tiny_close(&tiny);
}

/* A table whose products come out wrong. */
static bool wrong_logits(struct gpu *g, int row0, int n, const float **logits, const struct softmax_stats **stats, struct err *e)
{
	bool ok = clampmeter_gpu()->logits(g, row0, n, logits, stats, e);

	if (ok)
		((float *)(uintptr_t)*logits)[0] += 100;
	return ok;
}

static void a_device_that_computes_wrongly_is_not_used(void **state)
{
	struct gpu_api bad = *clampmeter_gpu();
	struct tiny tiny = open_tiny("qwen2", DTYPE_F16);
	size_t size = tiny.model->file_bytes;
	struct err e = { 0 };
	struct session *s;

	(void)state;
	bad.logits = wrong_logits;
	backend_cuda_use(&bad);
	assert_null(session_new(tiny.model, &(struct session_options){ .backend = BACKEND_cuda }, &e));
	CHECK_INT(e.code, ERR_RUN);
	assert_non_null(strstr(e.msg, "does not agree with the CPU"));
	/* Left to itself the program goes on with the CPU, and says why. */
	tiny.model->file_bytes = BACKEND_AUTO_BYTES;
	s = session_new(tiny.model, &(struct session_options){ .backend = BACKEND_AUTO }, &e);
	assert_non_null(s);
	CHECK_STR(session_kernels(s), kernels()->name);
	assert_non_null(strstr(session_note(s), "does not agree with the CPU"));
	session_free(s);
	backend_cuda_use(clampmeter_gpu());
	s = session_new(tiny.model, &(struct session_options){ .backend = BACKEND_AUTO }, &e);
	assert_non_null(s);
	CHECK_STR(session_kernels(s), "cuda, emulated");
	CHECK_STR(session_note(s), "");
	session_free(s);
	/* A small model is not worth a device's start. */
	tiny.model->file_bytes = size;
	s = session_new(tiny.model, &(struct session_options){ .backend = BACKEND_AUTO }, &e);
	CHECK_STR(session_kernels(s), kernels()->name);
	session_free(s);
	tiny_close(&tiny);
}

static void a_token_is_one_launch(void **state)
{
	struct tiny tiny = open_tiny("llama", DTYPE_Q4_0);
	struct reading r;
	struct err e = { 0 };
	unsigned long before;

	(void)state;
	open_reading(&r, tiny.model, BACKEND_cuda, SENT, (struct session_options){ 0 });
	read_text(&r);
	before = emu_replays;
	for (int i = 0; i < 5; i++)
		CHECK(session_append(r.s, (int32_t[]){ i }, 1, &e) && session_logits(r.s, NULL, &e));
	CHECK_INT(emu_replays, before + 5);
	close_reading(&r);
	tiny_close(&tiny);
}

static int use_emulated(void **state)
{
	(void)state;
	backend_cuda_use(clampmeter_gpu());
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_type_and_architecture_agrees_with_the_cpu),
		TEST(the_order_of_threads_changes_no_bit),
		TEST(edits_at_every_site_do_what_they_do_on_the_cpu),
		TEST(greedy_text_under_scoped_edits_is_the_same),
		TEST(a_look_sees_what_the_cpu_sees_and_leaves_no_trace),
		TEST(an_onlooker_is_shown_the_same_places),
		TEST(layers_that_do_not_fit_stay_on_the_cpu),
		TEST(a_card_that_will_not_do_is_named),
		TEST(a_call_that_fails_ends_the_run_with_its_name),
		TEST(no_failing_allocation_leaks_or_crashes),
		TEST(a_device_that_computes_wrongly_is_not_used),
		TEST(a_token_is_one_launch),
	};

	return cmocka_run_group_tests(tests, use_emulated, NULL);
}
