/* test_parts: rope, kvcache, neurons and the trace line, each by itself. */
#include <math.h>
#include <stdlib.h>

#include "engine/kvcache.h"
#include "engine/neurons.h"
#include "engine/rope.h"
#include "engine/trace_line.h"
#include "tests/test.h"
#include "tests/tiny_model.h"

static struct hparams rotating(const char *arch, int n_rot)
{
	return (struct hparams){ .arch = arch_find(arch, strlen(arch)), .n_rot = n_rot, .rope_base = 10000,
		.rope_scale = 1 };
}

static void rope_turns_pairs_or_halves_by_position_times_frequency(void **state)
{
	static const char *const family[] = { "llama", "qwen2" };

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct hparams hp = rotating(family[k], 4);
		float x[6] = { 1, 2, 3, 4, 5, 6 };      /* two channels are not turned */
		int a = k ? 2 : 1;                      /* partner of channel 0 */
		int b = k ? 1 : 2, c = 3;               /* the second pair */
		struct rope r;

		rope_init(&r, &hp, NULL, 2);
		rope_set(&r, 7, 2);
		rope_apply(&r, 1, x, 1, 6);             /* position 8 */
		CHECK_NEAR(x[0], 1 * cos(8) - (a + 1) * sin(8), 1e-6);
		CHECK_NEAR(x[a], 1 * sin(8) + (a + 1) * cos(8), 1e-6);
		CHECK_NEAR(x[b], (b + 1) * cos(0.08) - (c + 1) * sin(0.08), 1e-6);
		CHECK_NEAR(x[c], (b + 1) * sin(0.08) + (c + 1) * cos(0.08), 1e-6);
		CHECK_NEAR(x[4], 5, 0);
		CHECK_NEAR(x[5], 6, 0);
		rope_free(&r);
	}
}

static void linear_scaling_divides_the_position(void **state)
{
	struct hparams hp = rotating("llama", 2);
	float x[2] = { 1, 0 };
	struct rope r;

	(void)state;
	hp.rope_scale = 4;
	rope_init(&r, &hp, NULL, 1);
	rope_set(&r, 2, 1);
	rope_apply(&r, 0, x, 1, 2);
	CHECK_NEAR(x[0], cos(0.5), 1e-6);
	rope_free(&r);
}

static void rows_of_the_cache_follow_each_other(void **state)
{
	struct err e = { 0 };
	struct kvcache kv;

	(void)state;
	assert_true(kvcache_new(&kv, 2, 4, 8, &e));
	assert_ptr_equal(kvcache_k(&kv, 1, 2), kvcache_k(&kv, 1, 1) + 8);
	assert_ptr_equal(kvcache_v(&kv, 1, 0), kvcache_v(&kv, 0, 3) + 8);
	kvcache_free(&kv);
	assert_false(kvcache_new(&kv, 1 << 30, 1 << 30, SIZE_MAX / 1024, &e));
	CHECK_INT(e.code, ERR_RUN);
}

