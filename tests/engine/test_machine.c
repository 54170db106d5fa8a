#include "tests/test.h"

#include "engine/machine.h"

static void reading_memory_takes_some_time_and_not_forever(void **state)
{
	struct err e = {0};
	struct pool *p = pool_new(2, &e);

	(void)state;
	CHECK(p);
	double rate = machine_read_gbs(p, 4 << 20, 2, &e);
	CHECK(rate > 0.01 && rate < 1e5);
	pool_free(p);
}

static void no_room_is_an_error_not_a_crash(void **state)
{
	struct err e = {0};
	struct pool *p = pool_new(1, &e);

	(void)state;
	CHECK(p);
	CHECK(machine_read_gbs(p, (size_t)1 << 50, 1, &e) == 0);
	CHECK_INT(e.code, ERR_RUN);
	pool_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(reading_memory_takes_some_time_and_not_forever),
	    TEST(no_room_is_an_error_not_a_crash),
	};
	return RUN(tests);
}
