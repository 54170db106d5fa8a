/*
 * test_signals: every lens, measured inside the pass, against full rows of
 * attention and full distributions computed elsewhere (tests/reference).
 */
#include <stdlib.h>
#include <unistd.h>

#include "analysis/lens.h"
#include "engine/session.h"
#include "tests/reference.h"
#include "tests/test.h"

enum { MAX_POS = 128 };

struct run {
	struct reference r;
	struct model *m;
	struct probe_plan *plan;
	struct session *s;
	const struct step *steps[MAX_POS];
	int n;
};

static void collect(void *to, const struct step *s)
{
	struct run *run = to;

	assert_true(run->n < MAX_POS);
	run->steps[run->n++] = s;
}

/* Reads the reference's tokens with every lens on and every distribution made. */
static void run_start(struct run *run, const char *reference, const char *path, int piece)
{
	struct err e = { 0 };
	struct session_options opt = { .n_threads = 2, .piece = piece, .exact = true, .probes = true,
		.prompt_logits = true, .sink = collect, .to = run };

	memset(run, 0, sizeof *run);
	if (!reference_read(&run->r, reference, &e) || !(run->m = model_open(path, NULL, &e)))
		fail_msg("%s", e.msg);
	opt.plan = run->plan = lens_plan(&run->m->hp);
	opt.n_ctx = run->r.n_tokens + 1;
	float *logits = malloc((size_t)run->r.n_tokens * (size_t)run->m->hp.n_vocab * sizeof *logits);
	if (!(run->s = session_new(run->m, &opt, &e)) ||
	    !session_append(run->s, run->r.tokens, (size_t)run->r.n_tokens, &e) || !session_logits(run->s, logits, &e))
		fail_msg("%s", e.msg);
	free(logits);
	CHECK_INT(run->n, run->r.n_tokens);
}

static void run_end(struct run *run)
{
	for (int i = 0; i < run->n; i++)
		step_unref(run->steps[i]);
	session_free(run->s);
	probe_plan_free(run->plan);
	model_close(run->m);
	reference_free(&run->r);
}

/* What float arithmetic may cost.  Without the sink, the error of the entropy is
 * divided by what is left; a neuron may stand on either side of the cut. */
static double allowed(const struct run *run, enum lens_id id, double want, double sink)
{
	if (id == LENS_attn_entropy_nosink)
		return 2e-5 + 1e-5 / (1 - sink);
	if (id == LENS_mlp_sparsity)
		return 1.01 / run->m->hp.d_ff;
	return 5e-5 * fmax(1, fabs(want));
}

/* Holes are the same, but for an entropy at the edge of what can be told. */
static bool same_hole(enum lens_id id, double want, float got, double sink)
{
	if (id == LENS_attn_entropy_nosink && fabs(1 - sink - 1e-3) < 1e-5)
		return true;
	return isnan(want) == (bool)isnan(got);
}

/* It follows from the log-probability, which test_exact holds against the reference. */
static double check_surprisal(const struct run *run)
{
	for (int i = 0; i < run->n; i++) {
		const struct step *s = run->steps[i];
		float got = step_values(s, LENS_surprisal)[0];

		if (s->has_logits && s->token >= 0)
			CHECK_NEAR(got, fmax(-(double)s->logprob, 0), 0);
		else
			CHECK(isnan(got));
	}
	return 0;
}

static double check_lens(const struct run *run, enum lens_id id)
{
	if (id == LENS_surprisal)
		return check_surprisal(run);

	const char *name = lenses[id]->probe.name;
	size_t count = probe_plan_count(run->plan, (int)id);
	struct npy want, sink;
	struct err e = { 0 };
	double most = 0;

	if (!reference_more(&run->r, name, &want, &e) || !reference_more(&run->r, "attn_sink", &sink, &e))
		fail_msg("%s", e.msg);
	CHECK_INT(want.n, count * (size_t)run->n);
	for (size_t i = 0; i < want.n; i++) {
		double p0 = want.n == sink.n ? sink.v[i] : 0;
		float got = step_values(run->steps[i / count], (int)id)[i % count];

		if (!same_hole(id, want.v[i], got, p0))
			fail_msg("%s at position %zu, value %zu: %g, expected %g", name, i / count, i % count, (double)got,
			    want.v[i]);
		if (isnan(want.v[i]) || isnan(got))
			continue;
		double off = fabs((double)got - want.v[i]);
		if (!(off <= allowed(run, id, want.v[i], p0)))
			fail_msg("%s at position %zu, value %zu: %.9g, expected %.9g", name, i / count, i % count,
			    (double)got, want.v[i]);
		most = fmax(most, off);
	}
	npy_free(&want);
	npy_free(&sink);
	return most;
}

static void check_all(const char *reference, const char *path, int piece)
{
	struct run run;

	run_start(&run, reference, path, piece);
	printf("%s, pieces of %d:", reference, piece);
	for (int i = 0; i < N_LENSES; i++)
		printf(" %s %.1e", lenses[i]->probe.name, check_lens(&run, (enum lens_id)i));
	printf("\n");
	run_end(&run);
}

static void every_lens_agrees_with_full_rows_on_tiny_models(void **state)
{
	static const char *const names[] = { "tiny-gpt2", "tiny-qwen2", "tiny-llama", "tiny-llama3", "tiny-quants",
		"tiny-kquants" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[256];

		snprintf(path, sizeof path, REFERENCE "%s.gguf", names[i]);
		check_all(names[i], path, 64);
		check_all(names[i], path, 1);
	}
}

static void every_lens_agrees_with_full_rows_on_a_trained_model(void **state)
{
	(void)state;
	if (access(SHARED "models/stories260K.gguf", R_OK))
		SKIP("no shared models");
	check_all("stories260K", SHARED "models/stories260K.gguf", 64);
	check_all("stories260K", SHARED "models/stories260K.gguf", 1);
}

static void watching_changes_no_bit(void **state)
{
	struct run run;
	struct err e = { 0 };
	struct session *s[2];
	size_t n;

	(void)state;
	run_start(&run, "tiny-kquants", REFERENCE "tiny-kquants.gguf", 7);
	n = (size_t)run.r.n_tokens * (size_t)run.m->hp.n_vocab;
	float *watched = malloc(2 * n * sizeof *watched), *alone = watched + n;
	for (int i = 0; i < 2; i++) {
		struct session_options opt = { .n_threads = 2, .piece = 7, .probes = i == 0, .plan = run.plan };

		s[i] = session_new(run.m, &opt, &e);
		if (!s[i] || !session_append(s[i], run.r.tokens, (size_t)run.r.n_tokens, &e) ||
		    !session_logits(s[i], i == 0 ? watched : alone, &e))
			fail_msg("%s", e.msg);
		session_free(s[i]);
	}
	assert_memory_equal(watched, alone, n * sizeof *watched);
	free(watched);
	run_end(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_lens_agrees_with_full_rows_on_tiny_models),
		TEST(every_lens_agrees_with_full_rows_on_a_trained_model),
		TEST(watching_changes_no_bit),
	};

	return RUN(tests);
}
