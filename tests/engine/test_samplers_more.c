/* test_samplers_more: the stages beyond the common ones, on cases worked out by hand, and the grammar of texts. */
#include "engine/base/rng.h"
#include "engine/candidates.h"
#include "tests/engine/sampler_rig.h"
#include "tests/tiny_model.h"

enum { N_FIVE = 5 };

/* 0.4 0.3 0.15 0.1 0.05 under other ids. */
static const float five_p[N_FIVE] = { .05f, .4f, .1f, .3f, .15f };
static float five[N_FIVE];

static int set_up(void **state)
{
	(void)state;
	for (int i = 0; i < N_FIVE; i++)
		five[i] = logf(five_p[i]);
	return 0;
}

static const struct step *once(struct rig **r, const char *chain, const float *z, int n)
{
	*r = rig_new(chain, NULL, z, n);
	return rig_step(*r, -1);
}

static void exponentials_in_vectors_are_those_of_the_library(void **state)
{
	double x[CANDIDATES_BLOCK], e[CANDIDATES_BLOCK];

	(void)state;
	for (int k = 0; k < 500; k++) {
		for (int i = 0; i < CANDIDATES_BLOCK; i++)
			x[i] = (k < 250 ? -40 : -700) * rng_uniform(3, (uint64_t)k, (uint64_t)i);
		exp_block(x, CANDIDATES_BLOCK, e);
		for (int i = 0; i < CANDIDATES_BLOCK; i++)
			CHECK_NEAR(e[i] / exp(x[i]), 1, 1e-15);
	}
	exp_block((double[]){ 0, -INFINITY, -1000, 1 }, 4, e);
	CHECK(e[0] == 1 && e[1] == 0 && e[2] == 0);
	CHECK_NEAR(e[3], 2.718281828459045, 1e-15);
}

/* Neither the length of a block nor the machine may show in a sum. */
static void a_block_gives_the_same_bits_alone_and_among_others(void **state)
{
	double x[CANDIDATES_BLOCK], all[CANDIDATES_BLOCK], one;

	(void)state;
	for (int i = 0; i < CANDIDATES_BLOCK; i++)
		x[i] = -20 * rng_uniform(9, (uint64_t)i, 1);
	exp_block(x, CANDIDATES_BLOCK, all);
	for (int i = 0; i < CANDIDATES_BLOCK; i++) {
		exp_block(x + i, 1, &one);
		CHECK(one == all[i]);
	}
}

enum shape { SPREAD, FLAT, TIES, OUTLIER, HOLES, N_SHAPES };

static float draw_logit(enum shape shape, uint64_t seed, int i)
{
	double u = rng_uniform(seed, (uint64_t)i, 0);

	switch (shape) {
	case SPREAD:
		return (float)(-12 * u * u);
	case FLAT:
		return (float)(1e-3 * u);
	case TIES:
		return (float)floor(4 * u);
	case OUTLIER:
		return i == 77 ? 30 : (float)(1e-2 * u);
	case HOLES:
		return u < .5 ? -INFINITY : (float)u;
	case N_SHAPES:
		break;
	}
	return 0;
}

/* The row found by buckets is the row of a full sort. */
static void a_nucleus_without_sorting_is_that_of_a_full_sort(void **state)
{
	enum { N = 3000 };
	struct candidate *a = calloc(N, sizeof *a), *b = calloc(N, sizeof *b);
	void *room = malloc(NUCLEUS_ROOM(N));

	(void)state;
	for (int k = 0; k < N_SHAPES * 12; k++) {
		static const double masses[] = { 0, .3, .9, .95, .999, .9999999 };
		double mass = masses[k / N_SHAPES % 6], sum = 0;
		struct candidates cut = { .c = a, .n = N }, sorted = { .c = b, .n = N };
		size_t n = 0;

		for (int i = 0; i < N; i++) {
			a[i] = (struct candidate){ .id = i, .logit = draw_logit(k % N_SHAPES, (uint64_t)k, i) };
			a[i].key = a[i].logit;
			b[i] = a[i];
		}
		double lse = candidates_lse(&cut, NULL);
		candidates_sort(&sorted, N);
		while (n < N && (sum += exp((double)b[n++].logit - lse)) < mass)
			;
		candidates_nucleus(&cut, mass, false, NULL, room);
		/* Where the mark is nearly everything, rounding may move the end by a little. */
		CHECK_NEAR(cut.n, n, mass > .99999 ? 2 : 0);
		candidates_sort(&cut, cut.n);
		for (size_t i = 0; i < cut.n && i < n; i++)
			CHECK_INT(a[i].id, b[i].id);
	}
	free(room);
	free(a);
	free(b);
}

