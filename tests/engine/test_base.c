/* test_base: the smallest words: errors, halves, randomness, memory, the mailbox (a threaded test). */
#include <pthread.h>
#include <stdlib.h>

#include "engine/base/clock.h"
#include "engine/base/err.h"
#include "engine/base/half.h"
#include "engine/base/mailbox.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "tests/test.h"

static void an_error_gains_its_place_on_the_way_up(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_false(err_set(&e, ERR_FILE, "needs %d bytes", 7));
	assert_false(err_wrap(&e, "loading %s", "x.gguf"));
	CHECK_STR(e.msg, "loading x.gguf: needs 7 bytes");
	CHECK_INT(e.code, ERR_FILE);
}

static void an_error_never_carries_a_control_byte_and_never_overflows(void **state)
{
	struct err e = { 0 };
	char longer[2000];

	(void)state;
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	err_set(&e, ERR_RUN, "a\x1b[2Jb\nc%s", longer);
	assert_null(strchr(e.msg, 0x1b));
	assert_null(strchr(e.msg, '\n'));
	err_wrap(&e, "%s", longer);
	assert_true(strlen(e.msg) < sizeof e.msg);
}

static void every_f16_survives_the_way_to_f32_and_back(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < 0x10000; h++) {
		float f = f16_to_f32((uint16_t)h);

		if (isnan(f))
			assert_true(isnan(f16_to_f32(f16_from_f32(f))));
		else
			CHECK_INT(f16_from_f32(f), h);
	}
}

static void f16_rounds_to_nearest_ties_to_even(void **state)
{
	(void)state;
	CHECK_INT(f16_from_f32(1 + 0x1p-11f), 0x3c00);          /* half way: down to even */
	CHECK_INT(f16_from_f32(1 + 3 * 0x1p-11f), 0x3c02);      /* half way: up to even */
	CHECK_INT(f16_from_f32(65519.996f), 0x7bff);
	CHECK_INT(f16_from_f32(65520.0f), 0x7c00);
	CHECK_INT(f16_from_f32(0x1p-25f), 0);                   /* half of the smallest */
	CHECK_INT(f16_from_f32(0x1.8p-25f), 1);
	CHECK_INT(f16_from_f32(-0.0f), 0x8000);
}

static void a_number_is_named_by_seed_position_and_draw(void **state)
{
	double sum = 0;

	(void)state;
	CHECK_INT(rng_bits(1, 2, 3) == rng_bits(1, 2, 3), 1);
	assert_true(rng_bits(1, 2, 3) != rng_bits(1, 3, 2));
	assert_true(rng_bits(1, 2, 3) != rng_bits(2, 1, 3));
	for (uint64_t i = 0; i < 10000; i++) {
		double u = rng_uniform(42, i, 0);

		assert_true(u >= 0 && u < 1);
		sum += u;
	}
	CHECK_NEAR(sum / 10000, 0.5, 0.01);     /* three standard errors: 0.0087 */
}

static void sizes_that_do_not_fit_are_refused(void **state)
{
	struct err e = { 0 };
	size_t out;

	(void)state;
	assert_false(mem_mul(SIZE_MAX / 2, 3, &out));
	assert_false(mem_add(SIZE_MAX, 1, &out));
	assert_null(mem_big(SIZE_MAX / 2, 4, "weights", &e));
	assert_non_null(strstr(e.msg, "weights"));
	float *p = mem_big(1000, sizeof *p, "scratch", &e);
	assert_non_null(p);
	CHECK_INT((uintptr_t)p % 64, 0);
	CHECK_NEAR(p[999], 0, 0);
	mem_big_free(p);
}

static void a_test_can_stop_the_clock(void **state)
{
	(void)state;
	clock_fake(5);
	CHECK_INT(clock_ns(), 5);
	clock_fake(0);
	assert_true(clock_ns() > 5);
}

enum { LETTERS = 20000 };

static void *writer(void *of)
{
	struct mailbox *m = of;

	for (uintptr_t i = 1; i <= LETTERS; i++)
		if (!mailbox_send(m, (void *)i))
			break;
	mailbox_close(m);
	return NULL;
}

static void letters_arrive_once_and_in_order(void **state)
{
	struct err e = { 0 };
	struct mailbox *m = mailbox_new(16, &e);
	pthread_t t;
	uintptr_t next = 1;

	(void)state;
	pthread_create(&t, NULL, writer, m);
	for (void *letter; (letter = mailbox_wait(m)); next++)
		if ((uintptr_t)letter != next)
			fail_msg("letter %zu came as number %zu", (size_t)(uintptr_t)letter, (size_t)next);
	CHECK_INT(next, LETTERS + 1);
	pthread_join(t, NULL);
	mailbox_free(m);
}

static void a_full_box_refuses_who_does_not_wait_and_a_closed_one_everybody(void **state)
{
	struct err e = { 0 };
	struct mailbox *m = mailbox_new(1, &e);

	(void)state;
	assert_true(mailbox_try_send(m, m));
	assert_false(mailbox_try_send(m, m));
	mailbox_close(m);
	assert_false(mailbox_send(m, m));
	assert_ptr_equal(mailbox_take(m), m);
	assert_null(mailbox_wait(m));
	mailbox_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_error_gains_its_place_on_the_way_up),
		TEST(an_error_never_carries_a_control_byte_and_never_overflows),
		TEST(every_f16_survives_the_way_to_f32_and_back),
		TEST(f16_rounds_to_nearest_ties_to_even),
		TEST(a_number_is_named_by_seed_position_and_draw),
		TEST(sizes_that_do_not_fit_are_refused),
		TEST(a_test_can_stop_the_clock),
		TEST(letters_arrive_once_and_in_order),
		TEST(a_full_box_refuses_who_does_not_wait_and_a_closed_one_everybody),
	};

	return RUN(tests);
}
