#include "analysis/instability.h"
#include "tests/test.h"

static struct instability trace(double lambda, int n, const double (*hd)[2])
{
	struct instability t;

	instability_start(&t, lambda);
	for (int i = 0; i < n; i++)
		instability_add(&t, hd[i][0], hd[i][1]);
	return t;
}

static void nothing_measured_is_a_hole_everywhere(void **state)
{
	struct instability t = trace(1, 0, NULL);

	(void)state;
	CHECK(isnan(t.peak) && isnan(t.h_first) && isnan(t.h_mean) && isnan(t.h_max) && isnan(t.d_max));
	CHECK_INT(t.peak_at, 0);
	CHECK(instability_rho(&t) == 0);
	CHECK_INT(instability_class(&t), PEAK_NONE);
	CHECK(isnan(instability_prefix(&t, 0)));
}

/* I = 1.0 (its D ignored), 2.5, 2.2, 0.6: S = 2.5 at step 2 of 4. */
static void the_peak_and_its_controls_by_hand(void **state)
{
	struct instability t = trace(1, 4, (const double[][2]){ { 1, .6 }, { 2, .5 }, { 1.6, .6 }, { .4, .2 } });

	(void)state;
	CHECK_NEAR(t.peak, 2.5, 1e-15);
	CHECK_INT(t.peak_at, 2);
	CHECK_INT(t.n, 4);
	CHECK_NEAR(instability_rho(&t), .5, 0);
	CHECK_INT(instability_class(&t), PEAK_MIDDLE);
	CHECK_NEAR(t.h_first, 1, 0);
	CHECK_NEAR(t.h_mean, 1.25, 1e-15);
	CHECK_NEAR(t.h_max, 2, 0);
	CHECK_NEAR(t.d_max, .6, 0);
}

static void lambda_weighs_the_entropy(void **state)
{
	struct instability t = trace(.1, 3, (const double[][2]){ { 3, 0 }, { 1, .6 }, { 2, .3 } });

	(void)state;
	CHECK_NEAR(t.peak, .7, 1e-15);
	CHECK_INT(t.peak_at, 2);
}

static void the_class_follows_the_trace_as_it_grows(void **state)
{
	struct instability t;

	(void)state;
	instability_start(&t, 1);
	instability_add(&t, 1, 0);
	instability_add(&t, 3, .5);
	CHECK_INT(instability_class(&t), PEAK_LATE);    /* 2/2 */
	instability_add(&t, 1, .5);
	CHECK_INT(instability_class(&t), PEAK_MIDDLE);  /* 2/3 */
	for (int i = 0; i < 3; i++)
		instability_add(&t, 1, .5);
	CHECK_INT(instability_class(&t), PEAK_EARLY);   /* 2/6 */
	CHECK_STR(peak_class_name(instability_class(&t)), "early");
}

static void the_first_of_equal_peaks_counts(void **state)
{
	struct instability t = trace(1, 3, (const double[][2]){ { 2, 0 }, { 1.5, .5 }, { 2, 0 } });

	(void)state;
	CHECK_INT(t.peak_at, 1);
}

static void prefix_peaks_control_for_length(void **state)
{
	struct instability t;

	(void)state;
	instability_start(&t, 1);
	for (int i = 1; i <= 10; i++)
		instability_add(&t, i, 0);
	CHECK_NEAR(instability_prefix(&t, 0), 1, 0);    /* w = 1 */
	CHECK_NEAR(instability_prefix(&t, 1), 4, 0);
	CHECK_NEAR(instability_prefix(&t, 2), 8, 0);
	CHECK(isnan(instability_prefix(&t, 3)));        /* w = 12: not there yet */
	for (int w = 1; w < N_INSTABILITY_WINDOWS; w++)
		CHECK(instability_windows[w] > instability_windows[w - 1]);
}

static void holes_count_as_length_and_nothing_else(void **state)
{
	struct instability t = trace(1, 4, (const double[][2]){ { NAN, NAN }, { 1, NAN }, { 2, .1 }, { NAN, .3 } });

	(void)state;
	CHECK_INT(t.n, 4);
	CHECK_INT(t.n_measured, 2);
	CHECK(isnan(t.h_first));
	CHECK_NEAR(t.h_mean, 1.5, 0);
	CHECK_NEAR(t.peak, 2.1, 1e-15);
	CHECK_INT(t.peak_at, 3);
	CHECK_NEAR(t.d_max, .1, 0);
}

static void any_cut_points_will_do(void **state)
{
	struct instability t;

	(void)state;
	instability_start(&t, 1);
	t.cut[0] = .1;
	t.cut[1] = .9;
	instability_add(&t, 1, 0);
	instability_add(&t, 0, 0);
	CHECK_INT(instability_class(&t), PEAK_MIDDLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_measured_is_a_hole_everywhere),
		TEST(the_peak_and_its_controls_by_hand),
		TEST(lambda_weighs_the_entropy),
		TEST(the_class_follows_the_trace_as_it_grows),
		TEST(the_first_of_equal_peaks_counts),
		TEST(prefix_peaks_control_for_length),
		TEST(holes_count_as_length_and_nothing_else),
		TEST(any_cut_points_will_do),
	};

	return RUN(tests);
}