static void keeping_the_likeliest_is_the_front_of_a_full_sort(void **state)
{
	enum { N = 2500 };
	struct candidate *a = calloc(N, sizeof *a), *b = calloc(N, sizeof *b);
	static const size_t ks[] = { 1, 40, 64, 65, 256, 257, 1200, 2499, 2500 };

	(void)state;
	for (int k = 0; k < 9; k++)
		for (int how = 0; how < 2; how++) {
			struct candidates cut = { .c = a, .n = N }, sorted = { .c = b, .n = N };

			for (int i = 0; i < N; i++)
				b[i] = a[i] = (struct candidate){ .id = i,
					.logit = draw_logit(how ? TIES : SPREAD, 4, i) };
			candidates_sort(&sorted, N);
			if (how)
				candidates_sort(&cut, 10);
			candidates_keep(&cut, ks[k]);
			CHECK_INT(cut.n, ks[k]);
			CHECK_INT(a[candidates_best(&cut)].id, b[0].id);
			candidates_sort(&cut, ks[k]);
			for (size_t i = 0; i < ks[k]; i++)
				CHECK_INT(a[i].id, b[i].id);
		}
	free(a);
	free(b);
}

/* H = 1.3863 for the five, of at most ln 5 = 1.6094: T = 0.5 + 1.5 * 0.8614^2. */
static void dyntemp_follows_the_entropy(void **state)
{
	struct rig *r;
	double h = 0, t;

	(void)state;
	for (int i = 0; i < N_FIVE; i++)
		h -= (double)five_p[i] * log((double)five_p[i]);
	t = .5 + 1.5 * pow(h / log(5), 2);
	const struct step *st = once(&r, "dyntemp 0.5 2 2", five, N_FIVE);
	CHECK_NEAR(st->stages[0].shown[0], t, 1e-6);
	CHECK_NEAR(st->stages[0].shown[1], h, 1e-6);
	double sum = 0;
	for (int i = 0; i < N_FIVE; i++)
		sum += pow((double)five_p[i], 1 / t);
	CHECK_NEAR(rig_final(st, 1), pow(.4, 1 / t) / sum, 1e-6);
	rig_free(r);
	/* Even odds are as undecided as can be: T = max. */
	CHECK_NEAR(once(&r, "dyntemp 0.5 2", (float[]){ 1, 1, 1, 1 }, 4)->stages[0].shown[0], 2, 1e-6);
	rig_free(r);
}

/* Mean 2, squares 4 + 0 + 1 + 1 + 4 over 5: sigma = sqrt(2). */
static void top_n_sigma_measures_from_the_largest_in_deviations(void **state)
{
	const float z[] = { 4, 2, 1, 3, 0, -INFINITY };
	struct rig *r;
	const struct step *st = once(&r, "top-n-sigma 1", z, 6);

	(void)state;
	CHECK_INT(st->stages[0].kept, 2);       /* 4 and 3, above 2.59 */
	CHECK_NEAR(st->stages[0].shown[0], sqrt(2), 1e-6);
	CHECK(rig_final(st, 0) > 0 && rig_final(st, 3) > 0 && rig_final(st, 1) == 0);
	rig_free(r);
	CHECK_INT(once(&r, "top-n-sigma 1.5", z, 6)->stages[0].kept, 3);
	rig_free(r);
	CHECK_INT(once(&r, "top-n-sigma 0", z, 6)->stages[0].kept, 1);
	rig_free(r);
}

