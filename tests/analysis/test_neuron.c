/* threaded test: one neuron through the LM head, against double; the cache from two threads. */
#include "tests/test.h"

#include <pthread.h>
#include <stdlib.h>

#include "analysis/neuron_cache.h"
#include "engine/base/mem.h"
#include "tests/tiny_model.h"

static struct tiny open_tiny(const char *arch, enum dtype type, bool own_head)
{
	struct tiny_spec s = tiny_spec(arch, type);
	struct err e = {0};
	struct tiny t;

	s.own_head = own_head;
	if (!tiny_open(&t, &s, &e))
		fail_msg("%s", e.msg);
	return t;
}

static const struct tensor *head_of(const struct model *m)
{
	return m->w.lm_head ? m->w.lm_head : m->w.tok_embd;
}

/* Logits of all tokens in double, from the vector as the definition has it. */
static void brute(const struct model *m, struct neuron_ref r, enum neuron_variant v, double *logit)
{
	const struct layer_weights *lw = &m->w.layers[r.layer];
	const struct tensor *gain = v == NEURON_READ ? lw->mlp_norm : v == NEURON_RAW ? NULL : m->w.final_norm;
	size_t d = (size_t)m->hp.d_model, d_ff = (size_t)m->hp.d_ff;
	float *w = mem_array(d, sizeof *w), *row = mem_array(d > d_ff ? d : d_ff, sizeof *row);

	for (size_t i = 0; r.site == NEURON_DOWN && i < d; i++) {
		tensor_row_f32(lw->down, i, row);
		w[i] = row[r.index];
	}
	if (r.site != NEURON_DOWN)
		tensor_row_f32(r.site == NEURON_UP ? lw->up : lw->gate, (size_t)r.index, w);
	for (size_t i = 0; gain && i < d; i++) {
		tensor_row_f32(gain, 0, row);
		w[i] *= row[i];
	}
	for (size_t t = 0; t < (size_t)m->hp.n_vocab; t++) {
		tensor_row_f32(head_of(m), t, row);
		logit[t] = 0;
		for (size_t i = 0; i < d; i++)
			logit[t] += (double)row[i] * (double)w[i];
	}
	free(row);
	free(w);
}

/* The k-th best, found without sorting: how many are better. */
static void check_list(const struct neuron_token *t, int n, double sign, const double *logit, size_t n_vocab, double lse)
{
	for (int k = 0; k < n; k++) {
		int better = 0;
		for (size_t v = 0; v < n_vocab; v++)
			better += sign * logit[v] > sign * logit[t[k].id] ||
			    (logit[v] == logit[t[k].id] && (int32_t)v < t[k].id);
		CHECK_INT(better, k);
		CHECK_NEAR(t[k].logit, logit[t[k].id], 1e-12);
		CHECK_NEAR(t[k].prob, exp(logit[t[k].id] - lse), 1e-6);
		CHECK(fabs(t[k].cosine) <= 1);
	}
}

static void check_reading(const struct neuron_head *h, struct neuron_ref r, enum neuron_variant v, struct pool *pool)
{
	size_t n_vocab = (size_t)h->m->hp.n_vocab;
	double *logit = mem_array(n_vocab, sizeof *logit), sum = 0;
	struct neuron_reading got;
	struct err e = {0};

	CHECK(neuron_read(h, &r, 1, v, 12, pool, &got, &e));
	CHECK_INT(got.n, 12);
	brute(h->m, r, v, logit);
	for (size_t t = 0; t < n_vocab; t++)
		sum += exp(logit[t]);
	CHECK_NEAR(got.lse, log(sum), 1e-5);
	check_list(got.top, got.n, 1, logit, n_vocab, log(sum));
	check_list(got.bottom, got.n, -1, logit, n_vocab, log(sum));
	free(logit);
}

