/* test_awrs: the law of what is drawn, the mean of the weight, and text held to an expression. */
#include "engine/samplers/awrs_draw.h"

#include "engine/base/rng.h"
#include "tests/engine/sampler_rig.h"
#include "tests/tiny_model.h"

enum { MOST = 10 };

struct game {
	const bool *allowed;
	uint64_t run, n;
};

static bool allowed(void *of, size_t i)
{
	return ((struct game *)of)->allowed[i];
}

static double uniform(void *of)
{
	struct game *g = of;

	return rng_uniform(11, g->run, g->n++);
}

struct law {
	double p[MOST];
	bool allowed[MOST];
	size_t n;
};

static const struct law laws[] = {
	{ { .05, .3, .2, .25, .05, .15 }, { true, false, true, false, false, true }, 6 },
	{ { .72, .02, .06, .02, .03, .05, .02, .03, .01, .04 },
	  { false, true, false, true, true, false, true, false, true, true }, 10 },
	{ { .72, .02, .06, .02, .03, .05, .02, .03, .01, .04 },
	  { true, true, false, true, true, false, false, false, true, true }, 10 },
};

static struct awrs prepared(const struct law *law, float *p, double *block, struct game *g)
{
	for (size_t i = 0; i < law->n; i++)
		p[i] = (float)law->p[i];
	return (struct awrs){ .p = p, .block = block, .n = law->n, .accept = allowed, .uniform = uniform, .of = g };
}

static double allowed_mass(const struct law *law)
{
	double z = 0;

	for (size_t i = 0; i < law->n; i++)
		z += law->allowed[i] ? law->p[i] : 0;
	return z;
}

/* accepts 0: the recursive form. */
static void plays_fair(const struct law *law, int accepts)
{
	enum { N = 200000 };
	int count[MOST] = { 0 };
	double mean = 0, mean_sq = 0, z = allowed_mass(law);

	for (uint64_t k = 0; k < N; k++) {
		struct game g = { .allowed = law->allowed, .run = k };
		float p[MOST];
		double block[1];
		struct awrs a = prepared(law, p, block, &g);
		long i = accepts ? awrs_geometric(&a, accepts) : awrs_recursive(&a);
		double w = exp(a.log_weight);

		assert_true(i >= 0 && law->allowed[i]);
		count[i]++;
		mean += w / N;
		mean_sq += w * w / N;
	}
	double error = sqrt((mean_sq - mean * mean) / N);
	printf("V %zu, accepts %d: mean weight %.5f, allowed %.5f (%.5f)\n", law->n, accepts, mean, z, error);
	CHECK_NEAR(mean, z, 3 * error);
	CHECK(error < 1e-3);
	for (size_t i = 0; i < law->n; i++) {
		double want = law->allowed[i] ? law->p[i] / z : 0;

		CHECK_NEAR(count[i] / (double)N, want, 4 * sqrt(want * (1 - want) / N) + 1e-9);
	}
}

static void the_sample_is_p_restricted_and_the_weight_its_mass(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		plays_fair(&laws[i], 0);
		plays_fair(&laws[i], 2);
	}
}

static void more_accepts_make_the_same_mean_steadier(void **state)
{
	(void)state;
	plays_fair(&laws[1], 5);
}

static void nothing_allowed_is_a_weight_of_zero(void **state)
{
	struct law none = laws[0];

	(void)state;
	memset(none.allowed, 0, sizeof none.allowed);
	for (int form = 0; form < 2; form++) {
		struct game g = { .allowed = none.allowed };
		float p[MOST];
		double block[1];
		struct awrs a = prepared(&none, p, block, &g);

		CHECK_INT(form ? awrs_geometric(&a, 2) : awrs_recursive(&a), AWRS_NONE);
		CHECK(isinf(a.log_weight) && a.log_weight < 0);
		CHECK_INT(a.n_tests, 6);
	}
}

