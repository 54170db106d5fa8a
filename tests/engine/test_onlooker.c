#include "tests/test.h"

#include <stdlib.h>

#include "engine/base/mem.h"
#include "engine/forward.h"
#include "tests/tiny_model.h"

enum { M = 5 };

struct seen {
	const struct model *m;
	float *at[N_PLACES];    /* [n_layers][M][width] */
	int width[N_PLACES], calls;
};

static void see(void *to, enum place place, int layer, const float *x, int m, int width)
{
	struct seen *s = to;
	size_t n = (size_t)m * (size_t)width, l = layer < 0 ? 0 : (size_t)layer;

	CHECK_INT(m, M);
	CHECK((layer < 0) == (place == PLACE_HEAD_IN));
	if (!s->at[place])
		s->at[place] = mem_array((size_t)s->m->hp.n_layers * n, sizeof(float));
	s->width[place] = width;
	memcpy(s->at[place] + l * n, x, n * sizeof *x);
	s->calls++;
}

/* resid behind a layer = resid before + W_o z + W_down mlp: what is shown is what
 * the linear layers read. */
static void inputs_times_weights_are_what_the_layer_adds(const struct model *m, const struct seen *s)
{
	int d = m->hp.d_model;
	float row[512];

	for (int j = 0; j < M; j++)
		for (int i = 0; i < d; i += 7) {
			const struct layer_weights *w = &m->w.layers[1];
			const struct tensor *t[2] = { w->attn_out, w->down };
			const enum place p[2] = { PLACE_ATTN_OUT_IN, PLACE_DOWN_IN };
			double sum = (double)s->at[PLACE_RESID][(0 * M + j) * d + i];

			for (int k = 0; k < 2; k++) {
				const float *x = s->at[p[k]] + (size_t)(M + j) * (size_t)s->width[p[k]];

				tensor_row_f32(t[k], (size_t)i, row);
				for (int c = 0; c < s->width[p[k]]; c++)
					sum += (double)row[c] * (double)x[c];
			}
			CHECK_NEAR(s->at[PLACE_RESID][(M + j) * d + i], sum, 1e-4);
		}
}

static void every_linear_input_is_shown(void **state)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	const int32_t tokens[M] = { 1, 30, 40, 50, 60 };
	struct kvcache kv;
	struct tiny t;
	struct err e;

	(void)state;
	CHECK(tiny_open(&t, &spec, &e));
	struct seen s = { .m = t.model };
	struct onlooker look = { see, &s };
	struct pool *pool = pool_new(1, &e);
	struct matmul *mm = matmul_new(pool, true, &e);

	CHECK(kvcache_new(&kv, t.model->hp.n_layers, 8, (size_t)t.model->hp.n_kv_heads * (size_t)t.model->hp.d_head, &e));
	struct forward *f = forward_new(t.model, mm, &kv, M, true, NULL, &e);

	const struct edit_set *none = edit_set_empty();

	forward_run(f, &(struct pass){ .tokens = tokens, .m = M, .onlooker = &look, .edits = none });
	edit_set_unref(none);
	CHECK_INT(s.calls, t.model->hp.n_layers * 5 + 1);
	inputs_times_weights_are_what_the_layer_adds(t.model, &s);
	forward_free(f);
	kvcache_free(&kv);
	matmul_free(mm);
	pool_free(pool);
	for (int i = 0; i < N_PLACES; i++)
		free(s.at[i]);
	tiny_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(every_linear_input_is_shown) };

	return RUN(tests);
}
