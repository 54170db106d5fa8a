/* How long something will yet take. */
#include "engine/base/pace.h"

#include <math.h>

#include "tests/test.h"

#define SECONDS(s) ((uint64_t)((s) * 1e9))

static void nothing_is_said_before_it_is_known(void **state)
{
	struct pace p = { .since_ns = 0 };
	char text[32];

	(void)state;
	CHECK(!pace_is_slow(&p, SECONDS(1)));
	pace_at(&p, 0, SECONDS(1));
	pace_at(&p, 0.3, SECONDS(1.4));
	CHECK(!pace_is_slow(&p, SECONDS(1.4)));
	CHECK(isnan(pace_left_s(&p, SECONDS(1.4))));
	CHECK(pace_is_slow(&p, SECONDS(1.6)));
	/* Slow, but it has not moved. */
	p = (struct pace){ .since_ns = 0 };
	pace_at(&p, 0.5, SECONDS(1));
	pace_at(&p, 0.505, SECONDS(9));
	CHECK(isnan(pace_left_s(&p, SECONDS(9))));
	CHECK_STR(pace_text(pace_left_s(&p, SECONDS(9)), text, sizeof text), "");
	/* What cannot say how far it is has no end in sight, but is slow. */
	p = (struct pace){ .since_ns = 0 };
	pace_at(&p, (double)NAN, SECONDS(1));
	pace_at(&p, (double)NAN, SECONDS(2));
	CHECK(pace_is_slow(&p, SECONDS(2)) && isnan(pace_left_s(&p, SECONDS(2))));
}

static void what_begins_in_the_middle_is_timed_from_there(void **state)
{
	struct pace p = { .since_ns = 0 };

	(void)state;
	pace_at(&p, 0.5, SECONDS(10));
	pace_at(&p, 0.75, SECONDS(15));
	assert_float_equal(pace_left_s(&p, SECONDS(15)), 5, 1e-6);
}

static void what_goes_back_has_begun_again(void **state)
{
	struct pace p = { .since_ns = 0 };

	(void)state;
	pace_at(&p, 0, SECONDS(10));
	pace_at(&p, 0.9, SECONDS(20));
	pace_at(&p, 0.1, SECONDS(30));
	CHECK(!pace_is_slow(&p, SECONDS(30)));
	pace_at(&p, 0.4, SECONDS(33));
	assert_float_equal(pace_left_s(&p, SECONDS(33)), 6, 1e-6);
}

static void time_is_written_as_a_clock_shows_it(void **state)
{
	char text[32];

	(void)state;
	CHECK_STR(pace_text(13.2, text, sizeof text), "0:14 left");
	CHECK_STR(pace_text(0, text, sizeof text), "0:00 left");
	CHECK_STR(pace_text(3599, text, sizeof text), "59:59 left");
	CHECK_STR(pace_text(7500, text, sizeof text), "2:05:00 left");
	CHECK_STR(pace_text(1e300, text, sizeof text), "100:00:00 left");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_said_before_it_is_known),
		TEST(what_begins_in_the_middle_is_timed_from_there),
		TEST(what_goes_back_has_begun_again),
		TEST(time_is_written_as_a_clock_shows_it),
	};

	return RUN(tests);
}
