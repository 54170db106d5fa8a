/* test_receipt: a text read with and without edits, against what two sessions say. */
#include <math.h>
#include <stdlib.h>

#include "analysis/receipt.h"
#include "engine/session.h"
#include "tests/test.h"
#include "tests/tiny_model.h"

enum { N = 40, PROMPT = 23 };

struct rig {
	struct tiny tiny;
	int32_t tokens[N];
	const struct edit_set *none;
};

static void start(struct rig *r)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	struct err e;

	assert_true(tiny_open(&r->tiny, &spec, &e));
	for (int i = 0; i < N; i++)
		r->tokens[i] = 1 + (i * 37) % (TINY_VOCAB - 2);
	r->none = edit_set_empty();
}

static void stop(struct rig *r)
{
	edit_set_unref(r->none);
	tiny_close(&r->tiny);
}

static const struct edit_set *set_of(const struct rig *r, const char *line)
{
	struct edit ed;
	struct err e;

	if (!edit_parse(line, &r->tiny.model->hp, &ed, &e))
		fail_msg("%s: %s", line, e.msg);
	ed.number = 1;
	return edit_set_with(r->none, &ed, 1);
}

static struct receipt_of_text measure(const struct rig *r, const struct edit_set *with, int n, int n_prompt)
{
	struct receipt_of_text out;
	struct err e = { 0 };

	if (!receipt_read(r->tiny.model, &(struct receipt_ask){ .tokens = r->tokens, .n = n, .n_prompt = n_prompt, .with = with,
	    .without = r->none }, &out, &e))
		fail_msg("%s", e.msg);
	return out;
}

static void no_edits_are_no_distance(void **state)
{
	struct rig r;

	(void)state;
	start(&r);
	struct receipt_of_text t = measure(&r, r.none, N, PROMPT);
	CHECK_INT(t.n, N);
	CHECK_INT(t.flips, 0);
	CHECK(t.jsd == 0 && t.kl == 0 && t.jsd_most == 0);
	CHECK(t.perplexity[0] == t.perplexity[1] && t.perplexity[0] > 1);
	t = measure(&r, r.none, 1, 1);
	CHECK_INT(t.n, 1);
	CHECK(isnan(t.perplexity[0]));
	stop(&r);
}

/* A bias on one logit moves the distribution by what arithmetic says. */
static void a_bias_is_as_far_as_arithmetic_says(void **state)
{
	struct rig r;
	struct probe_plan plan = { .n = 0 };
	struct err e;
	double kl = 0, nll = 0, bias = 4;
	int flips = 0, token = 9;

	(void)state;
	start(&r);
	const struct edit_set *set = set_of(&r, "logit[9] + 4");
	struct receipt_of_text t = measure(&r, set, N, PROMPT);
	struct session *s = session_new(r.tiny.model, &(struct session_options){ .n_threads = 1, .plan = &plan }, &e);
	size_t v = (size_t)r.tiny.model->hp.n_vocab;
	float *logits = calloc(N * v, sizeof *logits);

	assert_true(session_append(s, r.tokens, N, &e) && session_logits(s, logits, &e));
	for (int pos = 0; pos < N; pos++) {
		const float *row = logits + (size_t)pos * v;
		double z = 0, most = -INFINITY, p;

		for (size_t i = 0; i < v; i++) {
			z += exp((double)row[i]);
			most = fmax(most, (double)row[i]);
		}
		p = exp((double)row[token]) / z;
		/* KL(q || p), q = p e^(bias [token]) / Z: the mean of the log ratio. */
		double big = 1 + p * (exp(bias) - 1), q = p * exp(bias) / big;
		kl += q * bias - log(big);
		flips += (double)row[token] < most && (double)row[token] + bias > most;
		if (pos + 1 < N)
			nll -= (double)row[r.tokens[pos + 1]] - log(z);
	}
	CHECK_NEAR(t.kl, kl / N, 1e-5);
	CHECK_INT(t.flips, flips);
	CHECK(t.jsd > 0 && t.jsd < t.kl && t.jsd_most >= t.jsd);
	CHECK_NEAR(t.perplexity[1] / exp(nll / (N - 1)), 1, 1e-5);
	free(logits);
	session_free(s);
	edit_set_unref(set);
	stop(&r);
}

static void scopes_tell_the_prompt_from_what_followed(void **state)
{
	struct rig r;

	(void)state;
	start(&r);
	const struct edit_set *all = set_of(&r, "logit[9] + 4 in all"), *prompt = set_of(&r, "logit[9] + 4 in prompt"),
	    *rest = set_of(&r, "logit[9] + 4 in generated");
	double a = measure(&r, all, N, PROMPT).kl, p = measure(&r, prompt, N, PROMPT).kl, g = measure(&r, rest, N, PROMPT).kl;

	CHECK(p > 0 && g > 0);
	CHECK_NEAR(p + g, a, 1e-6);
	CHECK_NEAR(measure(&r, rest, N, N).kl, 0, 0);
	edit_set_unref(all);
	edit_set_unref(prompt);
	edit_set_unref(rest);
	stop(&r);
}

static bool never(void *of, double done)
{
	(void)of;
	return done < 0.3;
}

static void it_can_be_called_off(void **state)
{
	struct rig r;
	struct receipt_of_text out;
	struct err e = { 0 };

	(void)state;
	start(&r);
	CHECK(!receipt_read(r.tiny.model, &(struct receipt_ask){ .tokens = r.tokens, .n = N, .n_prompt = PROMPT, .with = r.none,
	    .without = r.none, .go = never }, &out, &e));
	CHECK_INT(e.code, ERR_INTERRUPTED);
	stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_edits_are_no_distance),
		TEST(a_bias_is_as_far_as_arithmetic_says),
		TEST(scopes_tell_the_prompt_from_what_followed),
		TEST(it_can_be_called_off),
	};

	return RUN(tests);
}