static void a_reading_is_that_of_double(void **state)
{
	static const struct { const char *arch; enum dtype type; bool own_head; } kinds[] = {
		{"llama", DTYPE_F32, false}, {"llama", DTYPE_Q4_0, true}, {"qwen2", DTYPE_Q8_0, false},
		{"gpt2", DTYPE_F16, true}, {"llama", DTYPE_Q4_K, true}, {"llama", DTYPE_Q6_K, false},
	};
	struct err e = {0};
	struct pool *pool = pool_new(2, &e);

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct tiny t = open_tiny(kinds[i].arch, kinds[i].type, kinds[i].own_head);
		struct neuron_head *h = neuron_head_new(t.model, i % 2 ? pool : NULL, &e);
		int last = t.model->hp.d_ff - 1;

		check_reading(h, (struct neuron_ref){1, NEURON_UP, 3}, NEURON_RAW, NULL);
		check_reading(h, (struct neuron_ref){0, NEURON_UP, last}, NEURON_GAIN, pool);
		check_reading(h, (struct neuron_ref){1, NEURON_UP, 40}, NEURON_READ, NULL);
		check_reading(h, (struct neuron_ref){0, NEURON_DOWN, last}, NEURON_WRITE, NULL);
		check_reading(h, (struct neuron_ref){1, NEURON_DOWN, 33}, NEURON_RAW, pool);
		if (t.model->hp.arch->mlp == MLP_GATED_SILU)
			check_reading(h, (struct neuron_ref){1, NEURON_GATE, 7}, NEURON_RAW, NULL);
		neuron_head_free(h);
		tiny_close(&t);
	}
	pool_free(pool);
}

static void many_at_once_are_as_one_by_one(void **state)
{
	struct tiny t = open_tiny("llama", DTYPE_Q8_0, true);
	struct neuron_ref refs[37];
	struct neuron_reading all[37], one;
	struct err e = {0};
	struct neuron_head *h = neuron_head_new(t.model, NULL, &e);

	(void)state;
	for (int i = 0; i < 37; i++)
		refs[i] = (struct neuron_ref){i % 2, (enum neuron_site)(i % 2), 2 * i};
	CHECK(neuron_read(h, refs, 37, NEURON_RAW, 5, NULL, all, &e));
	for (int i = 0; i < 37; i++) {
		CHECK(neuron_read(h, &refs[i], 1, NEURON_RAW, 5, NULL, &one, &e));
		CHECK(one.lse == all[i].lse && one.norm == all[i].norm && one.n == 5);
		for (int k = 0; k < 5; k++)
			CHECK(one.top[k].id == all[i].top[k].id && one.bottom[k].logit == all[i].bottom[k].logit);
	}
	neuron_head_free(h);
	tiny_close(&t);
}

static void names_are_read_and_written(void **state)
{
	struct tiny t = open_tiny("llama", DTYPE_F32, false), gpt = open_tiny("gpt2", DTYPE_F32, false);
	char text[NEURON_REF_TEXT];
	struct neuron_ref r;
	struct err e = {0};

	(void)state;
	CHECK(neuron_parse("L1.up[19]", &t.model->hp, &r, &e));
	CHECK(r.layer == 1 && r.site == NEURON_UP && r.index == 19);
	CHECK_STR(neuron_format(&r, text), "L1.up[19]");
	CHECK(neuron_parse("L0.down[95]", &t.model->hp, &r, &e));
	CHECK_STR(neuron_format(&r, text), "L0.down[95]");
	CHECK(neuron_parse("L0.mlp[2]", &t.model->hp, &r, &e));
	CHECK_STR(neuron_format(&r, text), "L0.down[2]");
	CHECK(neuron_parse("L0.gate[2]", &t.model->hp, &r, &e));
	CHECK(!neuron_parse("L0.down[96]", &t.model->hp, &r, &e) && strstr(e.msg, "0 to 95"));
	CHECK(!neuron_parse("L2.up[0]", &t.model->hp, &r, &e) && strstr(e.msg, "layers 0 to 1"));
	static const char *const bad[] = {"L1.up", "L*.up[1]", "L1.resid[3]", "L1.H2", "L1.up[1]x", "", "dog", "L1.down[",
	    "logits[3]"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!neuron_parse(bad[i], &t.model->hp, &r, &e));
	CHECK(!neuron_parse("L0.gate[2]", &gpt.model->hp, &r, &e) && strstr(e.msg, "no gate"));
	tiny_close(&gpt);
	tiny_close(&t);
}

static void a_site_has_the_variants_that_mean_something(void **state)
{
	struct tiny gpt = open_tiny("gpt2", DTYPE_F32, false);
	const struct hparams *hp = &gpt.model->hp;
	struct err e = {0};

	(void)state;
	CHECK(neuron_check(hp, NEURON_UP, neuron_default_variant(NEURON_UP), &e));
	CHECK(neuron_check(hp, NEURON_DOWN, neuron_default_variant(NEURON_DOWN), &e));
	CHECK(!neuron_check(hp, NEURON_UP, NEURON_WRITE, &e) && e.code == ERR_USAGE);
	CHECK(!neuron_check(hp, NEURON_DOWN, NEURON_READ, &e));
	CHECK(!neuron_check(hp, NEURON_GATE, NEURON_RAW, &e));
	tiny_close(&gpt);
}