/* 0.4 and 0.3 and 0.15 reach 0.12: all but the last of them go. */
static void xtc_leaves_the_least_of_those_above_the_threshold(void **state)
{
	struct rig *r;
	const struct step *st = once(&r, "xtc 1 0.12", five, N_FIVE);

	(void)state;
	CHECK_INT(st->stages[0].kept, 3);
	CHECK_INT(st->stages[0].best, 4);
	CHECK_NEAR(st->stages[0].shown[0], 2, 0);
	CHECK_NEAR(rig_final(st, 4), .5, 1e-6);
	rig_free(r);
	/* One alone above it stays, and so do all when it does not act. */
	CHECK_INT(once(&r, "xtc 1 0.35", five, N_FIVE)->stages[0].kept, 5);
	rig_free(r);
	CHECK_INT(once(&r, "xtc 0 0.12", five, N_FIVE)->stages[0].kept, 5);
	rig_free(r);
}

static void xtc_acts_as_often_as_it_is_told(void **state)
{
	enum { N = 4000 };
	struct rig *r = rig_new("xtc 0.3 0.12", NULL, five, N_FIVE);
	int acted = 0;

	(void)state;
	for (int i = 0; i < N; i++)
		acted += rig_step(r, -1)->stages[0].kept == 3;
	CHECK_NEAR(acted / (double)N, .3, .025);
	rig_free(r);
}

static void frequency_counts_and_presence_does_not(void **state)
{
	const float z[] = { 2, -1, .5f, 0, -4 };
	const int32_t text[] = { 4, 0, 1, 0 };
	struct rig *r;

	(void)state;
	for (int how = 0; how < 4; how++) {
		static const char *const chains[] = { "frequency 0.5", "presence 0.5", "frequency 0.5 2",
			"repeat 2 | frequency 0.5 | presence 0.25" };
		static const float want[4][5] = { { 1, -1.5f, .5f, 0, -4.5f }, { 1.5f, -1.5f, .5f, 0, -4.5f },
			{ 1.5f, -1.5f, .5f, 0, -4 }, { -.25f, -2.75f, .5f, 0, -8.75f } };
		double sum = 0;

		r = rig_new(chains[how], NULL, z, 5);
		rig_text(r, text, 4);
		const struct step *st = rig_look(r, -1);
		for (int i = 0; i < 5; i++)
			sum += exp((double)want[how][i]);
		for (int i = 0; i < 5; i++)
			CHECK_NEAR(rig_final(st, i), exp((double)want[how][i]) / sum, 1e-6);
		rig_free(r);
	}
}

/* Logit that the chain left to a token, from the odds against one it left alone. */
static double lost(const struct step *st, int32_t id, int32_t same, const float *z)
{
	return (double)(z[id] - z[same]) - log(rig_final(st, id) / rig_final(st, same));
}

/* ... 1 2 3 4, 1 2 3: 4 would make a repetition of 3 one longer. */
static void dry_punishes_what_continues_a_repetition(void **state)
{
	const float z[10] = { 0, 1, 2, 3, 4, 5, 4, 3, 2, 1 };
	const int32_t text[] = { 9, 1, 2, 3, 4, 7, 3, 5, 8, 1, 2, 3 };
	struct rig *r = rig_new("dry 0.8 1.75 2 0", NULL, z, 10);

	(void)state;
	rig_text(r, text, 12);
	const struct step *st = rig_look(r, -1);
	CHECK_NEAR(lost(st, 4, 6, z), .8 * 1.75, 1e-5);         /* 1 2 3: n = 3 */
	CHECK_NEAR(lost(st, 5, 6, z), 0, 1e-5);                 /* 3 alone: n = 1 is allowed */
	CHECK_NEAR(st->stages[0].shown[0], 3, 0);
	rig_free(r);
	r = rig_new("dry 0.8 1.75 1 0", NULL, z, 10);
	rig_text(r, text, 12);
	st = rig_look(r, -1);
	CHECK_NEAR(lost(st, 4, 6, z), .8 * 1.75 * 1.75, 1e-5);
	CHECK_NEAR(lost(st, 5, 6, z), .8, 1e-5);
	rig_free(r);
	/* A window that ends before the first occurrence knows of none. */
	r = rig_new("dry 0.8 1.75 2 6", NULL, z, 10);
	rig_text(r, text, 12);
	CHECK_NEAR(lost(rig_look(r, -1), 4, 6, z), 0, 1e-5);
	rig_free(r);
}