/* Many blocks, most of them empty: what is left is always found. */
static void a_long_list_is_drawn_to_its_end(void **state)
{
	enum { N = 3000 };
	bool *in = calloc(N, sizeof *in);
	float *p = calloc(N, sizeof *p);
	double *block = calloc(awrs_blocks(N), sizeof *block);

	(void)state;
	in[2999] = true;
	for (int i = 0; i < N; i++)
		p[i] = i % 3 ? 0 : 1e-3f;
	p[2999] = 1e-12f;
	struct game g = { .allowed = in };
	struct awrs a = { .p = p, .block = block, .n = N, .accept = allowed, .uniform = uniform, .of = &g };
	CHECK_INT(awrs_recursive(&a), 2999);
	CHECK_INT(a.n_tests, 1001);
	CHECK_NEAR(a.log_weight, log(1e-12), 1e-3);
	free(block);
	free(p);
	free(in);
}

static struct tiny tiny;

static int open_model(void **state)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	struct err e = { 0 };

	(void)state;
	return !tiny_open(&tiny, &spec, &e);
}

static int close_model(void **state)
{
	(void)state;
	tiny_close(&tiny);
	return 0;
}

static struct rig *constrained(const char *chain, const float *z)
{
	struct rig *r = rig_new(chain, tiny.model, z, vocab_size(tiny.model->vocab));

	r->cx.vocab = tiny.model->vocab;
	return r;
}

static void flat_logits(float *z)
{
	for (int i = 0; i < TINY_VOCAB; i++)
		z[i] = (float)(3 * rng_uniform(2, (uint64_t)i, 0));
}

/* Runs until an end token or n steps; the text goes to out.  True when it ended. */
static bool write_text(struct rig *r, int n, char *out, size_t room)
{
	size_t used = 0;

	out[0] = 0;
	for (int i = 0; i < n; i++) {
		const struct step *st = rig_step(r, -1);
		size_t len;
		const char *s = vocab_bytes(tiny.model->vocab, st->token, &len);

		if (vocab_is_end(tiny.model->vocab, st->token))
			return true;
		assert_true(used + len < room);
		memcpy(out + used, s, len);
		out[used += len] = 0;
	}
	return false;
}

static void a_text_is_held_to_the_expression_until_it_ends(void **state)
{
	float z[TINY_VOCAB];
	char text[256];

	(void)state;
	flat_logits(z);
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct rig *r = constrained("awrs \"[ab]{3}-(cat|dog)\"", z);

		r->cx.seed = seed;
		CHECK(write_text(r, 40, text, sizeof text));
		CHECK(strlen(text) == 7 && strspn(text, "ab") == 3 && text[3] == '-');
		CHECK(!strcmp(text + 4, "cat") || !strcmp(text + 4, "dog"));
		CHECK(rig_stage(r, 0)->shown[0] < 0);
		rig_free(r);
	}
}

/* p(a) = 0.1 a step: ln of what is allowed, on average over many seeds. */
static void the_running_weight_adds_up(void **state)
{
	enum { N = 2000 };
	float z[TINY_VOCAB];
	double mean = 0;

	(void)state;
	for (int i = 0; i < TINY_VOCAB; i++)
		z[i] = -INFINITY;
	int a = vocab_find(tiny.model->vocab, "a", 1), b = vocab_find(tiny.model->vocab, "b", 1),
	    c = vocab_find(tiny.model->vocab, "c", 1);
	z[a] = logf(.1f);
	z[b] = logf(.4f);
	z[c] = logf(.5f);
	struct rig *r = constrained("awrs \"a[ab]c*\"", z);
	for (uint64_t seed = 0; seed < N; seed++) {
		float so_far = 0;

		r->cx.seed = seed;
		r->cx.n_tokens = 0;
		r->cx.prev = NULL;
		for (int i = 0; i < 3; i++) {
			const struct step_stage *st = rig_step(r, -1)->stages;

			so_far += st->shown[1];
			CHECK_NEAR(st->shown[0], so_far, 1e-5);
		}
		mean += exp((double)so_far) / N;
	}
	CHECK_NEAR(mean, .1 * .5 * .5, .002);
	rig_free(r);
}

static void the_text_begins_where_the_chain_does(void **state)
{
	float z[TINY_VOCAB];
	char text[64];

	(void)state;
	flat_logits(z);
	struct rig *r = constrained("awrs \"xyz\"", z);
	rig_text(r, (int32_t[]){ 100, 101, 102 }, 3);
	CHECK(write_text(r, 10, text, sizeof text));
	CHECK_STR(text, "xyz");
	CHECK_NEAR(rig_stage(r, 0)->state[1], 3, 0);
	rig_free(r);
}

