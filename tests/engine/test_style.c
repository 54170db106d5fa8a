/* test_style: a text file leans on the next token by as much as its counts say. */
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/rng.h"
#include "tests/engine/sampler_rig.h"
#include "tests/tiny_model.h"

static struct tiny tiny;
static char *path;
static int32_t *ids;
static size_t n_ids;

static const char text[] = "the cat sat on the mat and the cat ran to the hat; the cat sat there, and the rat sat on it.\n";

static int open_all(void **state)
{
	struct tiny_spec spec = tiny_spec("gpt2", DTYPE_F32);
	struct err e = { 0 };

	(void)state;
	path = tiny_temp_file(text, sizeof text - 1, ".txt");
	return !path || !tiny_open(&tiny, &spec, &e) ||
	    !vocab_encode(tiny.model->vocab, text, sizeof text - 1, false, false, &ids, &n_ids, &e);
}

static int close_all(void **state)
{
	(void)state;
	if (path)
		unlink(path);
	free(path);
	free(ids);
	tiny_close(&tiny);
	return 0;
}

/* ln p_n(v | the last n - 1 tokens), add-delta; NAN when the context never occurs. */
static double log_p(const int32_t *last, int n_last, int32_t v, double delta)
{
	double with = 0, context = 0;

	for (size_t i = 0; i + (size_t)n_last < n_ids; i++)
		if (!memcmp(ids + i, last, (size_t)n_last * sizeof *ids)) {
			context++;
			with += ids[i + (size_t)n_last] == v;
		}
	return context > 0 ? log((with + delta) / (context + delta * TINY_VOCAB)) : NAN;
}

static struct rig *styled(const char *numbers, const float *z)
{
	char chain[512];

	snprintf(chain, sizeof chain, "style \"%s\" %s", path, numbers);
	return rig_new(chain, tiny.model, z, TINY_VOCAB);
}

static void flat_logits(float *z)
{
	for (int i = 0; i < TINY_VOCAB; i++)
		z[i] = (float)(4 * rng_uniform(6, (uint64_t)i, 0));
}

static void the_shift_is_that_of_the_definition(void **state)
{
	static const double w[] = { .1, .3, .6 };
	const double lambda = .7, delta = .25;
	float z[TINY_VOCAB];

	(void)state;
	flat_logits(z);
	struct rig *r = styled("0.7 0.25", z);
	for (int k = 0; k < 12; k++) {
		double p[TINY_VOCAB], q[TINY_VOCAB], sum_p = 0, sum_q = 0, jsd = 0;
		int32_t so_far[3] = { 9, ids[3 * k], ids[3 * k + 1] };
		int order = 1;

		if (k > 8)              /* a pair that is not in the text */
			so_far[1] = TINY_VOCAB - 1;
		if (k == 11)
			so_far[2] = TINY_VOCAB - 2;
		rig_text(r, so_far, 3);
		const struct step *st = rig_look(r, -1);
		for (int v = 0; v < TINY_VOCAB; v++) {
			double shift = 0;

			for (int n = 1; n <= 3; n++) {
				double l = log_p(so_far + 4 - n, n - 1, v, delta);

				shift += isnan(l) ? 0 : lambda * w[n - 1] * l;
				order = !isnan(l) && n > order ? n : order;
			}
			sum_p += p[v] = exp((double)z[v]);
			sum_q += q[v] = exp((double)z[v] + shift);
		}
		for (int v = 0; v < TINY_VOCAB; v++) {
			double a = p[v] / sum_p, b = q[v] / sum_q, m = (a + b) / 2;

			jsd += (a * log(a / m) + b * log(b / m)) / 2;
		}
		for (int i = 0; i < st->n_top; i++)
			CHECK_NEAR(st->top[i].p_final, q[st->top[i].id] / sum_q, 2e-6);
		CHECK_NEAR(st->stages[0].shown[0], jsd, 1e-6);
		CHECK_NEAR(st->stages[0].shown[1], order, 0);
		CHECK(jsd > 0);
	}
	rig_free(r);
}

static void lambda_zero_changes_nothing(void **state)
{
	float z[TINY_VOCAB];

	(void)state;
	flat_logits(z);
	struct rig *r = styled("0", z);
	rig_text(r, ids, 5);
	const struct step *st = rig_look(r, -1);
	for (int i = 0; i < st->n_top; i++)
		CHECK_NEAR(st->top[i].p_final, st->top[i].p_raw, 1e-6);
	rig_free(r);
}

static void a_short_list_is_shifted_like_a_full_one(void **state)
{
	float z[TINY_VOCAB];
	char chain[512];

	(void)state;
	flat_logits(z);
	snprintf(chain, sizeof chain, "top-k 45 | style \"%s\" 1", path);
	struct rig *a = rig_new(chain, tiny.model, z, TINY_VOCAB), *b = styled("1", z);
	rig_text(a, ids, 9);
	rig_text(b, ids, 9);
	const struct step *x = rig_look(a, -1), *y = rig_look(b, -1);
	for (int i = 1; i < 45; i++)
		CHECK_NEAR(x->top[i].p_final / x->top[0].p_final, y->top[i].p_final / y->top[0].p_final, 1e-4);
	rig_free(a);
	rig_free(b);
}

static void refused(const char *file, const char *words)
{
	char chain[512];
	struct err e = { 0 };

	snprintf(chain, sizeof chain, "style \"%s\"", file);
	if (chain_parse_for(chain, 1, tiny.model, &e))
		fail_msg("%s was taken", file);
	if (!strstr(e.msg, words) || strchr(e.msg, '\n') || e.code != ERR_FILE)
		fail_msg("%s says \"%s\", expected \"%s\"", file, e.msg, words);
}

static void a_file_that_is_none_is_refused(void **state)
{
	char *empty = tiny_temp_file("", 0, ".txt");

	(void)state;
	refused("/nowhere/at/all.txt", "style: /nowhere/at/all.txt cannot be opened");
	refused("/", "is not a file of text");
	refused("/dev/zero", "is not a file of text");
	if (empty)
		refused(empty, "is empty");
	if (empty)
		unlink(empty);
	free(empty);
}

static void a_file_of_one_token_or_of_noise_is_a_file(void **state)
{
	char noise[3000];
	float z[TINY_VOCAB];

	(void)state;
	flat_logits(z);
	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] = (char)rng_bits(1, i, 0);
	for (size_t n = 1; n <= sizeof noise; n += sizeof noise - 1) {
		char chain[512], *file = tiny_temp_file(noise, n, ".txt");

		assert_non_null(file);
		snprintf(chain, sizeof chain, "style \"%s\" 1", file);
		struct rig *r = rig_new(chain, tiny.model, z, TINY_VOCAB);
		for (int i = 0; i < 20; i++)
			CHECK(isfinite(rig_step(r, -1)->stages[0].shown[0]));
		rig_free(r);
		unlink(file);
		free(file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_shift_is_that_of_the_definition),
		TEST(lambda_zero_changes_nothing),
		TEST(a_short_list_is_shifted_like_a_full_one),
		TEST(a_file_that_is_none_is_refused),
		TEST(a_file_of_one_token_or_of_noise_is_a_file),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
