#include "analysis/lens.h"
#include "tests/test.h"
#include "views/scale.h"

static void a_linear_scale_is_clamped_and_keeps_holes(void **state)
{
	struct scale s = { .lo = 1, .hi = 3 };

	(void)state;
	CHECK_NEAR(scale_unit(s, 2), 0.5, 1e-6);
	CHECK_NEAR(scale_unit(s, 0), 0, 0);
	CHECK_NEAR(scale_unit(s, 9), 1, 0);
	CHECK(isnan(scale_unit(s, NAN)));
	CHECK_INT(scale_step(0), 0);
	CHECK_INT(scale_step(1), RAMP - 1);
}

/* What is close to the ceiling is told apart; the order stays. */
static void a_scale_to_its_ceiling_is_logarithmic_in_the_distance(void **state)
{
	struct scale s = { .lo = 0, .hi = 1, .near = 1e-4f };
	float before = -1;

	(void)state;
	CHECK_NEAR(scale_unit(s, 0), 0, 1e-6);
	CHECK_NEAR(scale_unit(s, 0.9f), 0.25, 1e-4);
	CHECK_NEAR(scale_unit(s, 0.99f), 0.5, 1e-4);
	CHECK_NEAR(scale_unit(s, 0.999f), 0.75, 1e-3);
	CHECK_NEAR(scale_unit(s, 1), 1, 0);
	CHECK_NEAR(scale_unit(s, 1.1f), 1, 0);          /* rounding may go above */
	CHECK_NEAR(scale_unit(s, -1), 0, 0);
	CHECK(isnan(scale_unit(s, NAN)));
	for (float v = 0; v <= 1; v += 0.01f) {
		CHECK(scale_unit(s, v) > before);
		before = scale_unit(s, v);
	}
}

/* The signal it is made for uses it: values that real text takes are apart. */
static void jsd_of_running_text_is_not_flat(void **state)
{
	const struct lens_def *d = lenses[lens_find("jsd")];
	struct scale s = { .lo = d->lo, .hi = d->hi, .near = d->near };

	(void)state;
	CHECK(scale_unit(s, d->hi - 0.003f) - scale_unit(s, d->hi - 0.04f) > 0.2f);
	CHECK_INT(scale_step(scale_unit(s, d->hi)), RAMP - 1);
}

static void figures_close_to_a_ceiling_say_how_close(void **state)
{
	struct lens_def d = { .lo = 0, .hi = 0.6931472f, .near = 1e-4f, .ceiling = "ln2" }, plain = { .hi = 4 };
	char text[32];

	(void)state;
	CHECK_STR(scale_figure(&d, 0.283f, 9, text, sizeof text), "0.283");
	CHECK_STR(scale_figure(&d, 0.6931472f - 0.0033f, 9, text, sizeof text), "ln2-.0033");
	CHECK_STR(scale_figure(&d, 0.6931473f, 9, text, sizeof text), "ln2-.0000");
	CHECK_STR(scale_figure(&d, 0.6931472f - 0.0033f, 8, text, sizeof text), "ln2-.003");
	CHECK_STR(scale_figure(&plain, 3.9f, 9, text, sizeof text), "3.900");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_linear_scale_is_clamped_and_keeps_holes),
		TEST(a_scale_to_its_ceiling_is_logarithmic_in_the_distance),
		TEST(jsd_of_running_text_is_not_flat),
		TEST(figures_close_to_a_ceiling_say_how_close),
	};

	return RUN(tests);
}