/* Against the definition, position by position. */
static void dry_finds_the_longest_repetition_of_every_token(void **state)
{
	enum { N = 60, V = 12 };
	float z[V] = { 0 };

	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct rig *r = rig_new("dry 0.01 1.2 1 0", NULL, z, V);
		int32_t text[N];
		int longest[V] = { 0 };

		for (int i = 0; i < N; i++)
			text[i] = (int32_t)(3 * rng_uniform(seed, (uint64_t)i, 0));
		for (int i = 0; i < N; i++) {
			int n = 0;

			while (n < i && text[i - 1 - n] == text[N - 1 - n])
				n++;
			longest[text[i]] = n > longest[text[i]] ? n : longest[text[i]];
		}
		rig_text(r, text, N);
		const struct step *st = rig_look(r, -1);
		for (int v = 0; v < V; v++)
			CHECK_NEAR(lost(st, v, 11, z), longest[v] ? .01 * pow(1.2, longest[v] - 1) : 0, 1e-4);
		rig_free(r);
	}
}

static int letter(const struct model *m, const char *s)
{
	int id = vocab_find(m->vocab, s, strlen(s));

	if (id < 0)
		fail_msg("the tiny vocabulary has no \"%s\"", s);
	return id;
}

static void a_breaker_ends_a_repetition_and_is_never_punished(void **state)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	struct tiny tiny;
	struct err e = { 0 };
	float z[TINY_VOCAB];

	(void)state;
	assert_true(tiny_open(&tiny, &spec, &e));
	int a = letter(tiny.model, "a"), b = letter(tiny.model, "b"), c = letter(tiny.model, "c"),
	    d = letter(tiny.model, "d"), stop = letter(tiny.model, "\n");
	/* a b \n c d ... a b \n c: with the line break only "c" is repeated. */
	const int32_t text[] = { a, b, stop, c, d, a, b, stop, c }, at_break[] = { a, b, stop, d, a, b };

	for (int i = 0; i < TINY_VOCAB; i++)
		z[i] = i == a || i == b || i == c || i == d || i == stop ? 5 : 0;
	struct rig *r = rig_new("dry 1 2 2 0", tiny.model, z, TINY_VOCAB);
	r->cx.vocab = tiny.model->vocab;
	rig_text(r, text, 9);
	CHECK_NEAR(lost(rig_look(r, -1), d, a, z), 0, 1e-5);
	r->cx.vocab = NULL;
	CHECK_NEAR(lost(rig_look(r, -1), d, a, z), 4, 1e-5);
	r->cx.vocab = tiny.model->vocab;
	rig_text(r, at_break, 6);
	CHECK_NEAR(lost(rig_look(r, -1), stop, c, z), 0, 1e-5);
	r->cx.vocab = NULL;
	CHECK_NEAR(lost(rig_look(r, -1), stop, c, z), 1, 1e-5);
	rig_free(r);
	tiny_close(&tiny);
}

/* 0.4 0.3: entropy of 4/7, 3/7 is 0.683; with 0.15 it is 1.014; of all 1.386. */
static void top_h_bounds_the_entropy_of_the_set(void **state)
{
	struct rig *r;

	(void)state;
	CHECK_INT(once(&r, "top-h 0.4", five, N_FIVE)->stages[0].kept, 1);      /* up to 0.555 */
	rig_free(r);
	CHECK_INT(once(&r, "top-h 0.5", five, N_FIVE)->stages[0].kept, 2);      /* 0.693 */
	CHECK_NEAR(rig_stage(r, 0)->shown[1], .682908, 1e-5);
	rig_free(r);
	CHECK_INT(once(&r, "top-h 0.74", five, N_FIVE)->stages[0].kept, 3);
	rig_free(r);
	CHECK_INT(once(&r, "top-h 1", five, N_FIVE)->stages[0].kept, 5);
	rig_free(r);
	CHECK_INT(once(&r, "top-h 1 2", five, N_FIVE)->stages[0].kept, 2);
	rig_free(r);
}

