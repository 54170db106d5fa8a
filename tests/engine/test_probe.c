#include "engine/probe.h"

#include "tests/test.h"

static const struct probe scalar = { .name = "scalar", .axes = PROBE_SCALAR, .site = SITE_NONE };
static const struct probe layers = { .name = "layers", .axes = PROBE_LAYERS, .site = SITE_resid_post };
static const struct probe heads = { .name = "heads", .axes = PROBE_HEADS, .site = SITE_attn_probs };
static const struct hparams hp = { .n_layers = 3, .n_heads = 4 };

static void a_plan_gives_each_probe_its_own_place(void **state)
{
	const struct probe *const probes[] = { &layers, &scalar, &heads, &scalar };
	struct probe_plan *p = probe_plan_new(probes, 4, &hp);
	size_t next = 0;

	(void)state;
	CHECK_INT(probe_plan_count(p, 0), 3);
	CHECK_INT(probe_plan_count(p, 1), 1);
	CHECK_INT(probe_plan_count(p, 2), 12);
	for (int i = 0; i < p->n; i++) {
		CHECK(p->probes[i] == probes[i]);
		CHECK_INT(p->offset[i], next);
		next += probe_plan_count(p, i);
	}
	CHECK_INT(p->n_values, next);
	CHECK(p->n_layers == 3 && p->n_heads == 4);
	probe_plan_free(p);
}

static void a_probe_is_found_by_its_name(void **state)
{
	const struct probe *const probes[] = { &layers, &scalar };
	struct probe_plan *p = probe_plan_new(probes, 2, &hp);

	(void)state;
	CHECK_INT(probe_plan_find(p, "layers"), 0);
	CHECK_INT(probe_plan_find(p, "scalar"), 1);
	CHECK_INT(probe_plan_find(p, "heads"), -1);
	CHECK_INT(probe_plan_find(p, ""), -1);
	probe_plan_free(p);
	probe_plan_free(NULL);
}

static void a_plan_may_watch_nothing(void **state)
{
	const struct probe *const none[1] = { NULL };
	struct probe_plan *p = probe_plan_new(none, 0, &hp);

	(void)state;
	CHECK(p->n == 0 && p->n_values == 0);
	CHECK_INT(probe_plan_find(p, "scalar"), -1);
	probe_plan_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_plan_gives_each_probe_its_own_place),
		TEST(a_probe_is_found_by_its_name),
		TEST(a_plan_may_watch_nothing),
	};

	return RUN(tests);
}
