/*
 * test -- what every test includes: cmocka, and comparisons that say how far off.
 *
 * A test is a function whose name is a sentence.  A test program ends with
 *     int main(void) { const struct CMUnitTest tests[] = { TEST(a_sentence) };
 *                      return RUN(tests); }
 * A test that needs a file which is not there calls SKIP("why").
 */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEST(fn)   cmocka_unit_test(fn)
#define RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)
#define CHECK(c)   assert_true(c)
#define CHECK_STR(a, b) assert_string_equal(a, b)
#define CHECK_INT(a, b) assert_int_equal(a, b)
#define CHECK_NEAR(a, b, tol)                                                                \
	do {                                                                                 \
		double a_ = (double)(a), b_ = (double)(b), t_ = (double)(tol);               \
		if (!(fabs(a_ - b_) <= t_))                                                  \
			fail_msg("%s = %.9g, %s = %.9g, off by %.3g, allowed %.3g", #a, a_, #b, b_, \
			    fabs(a_ - b_), t_);                                              \
	} while (0)
/* Where the shared inputs lie; tests that want one skip when it is not there. */
#define SHARED "../shared/"
#define SKIP(why)                                                                            \
	do {                                                                                 \
		printf("skipped: %s: %s\n", __func__, why);                                  \
		skip();                                                                      \
	} while (0)

#endif
