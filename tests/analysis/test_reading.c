#include "analysis/reading.h"
#include "tests/test.h"

static const struct hparams hp = { .n_layers = 2, .n_heads = 3 };

static void a_reading_has_the_axes_of_its_lens(void **state)
{
	struct probe_plan *plan = lens_plan(&hp);
	struct step *s = step_new(plan);
	struct reading r;

	(void)state;
	r = reading_of_step(s, LENS_attn_sink);
	CHECK(r.lens == lenses[LENS_attn_sink] && r.n_rows == 2 && r.n_cols == 3);
	CHECK(r.values == s->values + plan->offset[LENS_attn_sink]);
	r = reading_of_step(s, LENS_resid_norm);
	CHECK(r.n_rows == 2 && r.n_cols == 1);
	r = reading_of_step(s, LENS_entropy);
	CHECK(r.n_rows == 1 && r.n_cols == 1);
	step_unref(s);
	probe_plan_free(plan);
}

static void a_lens_that_was_not_recorded_has_no_rows(void **state)
{
	static const struct probe other = { .name = "other" };
	const struct probe *const probes[] = { &other };
	struct probe_plan *plan = probe_plan_new(probes, 1, &hp);
	struct step *s = step_new(plan);
	struct reading r = reading_of_step(s, LENS_attn_sink);
	float lo = 5, hi = 6;

	(void)state;
	CHECK(r.n_rows == 0 && !r.values);
	CHECK(!reading_range(&r, &lo, &hi));
	CHECK(lo == 5 && hi == 6);
	step_unref(s);
	probe_plan_free(plan);
}

static void a_series_keeps_its_holes(void **state)
{
	struct probe_plan *plan = lens_plan(&hp);
	struct step *a = step_new(plan), *b = step_new(plan);
	const struct step *const steps[] = { a, NULL, b };
	float out[3], lo, hi;
	struct reading r;

	(void)state;
	b->values[plan->offset[LENS_entropy]] = 2;
	r = reading_series(steps, 3, LENS_entropy, out);
	CHECK(r.n_rows == 1 && r.n_cols == 3 && r.values == out);
	CHECK(isnan(out[0]) && isnan(out[1]) && out[2] == 2);
	CHECK(reading_range(&r, &lo, &hi) && lo == 2 && hi == 2);
	step_unref(a);
	step_unref(b);
	probe_plan_free(plan);
}

static void the_range_passes_over_holes(void **state)
{
	const float v[] = { NAN, 3, -1, NAN, 2 };
	struct reading r = { .n_rows = 1, .n_cols = 5, .values = v };
	float lo, hi;

	(void)state;
	CHECK(reading_range(&r, &lo, &hi));
	CHECK(lo == -1 && hi == 3);
	r.n_cols = 1;
	CHECK(!reading_range(&r, &lo, &hi));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reading_has_the_axes_of_its_lens),
		TEST(a_lens_that_was_not_recorded_has_no_rows),
		TEST(a_series_keeps_its_holes),
		TEST(the_range_passes_over_holes),
	};

	return RUN(tests);
}