static void momentum_takes_the_likeliest_until_it_runs_in_circles(void **state)
{
	struct rig *r = rig_new("momentum", NULL, five, N_FIVE);
	const int32_t once_seen[] = { 0, 1 }, bigram[] = { 3, 1, 2, 3 }, loop[] = { 0, 2, 4, 2, 4, 1, 0, 2, 4, 2, 4 };

	(void)state;
	CHECK_INT(rig_look(r, -1)->token, 1);
	rig_text(r, once_seen, 2);              /* 0.4 - 0.2 < 0.3 */
	const struct step *st = rig_look(r, -1);
	CHECK_INT(st->token, 3);
	CHECK_INT(st->stages[0].best, 3);
	CHECK_NEAR(st->stages[0].shown[0], 0, 0);
	CHECK_NEAR(st->stages[0].shown[1], 1, 0);
	CHECK_NEAR(st->stages[0].shown[2], 1, 0);
	rig_text(r, bigram, 4);                 /* 1: 0.4 - 2 alpha = 0, 3: 0.1, 4: 0.15, 2: -0.1, 0: 0.05 */
	CHECK_INT(rig_look(r, -1)->token, 4);
	rig_free(r);
	/* 1 would complete six tokens, which nothing outweighs. */
	r = rig_new("momentum 1 0", NULL, (float[]){ 0, 50, 0, 0, 0 }, N_FIVE);
	rig_text(r, loop, 11);
	CHECK_INT(rig_look(r, -1)->token, 1);
	CHECK_NEAR(rig_look(r, -1)->stages[0].shown[1], 6, 0);
	rig_free(r);
	r = rig_new("momentum 2 0", NULL, (float[]){ 0, 50, 0, 0, 0 }, N_FIVE);
	rig_text(r, loop, 11);
	CHECK_INT(rig_look(r, -1)->token, 0);
	rig_free(r);
}

static void a_stage_shows_what_it_promoted(void **state)
{
	struct rig *r = rig_new("top-k 4 | frequency 1 | temp 1", NULL, five, N_FIVE);
	const int32_t text[] = { 1, 1 };

	(void)state;
	rig_text(r, text, 2);
	const struct step *st = rig_look(r, 3);
	CHECK_INT(st->stages[0].best, 1);
	CHECK_INT(st->stages[1].best, 3);
	CHECK_INT(st->stages[2].best, 3);
	CHECK(isnan(st->stages[0].shown[0]));
	rig_free(r);
}

static void a_chain_gives_the_same_step_twice(void **state)
{
	static const char *const chains[] = { "xtc 0.5 0.05", "mirostat", "mirostat2", "dry 1", "top-h", "typical 0.9",
		"dyntemp 0.2 2 | top-n-sigma 1", "top-w 100 0.999 9 0" };
	enum { V = 2000 };
	float *z = calloc(V, sizeof *z);

	(void)state;
	for (int i = 0; i < V; i++)
		z[i] = draw_logit(SPREAD, 8, i);
	for (size_t k = 0; k < sizeof chains / sizeof *chains; k++) {
		struct rig *a = rig_new(chains[k], NULL, z, V), *b = rig_new(chains[k], NULL, z, V);

		for (int i = 0; i < 20; i++) {
			const struct step *x = rig_step(a, -1);
			for (int again = 0; again < 2; again++)
				rig_look(b, -1);
			const struct step *y = rig_step(b, -1);
			CHECK_INT(x->token, y->token);
			CHECK(x->p_final == y->p_final);
			assert_memory_equal(x->stages, y->stages, sizeof x->stages);
		}
		rig_free(a);
		rig_free(b);
	}
	free(z);
}

static void reads_back(const char *typed, const char *want)
{
	struct err e = { 0 };
	const struct chain *c = chain_parse_shown(typed, 1, &e);

	if (!c)
		fail_msg("%s: %s", typed, e.msg);
	CHECK_STR(chain_text(c), want);
	const struct chain *again = chain_parse_shown(chain_text(c), 1, &e);
	CHECK_STR(chain_text(again), want);
	chain_unref(again);
	chain_unref(c);
}

