#include "tests/test.h"

#include "analysis/calibration.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(moments_are_the_diagonal_of_the_gram_matrix), TEST(a_normed_input_has_the_energy_of_its_norm),
		TEST(a_stop_is_obeyed),
	};

	return RUN(tests);
}