static void a_dead_neuron_and_a_broken_one_are_told_apart(void **state)
{
	struct tiny t = open_tiny("llama", DTYPE_F32, false);
	float *up = (float *)(size_t)t.model->w.layers[0].up->data;
	size_t d = (size_t)t.model->hp.d_model;
	struct neuron_ref refs[] = {{0, NEURON_UP, 0}, {0, NEURON_UP, 1}};
	struct neuron_reading got[2];
	struct err e = {0};
	float nan = NAN;

	(void)state;
	memset(up, 0, d * sizeof *up);
	memcpy((unsigned char *)up + (d + 5) * sizeof *up, &nan, sizeof nan);
	struct neuron_head *h = neuron_head_new(t.model, NULL, &e);
	CHECK(neuron_read(h, refs, 2, NEURON_RAW, 10, NULL, got, &e));
	CHECK_INT(got[0].n, 10);
	for (int i = 0; i < 10; i++)
		CHECK(got[0].top[i].id == i && got[0].top[i].logit == 0 && isnan(got[0].top[i].cosine));
	CHECK_NEAR(got[0].lse, log(TINY_VOCAB), 1e-9);
	CHECK_INT(got[1].n, 0);
	neuron_head_free(h);
	tiny_close(&t);
}

static void the_cache_forgets_what_was_used_longest_ago(void **state)
{
	struct tiny t = open_tiny("llama", DTYPE_F32, false);
	struct neuron_cache *c = neuron_cache_new(t.model, 4, 3);
	struct neuron_reading got;
	struct err e = {0};

	(void)state;
	struct neuron_ref r = {0, NEURON_UP, 0}, first = r, second = {0, NEURON_UP, 1};
	CHECK(!neuron_cache_find(c, &first, NEURON_RAW, &got));
	for (r.index = 0; r.index < 4; r.index++)
		CHECK(neuron_cache_read(c, &(struct neuron_wish){r, NEURON_RAW}, 1, NULL, &e));
	CHECK(neuron_cache_find(c, &first, NEURON_RAW, &got) && got.n == 3 && got.ref.index == 0);
	CHECK(!neuron_cache_find(c, &first, NEURON_GAIN, &got));
	CHECK(neuron_cache_read(c, &(struct neuron_wish){r, NEURON_RAW}, 1, NULL, &e));
	CHECK(neuron_cache_find(c, &r, NEURON_RAW, &got) && neuron_cache_find(c, &first, NEURON_RAW, &got));
	CHECK(!neuron_cache_find(c, &second, NEURON_RAW, &got));
	CHECK(!neuron_cache_read(c, &(struct neuron_wish){r, NEURON_WRITE}, 1, NULL, &e));
	neuron_cache_free(c);
	tiny_close(&t);
}

static void *read_them(void *arg)
{
	struct neuron_cache *c = arg;
	struct neuron_wish wish[8];
	struct err e = {0};

	for (int v = 0; v < 3; v++) {
		for (int i = 0; i < 8; i++)
			wish[i] = (struct neuron_wish){{1, NEURON_UP, i}, (enum neuron_variant)(v % 2)};
		if (!neuron_cache_read(c, wish, 8, NULL, &e))
			return c;
	}
	return NULL;
}

static void two_threads_may_use_the_cache(void **state)
{
	struct tiny t = open_tiny("llama", DTYPE_F32, false);
	struct neuron_cache *c = neuron_cache_new(t.model, 12, 3);
	struct neuron_reading got;
	pthread_t thread;
	void *failed;

	(void)state;
	CHECK(!pthread_create(&thread, NULL, read_them, c));
	for (int i = 0; i < 2000; i++)
		if (neuron_cache_find(c, &(struct neuron_ref){1, NEURON_UP, i % 8}, NEURON_RAW, &got))
			CHECK(got.ref.index == i % 8 && got.n == 3);
	CHECK(!read_them(c));
	pthread_join(thread, &failed);
	CHECK(!failed);
	neuron_cache_free(c);
	tiny_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reading_is_that_of_double),
		TEST(many_at_once_are_as_one_by_one),
		TEST(names_are_read_and_written),
		TEST(a_site_has_the_variants_that_mean_something),
		TEST(a_dead_neuron_and_a_broken_one_are_told_apart),
		TEST(the_cache_forgets_what_was_used_longest_ago),
		TEST(two_threads_may_use_the_cache),
	};

	return RUN(tests);
}
