/* test_mirostat: the Zipf fit is exact, surprise goes where it is sent, and going back forgets nothing. */
#include "engine/samplers/mirostat.h"

#include "engine/base/rng.h"
#include "engine/session.h"
#include "tests/engine/sampler_rig.h"
#include "tests/tiny_model.h"

enum { N_ZIPF = 50000 };

static float *zipf(double s)
{
	float *z = calloc(N_ZIPF, sizeof *z);

	for (int i = 0; i < N_ZIPF; i++)
		z[i] = (float)(-s * log(i + 1.0));
	return z;
}

static void the_fit_of_a_zipf_law_is_its_exponent(void **state)
{
	static const double exponents[] = { .7, 1, 1.1, 2 };
	struct candidate *c = calloc(N_ZIPF, sizeof *c);

	(void)state;
	for (int k = 0; k < 4; k++) {
		struct candidates all = { .c = c, .n = N_ZIPF, .n_sorted = N_ZIPF };

		for (int i = 0; i < N_ZIPF; i++)
			c[i] = (struct candidate){ .id = i, .logit = (float)(-exponents[k] * log(i + 1.0)) };
		CHECK_NEAR(mirostat_zipf(&all), exponents[k], 2e-7);
	}
	struct candidates one = { .c = c, .n = 1, .n_sorted = 1 };
	CHECK(isnan(mirostat_zipf(&one)));
	free(c);
}

/* eps = 0.1, mu = 6: 0.1 * 64 / (1 - 50000^-0.1) = 9.6804, to the power 1 / 1.1: 7.88. */
static void the_number_kept_is_that_of_the_paper(void **state)
{
	(void)state;
	CHECK_INT(mirostat_k(1.1, 6, N_ZIPF), 9);
	/* s = 1 is the limit of its neighbours, not 0 / 0. */
	CHECK_INT(mirostat_k(1, 12, N_ZIPF), (int)round(4096 / log(50000)) + 1);
	CHECK_NEAR(mirostat_k(1.0011, 12, N_ZIPF), mirostat_k(1, 12, N_ZIPF), 4);
	CHECK_NEAR(mirostat_k(.9989, 12, N_ZIPF), mirostat_k(1, 12, N_ZIPF), 4);
	CHECK_INT(mirostat_k(1.1, -50, N_ZIPF), 1);
	CHECK_INT(mirostat_k(1.1, 5000, N_ZIPF), N_ZIPF);
	CHECK_INT(mirostat_k(NAN, 6, 7), 7);
}

struct means {
	double given, left, steered;
};

static struct means steer(const char *chain, const float *z, int skip, int n)
{
	struct rig *r = rig_new(chain, NULL, z, N_ZIPF);
	struct means m = { 0 };

	for (int i = 0; i < skip + n; i++) {
		const struct step *st = rig_step(r, -1);

		if (i < skip)
			continue;
		m.given += (double)st->stages[0].shown[1] / n;
		m.left += (double)st->stages[0].shown[2] / n;
		m.steered = (double)st->stages[0].shown[3];
	}
	rig_free(r);
	return m;
}

/* The two conventions are two controllers: for the same tau, the surprise of the
 * distribution given is higher when that of what is left is steered. */
static void surprise_goes_to_tau_in_either_convention(void **state)
{
	static const struct {
		const char *chain;
		double given, left;     /* bits, of a simulation of the same law */
	} cases[] = {
		{ "mirostat 3 0.1 0", 3.01, .41 },
		{ "mirostat 5 0.1 0", 5.00, 3.97 },
		{ "mirostat 3 0.1 1", 4.35, 3.00 },
		{ "mirostat 5 0.1 1", 5.75, 5.00 },
		{ "mirostat2 5 0.1 0", 5.00, NAN },
		{ "mirostat2 3 0.1 1", NAN, 3.00 },
	};
	float *z = zipf(1.1);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct means m = steer(cases[i].chain, z, 60, 360);

		printf("%s: given %.3f left %.3f\n", cases[i].chain, m.given, m.left);
		CHECK(isnan(cases[i].given) || fabs(m.given - cases[i].given) < .12);
		CHECK(isnan(cases[i].left) || fabs(m.left - cases[i].left) < .17);
		CHECK_NEAR(m.steered, i == 0 || i == 2 || i == 5 ? 3 : 5, .12);
	}
	free(z);
}