static void a_text_in_quotes_reads_back_as_it_was(void **state)
{
	(void)state;
	reads_back("awrs \"[0-9]+\\.\\d\"|temp 1", "awrs \"[0-9]+\\.\\d\" 2 | temp 1");
	reads_back("awrs \"a|b\" 3", "awrs \"a|b\" 3");
	reads_back("awrs \"say \\\"yes\\\"\"", "awrs \"say \\\"yes\\\"\" 2");
	reads_back("awrs \"end\\\\\"", "awrs \"end\\\\\" 2");
	reads_back("awrs \"\\\\\\\"\"", "awrs \"\\\\\\\"\" 2");
	reads_back("awrs\"x\"", "awrs \"x\" 2");
	reads_back("style \"no such file.txt\" 0.05", "style \"no such file.txt\" 0.05 0.1 0.1 0.3 0.6");
	reads_back("frequency -0.123456789012", "frequency -0.123456789012 64");
}

static void refused(const char *typed, const char *words)
{
	struct err e = { 0 };

	if (chain_parse(typed, 1, &e))
		fail_msg("\"%s\" was understood", typed);
	if (!strstr(e.msg, words) || strchr(e.msg, '\n'))
		fail_msg("\"%s\" says \"%s\", expected \"%s\"", typed, e.msg, words);
}

static void a_text_that_is_wrong_is_refused_in_one_line(void **state)
{
	char longer[6000];

	(void)state;
	refused("awrs", "awrs wants a regex in quotes");
	refused("awrs abc", "awrs wants a regex in quotes");
	refused("awrs \"abc", "awrs: the regex has no closing quote");
	refused("awrs \"abc\\\"", "no closing quote");
	refused("awrs \"a\" 1", "accepts goes from 2 to 64");
	refused("awrs \"a\"b", "wants a number, not \"b\"");
	refused("awrs \"(\"", "awrs: missing closing parenthesis at byte 1 of \"(\"");
	refused("awrs \"a\" \"b\"", "wants a number");
	refused("temp \"a\"", "temp takes no text in quotes");
	refused("style \"x\"", "style: the file is read with the tokenizer of a model");
	refused("xtc", "xtc wants a value for probability");
	refused("top-h 2", "top-h: alpha goes from 0 to 1, not 2");
	memset(longer, 'a', sizeof longer);
	memcpy(longer, "awrs \"", 6);
	memcpy(longer + 5990, "\"", 2);
	refused(longer, "the expression has 5984 bytes, at most 4096");
}

static void usage_names_every_parameter(void **state)
{
	char out[256];

	(void)state;
	CHECK_STR(sampler_usage(sampler_find("awrs", 4), out, sizeof out), " \"regex\" [accepts=2]");
	CHECK_STR(sampler_usage(sampler_find("dry", 3), out, sizeof out),
	    " multiplier [base=1.75] [allowed=2] [range=64]");
	CHECK_STR(sampler_usage(sampler_find("greedy", 6), out, sizeof out), "");
	for (size_t i = 0; i < n_samplers; i++) {
		const struct sampler_def *d = samplers[i];

		CHECK(strlen(sampler_usage(d, out, sizeof out)) + 1 < sizeof out);
		CHECK(d->doc[strlen(d->doc) - 1] != '.');
		CHECK(!d->text == !d->prepare && !d->prepare == !d->release);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(exponentials_in_vectors_are_those_of_the_library),
		TEST(a_block_gives_the_same_bits_alone_and_among_others),
		TEST(a_nucleus_without_sorting_is_that_of_a_full_sort),
		TEST(keeping_the_likeliest_is_the_front_of_a_full_sort),
		TEST(dyntemp_follows_the_entropy),
		TEST(top_n_sigma_measures_from_the_largest_in_deviations),
		TEST(xtc_leaves_the_least_of_those_above_the_threshold),
		TEST(xtc_acts_as_often_as_it_is_told),
		TEST(frequency_counts_and_presence_does_not),
		TEST(dry_punishes_what_continues_a_repetition),
		TEST(dry_finds_the_longest_repetition_of_every_token),
		TEST(a_breaker_ends_a_repetition_and_is_never_punished),
		TEST(top_h_bounds_the_entropy_of_the_set),
		TEST(momentum_takes_the_likeliest_until_it_runs_in_circles),
		TEST(a_stage_shows_what_it_promoted),
		TEST(a_chain_gives_the_same_step_twice),
		TEST(a_text_in_quotes_reads_back_as_it_was),
		TEST(a_text_that_is_wrong_is_refused_in_one_line),
		TEST(usage_names_every_parameter),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
