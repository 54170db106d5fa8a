/* test_step: a record of holes that is filled, shared, and gone when nobody holds it.  threaded test */
#include "engine/step.h"

#include <pthread.h>

#include "tests/test.h"

static const struct probe scalar = { .name = "scalar", .axes = PROBE_SCALAR, .site = SITE_NONE };
static const struct probe heads = { .name = "heads", .axes = PROBE_HEADS, .site = SITE_attn_probs };
static const struct probe *const probes[] = { &scalar, &heads };
static const struct hparams hp = { .n_layers = 3, .n_heads = 5 };

static void a_new_step_is_all_holes(void **state)
{
	struct probe_plan *plan = probe_plan_new(probes, 2, &hp);
	struct step *s = step_new(plan);

	(void)state;
	CHECK(s->plan == plan && s->n_layers == 3);
	CHECK(s->token == -1 && !s->has_logits && s->n_top == 0 && s->n_stages == 0);
	CHECK(isnan(s->logprob) && isnan(s->p_final) && isnan(s->ms_forward) && isnan(s->ms_sample));
	CHECK(isnan(s->logits.lse) && isnan(s->logits.mean));
	for (size_t i = 0; i < plan->n_values; i++)
		CHECK(isnan(s->values[i]));
	for (int i = 0; i < 3 * STEP_NEURONS; i++)
		CHECK(s->neurons[i].index == -1 && isnan(s->neurons[i].activation));
	step_unref(s);
	probe_plan_free(plan);
}

/* Writing every value and every neuron to its end hurts nobody. */
static void values_lie_where_the_plan_says(void **state)
{
	struct probe_plan *plan = probe_plan_new(probes, 2, &hp);
	struct step *s = step_new(plan);

	(void)state;
	for (size_t i = 0; i < plan->n_values; i++)
		s->values[i] = (float)i;
	for (int i = 0; i < 3 * STEP_NEURONS; i++)
		s->neurons[i] = (struct step_neuron){ i, 1, 2 };
	CHECK(step_values(s, 0)[0] == 0);
	CHECK(step_values(s, 1)[0] == 1 && step_values(s, 1)[14] == 15);
	CHECK(s->neurons[3 * STEP_NEURONS - 1].index == 3 * STEP_NEURONS - 1);
	CHECK(step_values(s, -1) == NULL && step_values(s, 2) == NULL);
	step_unref(s);
	probe_plan_free(plan);
}

static void a_step_lives_as_long_as_somebody_holds_it(void **state)
{
	struct probe_plan *plan = probe_plan_new(probes, 2, &hp);
	struct step *s = step_new(plan);
	const struct step *kept = step_ref(s);

	(void)state;
	CHECK(kept == s);
	s->pos = 9;
	step_unref(s);
	CHECK_INT(kept->pos, 9);
	step_unref(kept);
	step_unref(NULL);
	probe_plan_free(plan);
}

static void *hold_and_let_go(void *arg)
{
	const struct step *s = arg;

	for (int i = 0; i < 2000; i++) {
		const struct step *mine = step_ref(s);

		if (mine->pos != 4)
			return arg;
		step_unref(mine);
	}
	step_unref(s);
	return NULL;
}

static void threads_may_share_a_step(void **state)
{
	struct probe_plan *plan = probe_plan_new(probes, 2, &hp);
	struct step *s = step_new(plan);
	pthread_t t[3];
	void *wrong;

	(void)state;
	s->pos = 4;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hold_and_let_go, (void *)(uintptr_t)step_ref(s)), 0);
	step_unref(s);
	for (int i = 0; i < 3; i++) {
		pthread_join(t[i], &wrong);
		CHECK(wrong == NULL);
	}
	probe_plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_step_is_all_holes),
		TEST(values_lie_where_the_plan_says),
		TEST(a_step_lives_as_long_as_somebody_holds_it),
		TEST(threads_may_share_a_step),
	};

	return RUN(tests);
}
