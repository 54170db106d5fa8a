#include "tests/session_run.h"

#include "tests/test.h"

/* Three probes that stand for all: one per head, one per layer, one that looks back. */
static void read_head(const struct site_view *at, float *out)
{
	for (int h = 0; h < at->rows; h++)
		out[h] = at->softmax[h].lse - at->softmax[h].mean;
}

static void read_first(const struct site_view *at, float *out)
{
	*out = at->data[0];
}

static void look_back(const struct step *s, const struct step *prev, float *out)
{
	*out = prev ? (float)(s->pos - prev->pos) : 0;
}

static const struct probe head_entropy = { "head_entropy", PROBE_HEADS, SITE_attn_probs, read_head, NULL, PROBE_SOFTMAX };
static const struct probe mlp_first = { "mlp_first", PROBE_LAYERS, SITE_mlp, read_first, NULL, PROBE_ANY };
static const struct probe distance = { "distance", PROBE_SCALAR, SITE_NONE, NULL, look_back, PROBE_ANY };
static const struct probe *const probes[] = { &head_entropy, &mlp_first, &distance };

static void collect(void *to, const struct step *s)
{
	struct run *r = to;

	assert_true(r->n < RUN_STEPS);
	r->steps[r->n++] = s;
}

const int32_t run_text[N_TEXT] = { 5, 17, 80, 3, 99, 42, 7, 200, 11, 64, 150, 33 };
void run_start(struct run *r, const char *arch, struct session_options opt)
{
	struct tiny_spec spec = tiny_spec(arch, DTYPE_F32);
	struct err e = { 0 };

	memset(r, 0, sizeof *r);
	if (!tiny_open(&r->tiny, &spec, &e))
		fail_msg("%s", e.msg);
	r->plan = probe_plan_new(probes, 3, &r->tiny.model->hp);
	opt.plan = r->plan;
	opt.probes = opt.keep_steps = true;
	opt.sink = collect;
	opt.to = r;
	if (opt.n_threads == 0)
		opt.n_threads = 1;
	if (!(r->s = session_new(r->tiny.model, &opt, &e)))
		fail_msg("%s", e.msg);
}

void run_end(struct run *r)
{
	for (int i = 0; i < r->n; i++)
		step_unref(r->steps[i]);
	session_free(r->s);
	probe_plan_free(r->plan);
	tiny_close(&r->tiny);
}

static void greedy(struct session *s)
{
	struct err e = { 0 };
	const struct chain *c = chain_parse("greedy", 7, &e);

	session_chain(s, c);
	chain_unref(c);
}

void run_generate(struct run *r, int n)
{
	struct err e = { 0 };

	for (int len = session_len(r->s) + n; session_len(r->s) < len;)
		if (!session_advance(r->s, &e))
			fail_msg("%s", e.msg);
}

void run_begin(struct run *r, const char *arch, struct session_options opt)
{
	struct err e = { 0 };

	run_start(r, arch, opt);
	greedy(r->s);
	assert_true(session_append(r->s, run_text, N_TEXT, &e));
}

const struct edit_set *run_edits(const struct run *r, const char *line, uint32_t revision)
{
	const struct edit_set *none = edit_set_empty(), *s;
	struct edit ed;
	struct err e = { 0 };

	if (!edit_parse(line, &r->tiny.model->hp, &ed, &e))
		fail_msg("%s", e.msg);
	ed.number = 1;
	s = edit_set_with(none, &ed, revision);
	edit_set_unref(none);
	return s;
}