/* Against a plain search over all neurons. */
static void the_strongest_neurons_are_those_of_a_full_sort(void **state)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_Q4_0);
	struct tiny t;
	struct neurons n;
	struct err e = { 0 };

	(void)state;
	assert_true(tiny_open(&t, &spec, &e));
	const struct hparams *hp = &t.model->hp;
	struct pool *pool = pool_new(1, &e);
	neurons_init(&n, hp);
	neurons_measure(&n, t.model, pool);
	const struct tensor *down = t.model->w.layers[1].down;
	float *mlp = calloc((size_t)hp->d_ff, sizeof *mlp), *row = calloc(down->cols, sizeof *row);
	double *c = calloc((size_t)hp->d_ff, sizeof *c);
	for (size_t r = 0; r < down->rows; r++) {
		tensor_row_f32(down, r, row);
		for (int i = 0; i < hp->d_ff; i++)
			c[i] += (double)row[i] * (double)row[i];
	}
	for (int i = 0; i < hp->d_ff; i++) {
		mlp[i] = (float)((i * 37 % 101) - 50);
		c[i] = fabs((double)mlp[i]) * sqrt(c[i]);
	}
	struct step_neuron best[STEP_NEURONS];
	neurons_strongest(&n, 1, mlp, best);
	for (int k = 0; k < STEP_NEURONS; k++) {
		int most = 0;

		for (int i = 1; i < hp->d_ff; i++)
			if (c[i] > c[most])
				most = i;
		CHECK_INT(best[k].index, most);
		CHECK_NEAR(best[k].activation, mlp[most], 0);
		CHECK_NEAR(best[k].contribution, c[most], 1e-4 * c[most]);
		c[most] = -1;
	}
	free(c);
	free(row);
	free(mlp);
	neurons_free(&n);
	pool_free(pool);
	tiny_close(&t);
}

static const char *piece(void *of, int32_t id, size_t *n)
{
	(void)of;
	*n = 2;
	return id == 3 ? "\x1b\"" : "ok";
}

static const struct probe scalar = { .name = "entropy", .axes = PROBE_SCALAR, .site = SITE_logits };
static const struct probe heads = { .name = "attn_entropy", .axes = PROBE_HEADS, .site = SITE_attn_probs };

static void a_trace_line_is_json_with_null_for_every_hole(void **state)
{
	static const struct probe *const probes[] = { &scalar, &heads };
	struct hparams hp = { .n_layers = 1, .n_heads = 2 };
	struct probe_plan *plan = probe_plan_new(probes, 2, &hp);
	struct step *s = step_new_room(plan, 1);
	struct buf b = { 0 };

	(void)state;
	s->pos = s->index = 4;
	s->input = 9;
	s->token = 3;
	s->why = WHY_SAMPLED;
	s->has_logits = true;
	s->n_top = 2;
	s->top[0] = (struct step_candidate){ 3, 0.5f, 1 };
	s->top[1] = (struct step_candidate){ 1, 0.25f, 0 };
	s->logprob = -0.5f;
	s->values[1] = 1.5f;
	s->neurons[0] = (struct step_neuron){ 7, -2, 4 };
	s->ms_forward = 2;
	s->receipts[0] = (struct receipt){ 3, 1, 0.5f, 2 };
	s->n_stages = 2;
	s->stages[0] = (struct step_stage){ 40, 0.75f, 3, .shown = { NAN, NAN, NAN, NAN } };
	s->stages[1] = (struct step_stage){ 2, 0.5f, 1, .shown = { 6, NAN, 1.5f, NAN } };
	trace_line(&b, s, piece, NULL, 2);
	CHECK_STR(b.data, "{\"step\":4,\"pos\":4,\"branch\":0,\"input\":9,\"token\":3,\"text\":\"\\u001b\\\"\","
	    "\"why\":\"sampled\",\"logprob\":-0.5,\"p_final\":null,\"entropy\":null,\"attn_entropy\":[[1.5,null]],"
	    "\"top\":[[3,\"\\u001b\\\"\",0.5,1],[1,\"ok\",0.25,0]],\"neurons\":[[\"L0.mlp[7]\",-2,4]],"
	    "\"stages\":[[40,0.75,3],[2,0.5,1,6,null,1.5]],"
	    "\"receipts\":[[3,1,0.5,2]],\"edits\":0,\"sampler\":0,\"ms\":2}\n");
	buf_free(&b);
	step_unref(s);
	probe_plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rope_turns_pairs_or_halves_by_position_times_frequency),
		TEST(linear_scaling_divides_the_position),
		TEST(rows_of_the_cache_follow_each_other),
		TEST(the_strongest_neurons_are_those_of_a_full_sort),
		TEST(a_trace_line_is_json_with_null_for_every_hole),
	};

	return RUN(tests);
}
