#include "tests/test.h"

#include "analysis/calibration.h"
#include "engine/session.h"
#include "tests/tiny_model.h"

/* This is a threaded test: Gram matrices are summed on a pool. */

enum { N = 100 };

static struct calibration_text text_of(int32_t *tokens, struct pool *pool)
{
	for (int i = 0; i < N; i++)
		tokens[i] = 3 + i * 29 % 300;
	return (struct calibration_text){ .tokens = tokens, .n = N, .n_ctx = 70, .pool = pool };
}

static void moments_are_the_diagonal_of_the_gram_matrix(void **state)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_Q8_0);
	struct err e;
	struct pool *pool = pool_new(2, &e);
	int32_t tokens[N];
	struct calibration_text text = text_of(tokens, pool);
	struct tiny t;

	(void)state;
	CHECK(tiny_open(&t, &s, &e));
	struct calibration *c = calibration_new(t.model);
	const struct layer_weights *w = &t.model->w.layers[1];
	const struct tensor *of[] = { w->q, w->attn_out, w->gate, w->down, t.model->w.lm_head };

	CHECK(!calibration_inputs(c, w->q).moments);
	CHECK(calibration_read(c, &text, &e));
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct quant_inputs in;

		CHECK(calibration_gram(c, of[i], &text, &e));
		in = calibration_inputs(c, of[i]);
		CHECK(in.moments && in.gram);
		CHECK_INT(in.n_tokens, N);
		for (size_t j = 0; j < of[i]->cols; j++) {
			double m = (double)in.moments[j];

			CHECK(m > 0);
			CHECK_NEAR(in.gram[j * of[i]->cols + j], m, 1e-6 * m);
			CHECK(in.gram[j * of[i]->cols] == in.gram[j]);
		}
	}
	/* q, k and v read the same; a norm is not a linear layer. */
	CHECK(calibration_inputs(c, w->q).moments == calibration_inputs(c, w->v).moments);
	CHECK(!calibration_inputs(c, w->attn_norm).moments);
	calibration_free(c);
	pool_free(pool);
	tiny_close(&t);
}

static void a_normed_input_has_the_energy_of_its_norm(void **state)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_F32);
	struct err e;
	struct pool *pool = pool_new(1, &e);
	int32_t tokens[N];
	struct calibration_text text = text_of(tokens, pool);
	struct tiny t;
	float norm[256];

	(void)state;
	CHECK(tiny_open(&t, &s, &e));
	struct calibration *c = calibration_new(t.model);
	const struct layer_weights *w = &t.model->w.layers[0];
	double sum = 0;

	CHECK(calibration_read(c, &text, &e));
	tensor_row_f32(w->attn_norm, 0, norm);
	/* RMS norm leaves mean square 1 before its weights. */
	for (int j = 0; j < t.model->hp.d_model; j++)
		sum += (double)calibration_inputs(c, w->q).moments[j] / ((double)norm[j] * (double)norm[j]);
	CHECK_NEAR(sum / t.model->hp.d_model, 1, 1e-3);
	calibration_free(c);
	pool_free(pool);
	tiny_close(&t);
}

static void a_stop_is_obeyed(void **state)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_F32);
	struct err e;
	struct pool *pool = pool_new(1, &e);
	atomic_bool stop = true;
	int32_t tokens[N];
	struct calibration_text text = text_of(tokens, pool);
	struct tiny t;

	(void)state;
	CHECK(tiny_open(&t, &s, &e));
	struct calibration *c = calibration_new(t.model);

	text.stop = &stop;
	CHECK(!calibration_read(c, &text, &e) && e.code == ERR_INTERRUPTED);
	calibration_free(c);
	pool_free(pool);
	tiny_close(&t);
}

/* Moments of w after a session read `n` tokens in pieces, gathering from `from` on. */
static uint64_t gathered(const struct model *m, struct calibration *c, int32_t *tokens, int from, const struct tensor *t,
    float *moments)
{
	struct err e;
	struct probe_plan *plan = probe_plan_new(NULL, 0, &m->hp);
	struct session *s = session_new(m, &(struct session_options){ .n_threads = 1, .piece = 16, .exact = true,
	    .plan = plan, .onlooker = calibration_onlooker(c, NULL) }, &e);

	CHECK(s != NULL);
	CHECK(session_append(s, tokens, (size_t)from, &e) && session_logits(s, NULL, &e));
	CHECK_INT(calibration_copy(c, t, moments), 0);
	calibration_gather(c, true);
	CHECK(session_append(s, tokens + from, (size_t)(64 - from), &e) && session_logits(s, NULL, &e));
	calibration_gather(c, false);
	CHECK(session_append(s, tokens, 4, &e) && session_logits(s, NULL, &e));
	session_free(s);
	probe_plan_free(plan);
	return calibration_copy(c, t, moments);
}

static void a_session_gathers_what_a_reader_does_and_only_when_told(void **state)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_F32);
	struct err e;
	struct pool *pool = pool_new(1, &e);
	int32_t tokens[N];
	struct calibration_text text = text_of(tokens, pool);
	struct tiny t;
	float all[256], some[256];

	(void)state;
	CHECK(tiny_open(&t, &s, &e));
	struct calibration *read = calibration_new(t.model), *c = calibration_new(t.model);
	const struct tensor *down = t.model->w.layers[1].down;

	text.n = text.n_ctx = 64;
	CHECK(calibration_read(read, &text, &e));
	CHECK(!calibration_gathers(read));
	CHECK_INT(calibration_positions(read), 64);
	CHECK_INT(gathered(t.model, c, tokens, 0, down, all), 64);
	for (size_t i = 0; i < down->cols; i++)
		CHECK_NEAR(all[i], calibration_inputs(read, down).moments[i], 1e-5 * (double)all[i]);
	calibration_forget(c);
	CHECK_INT(calibration_positions(c), 0);
	CHECK_INT(gathered(t.model, c, tokens, 40, down, some), 24);
	CHECK(memcmp(all, some, down->cols * sizeof *all) != 0);
	calibration_free(c);
	calibration_free(read);
	pool_free(pool);
	tiny_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(moments_are_the_diagonal_of_the_gram_matrix), TEST(a_normed_input_has_the_energy_of_its_norm),
		TEST(a_stop_is_obeyed), TEST(a_session_gathers_what_a_reader_does_and_only_when_told),
	};

	return RUN(tests);
}