/* mu += -eta (surprise - tau) from 2 tau, each step from the one before. */
static void mu_moves_by_eta_times_the_surplus(void **state)
{
	float *z = zipf(1.1);
	struct rig *r = rig_new("mirostat2 4 0.25", NULL, z, N_ZIPF);
	double mu = 8;

	(void)state;
	for (int i = 0; i < 30; i++) {
		const struct step *st = rig_step(r, -1);

		CHECK_NEAR(st->stages[0].shown[0], mu, 1e-4);
		CHECK_NEAR(st->stages[0].shown[1], -(double)st->logprob / log(2), 1e-4);
		mu -= .25 * ((double)st->stages[0].shown[1] - 4);
		CHECK_NEAR(st->stages[0].state[0], mu, 1e-4);
	}
	rig_free(r);
	free(z);
}

static void a_token_given_from_outside_the_cut_moves_nothing(void **state)
{
	float *z = zipf(1.1);
	struct rig *r = rig_new("mirostat2 1", NULL, z, N_ZIPF);
	const struct step *st = rig_step(r, 40000);

	(void)state;
	CHECK_NEAR(st->stages[0].state[0], 2, 0);
	CHECK(isnan(st->stages[0].shown[1]));
	rig_free(r);
	free(z);
}

struct text_run {
	struct tiny tiny;
	struct probe_plan *plan;
	struct session *s;
	const struct step *last[64];
	int n;
};

static void collect(void *to, const struct step *st)
{
	struct text_run *r = to;

	assert_true(r->n < 64);
	r->last[r->n++] = st;
}

/* A session that went on, came back and goes on again has the same mu at every step. */
static void going_back_brings_mu_back(void **state)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	struct text_run r = { .n = 0 };
	struct err e = { 0 };
	const int32_t text[] = { 5, 17, 80 };

	(void)state;
	assert_true(tiny_open(&r.tiny, &spec, &e));
	r.plan = probe_plan_new(NULL, 0, &r.tiny.model->hp);
	r.s = session_new(r.tiny.model, &(struct session_options){ .n_threads = 1, .probes = true, .keep_steps = true,
	    .seed = 4, .plan = r.plan, .sink = collect, .to = &r }, &e);
	assert_non_null(r.s);
	const struct chain *c = chain_parse("mirostat2 4 0.3", 9, &e);
	session_chain(r.s, c);
	chain_unref(c);
	assert_true(session_append(r.s, text, 3, &e));
	for (int i = 0; i < 20; i++)
		assert_true(session_advance(r.s, &e));
	int first = r.n;
	session_cut(r.s, 13);
	for (int i = 0; i < 10; i++)
		assert_true(session_advance(r.s, &e));
	CHECK_INT(r.n, first + 10);
	for (int i = 0; i < 10; i++) {
		const struct step *a = r.last[first - 10 + i], *b = r.last[first + i];

		CHECK_INT(a->pos, b->pos);
		CHECK_INT(a->token, b->token);
		assert_memory_equal(a->stages, b->stages, sizeof a->stages);
		CHECK(a->stages[0].state[1] == (float)(11 + i));
	}
	for (int i = 0; i < r.n; i++)
		step_unref(r.last[i]);
	session_free(r.s);
	probe_plan_free(r.plan);
	tiny_close(&r.tiny);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_fit_of_a_zipf_law_is_its_exponent),
		TEST(the_number_kept_is_that_of_the_paper),
		TEST(surprise_goes_to_tau_in_either_convention),
		TEST(mu_moves_by_eta_times_the_surplus),
		TEST(a_token_given_from_outside_the_cut_moves_nothing),
		TEST(going_back_brings_mu_back),
	};

	return RUN(tests);
}
