/* test_analyst: slow questions on a thread of their own (a threaded test). */
#include "analysis/analyst.h"

#include <poll.h>

#include "tests/test.h"

struct sum {
	int upto, answer;
	bool stopped, dropped;
};

static void add_up(void *question, struct analyst_desk *desk)
{
	struct sum *s = question;

	for (int i = 1; i <= s->upto; i++) {
		s->answer += i;
		atomic_store(&desk->done, (float)i / (float)s->upto);
	}
}

static void wait_for_stop(void *question, struct analyst_desk *desk)
{
	struct sum *s = question;

	while (!atomic_load(&desk->stop))
		;
	s->stopped = true;
}

static struct sum *next(struct analyst *a)
{
	struct sum *s;

	while (!(s = analyst_take(a))) {
		struct pollfd p = { analyst_fd(a), POLLIN, 0 };

		assert_true(poll(&p, 1, 10000) > 0);
	}
	return s;
}

static void answers_come_in_the_order_of_the_questions(void **state)
{
	struct err e = { 0 };
	struct analyst *a = analyst_new(&e);
	struct sum s[5];

	(void)state;
	assert_non_null(a);
	for (int i = 0; i < 5; i++) {
		s[i] = (struct sum){ .upto = 10 * (i + 1) };
		assert_true(analyst_ask(a, add_up, &s[i]));
	}
	for (int i = 0; i < 5; i++) {
		struct sum *got = next(a);

		assert_ptr_equal(got, &s[i]);
		CHECK_INT(got->answer, got->upto * (got->upto + 1) / 2);
	}
	CHECK_INT(analyst_pending(a), 0);
	analyst_free(a, NULL);
}

static void a_question_can_be_called_off_and_the_next_is_answered(void **state)
{
	struct err e = { 0 };
	struct analyst *a = analyst_new(&e);
	struct sum slow = { 0 }, quick = { .upto = 4 };

	(void)state;
	assert_true(analyst_ask(a, wait_for_stop, &slow));
	assert_true(analyst_ask(a, add_up, &quick));
	/* The stop may come before the question is at work; it is asked for until heard. */
	while (!slow.stopped && analyst_pending(a) == 2) {
		struct pollfd p = { analyst_fd(a), POLLIN, 0 };

		analyst_cancel(a);
		if (poll(&p, 1, 1) > 0)
			break;
	}
	assert_ptr_equal(next(a), &slow);
	assert_ptr_equal(next(a), &quick);
	analyst_free(a, NULL);
}

static void drop(void *question)
{
	((struct sum *)question)->dropped = true;
}

static void leaving_hands_back_every_question_once(void **state)
{
	struct err e = { 0 };
	struct analyst *a = analyst_new(&e);
	struct sum s[3] = { { .upto = 1 }, { .upto = 2 }, { .upto = 3 } };

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(analyst_ask(a, i ? add_up : wait_for_stop, &s[i]));
	analyst_free(a, drop);
	for (int i = 0; i < 3; i++)
		assert_true(s[i].dropped);
}

static void too_many_questions_are_refused(void **state)
{
	struct err e = { 0 };
	struct analyst *a = analyst_new(&e);
	static struct sum s[65];

	(void)state;
	assert_true(analyst_ask(a, wait_for_stop, &s[0]));
	for (int i = 1; i < 64; i++)
		assert_true(analyst_ask(a, add_up, &s[i]));
	assert_false(analyst_ask(a, add_up, &s[64]));
	analyst_free(a, drop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_come_in_the_order_of_the_questions),
		TEST(a_question_can_be_called_off_and_the_next_is_answered),
		TEST(leaving_hands_back_every_question_once),
		TEST(too_many_questions_are_refused),
	};

	return RUN(tests);
}