/* Alternatives of different length, a comment at the end, a quote. */
static void expressions_end_where_their_text_ends(void **state)
{
	static const char *const cases[][2] = { { "awrs \"a|ab|abc\"", "abc" }, { "awrs \"(?x) a b # c\"", "ab" },
		{ "awrs \"\\\"{2}\"", "\"\"" }, { "awrs \"(*UTF)(*UCP)a{4}\"", "aaaa" }, { "awrs \"a+?b\"", "b" } };
	float z[TINY_VOCAB];
	char text[64];

	(void)state;
	for (int i = 0; i < TINY_VOCAB; i++)
		z[i] = -5;
	z[vocab_find(tiny.model->vocab, "c", 1)] = 5;
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		struct rig *r = constrained(cases[k][0], z);

		CHECK(write_text(r, 60, text, sizeof text));
		if (k == 0)
			CHECK(!strncmp(text, cases[k][1], strlen(text)) && text[0]);
		else if (k == 4)
			CHECK(text[strlen(text) - 1] == 'b' && strspn(text, "a") == strlen(text) - 1);
		else
			CHECK_STR(text, cases[k][1]);
		rig_free(r);
	}
}

static void a_text_that_cannot_match_any_more_is_free_and_its_weight_gone(void **state)
{
	float z[TINY_VOCAB];

	(void)state;
	flat_logits(z);
	struct rig *r = constrained("awrs \"aaa\"", z);
	const struct step *st = rig_step(r, vocab_find(tiny.model->vocab, "q", 1));
	CHECK_NEAR(st->stages[0].shown[0], 0, 0);       /* given by hand: not its choice */
	st = rig_step(r, -1);
	CHECK_INT(st->stages[0].kept, vocab_size(tiny.model->vocab));
	CHECK(isinf(st->stages[0].shown[0]));
	st = rig_step(r, -1);
	CHECK(isinf(st->stages[0].shown[0]));
	rig_free(r);
}

static void an_expression_that_backtracks_without_end_ends(void **state)
{
	float z[TINY_VOCAB];

	(void)state;
	for (int i = 0; i < TINY_VOCAB; i++)
		z[i] = -INFINITY;
	z[vocab_find(tiny.model->vocab, "a", 1)] = 0;
	struct rig *r = constrained("awrs \"(a|aa)+b(?!)\"", z);
	for (int i = 0; i < 40; i++)
		rig_step(r, -1);
	rig_free(r);
	r = constrained("awrs \"((((a*)*)*)*)*c\"", z);
	for (int i = 0; i < 40; i++)
		rig_step(r, -1);
	rig_free(r);
}

static void letters_of_many_bytes_are_bytes_or_characters_as_asked(void **state)
{
	float z[TINY_VOCAB];
	char text[64];

	(void)state;
	flat_logits(z);
	struct rig *r = constrained("awrs \"\xc3\xa9+x\"", z);
	CHECK(write_text(r, 60, text, sizeof text));
	CHECK(!strncmp(text, "\xc3\xa9", 2) && text[strlen(text) - 1] == 'x');
	rig_free(r);
	r = constrained("awrs \"(*UTF)[a-c]{2}\"", z);
	CHECK(write_text(r, 10, text, sizeof text));
	CHECK(strlen(text) == 2 && strspn(text, "abc") == 2);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_sample_is_p_restricted_and_the_weight_its_mass),
		TEST(more_accepts_make_the_same_mean_steadier),
		TEST(nothing_allowed_is_a_weight_of_zero),
		TEST(a_long_list_is_drawn_to_its_end),
		TEST(a_text_is_held_to_the_expression_until_it_ends),
		TEST(the_running_weight_adds_up),
		TEST(the_text_begins_where_the_chain_does),
		TEST(expressions_end_where_their_text_ends),
		TEST(a_text_that_cannot_match_any_more_is_free_and_its_weight_gone),
		TEST(an_expression_that_backtracks_without_end_ends),
		TEST(letters_of_many_bytes_are_bytes_or_characters_as_asked),
	};

	return cmocka_run_group_tests(tests, open_model, close_model);
}
