/* test_alarm: perplexity of the probe text, with and without edits, on a tiny model. */
#include <math.h>

#include "analysis/alarm.h"
#include "tests/test.h"
#include "tests/tiny_model.h"

static double measure(const struct model *m, const char *line)
{
	const struct edit_set *set = edit_set_empty();
	struct err e = { 0 };
	double out = 0;

	if (line) {
		struct edit ed;
		const struct edit_set *more;

		if (!edit_parse(line, &m->hp, &ed, &e))
			fail_msg("%s", e.msg);
		ed.number = 1;
		more = edit_set_with(set, &ed, 1);
		edit_set_unref(set);
		set = more;
	}
	if (!alarm_perplexity(m, set, &alarm_plain, NULL, NULL, &out, &e))
		fail_msg("%s", e.msg);
	edit_set_unref(set);
	return out;
}

static void edits_of_any_scope_move_it_and_no_edit_does_not(void **state)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	struct tiny t;
	struct err e;

	(void)state;
	assert_true(tiny_open(&t, &spec, &e));
	double base = measure(t.model, NULL);

	if (!(base > 1 && base < 1e9))
		fail_msg("perplexity %g", base);
	CHECK_NEAR(measure(t.model, NULL), base, 0);
	CHECK_NEAR(measure(t.model, "L0.mlp[3] + 0"), base, 0);
	double edited = measure(t.model, "L0.resid * 40");
	assert_true(fabs(edited - base) > 1e-3 * base);
	CHECK_NEAR(measure(t.model, "L0.resid * 40 in generated"), edited, 0);
	/* exp(lse) of the shifted token: no probability is left for the others. */
	assert_true(measure(t.model, "logit[7] + 100") > ALARM_RED * base);
	tiny_close(&t);
}

static void a_model_that_gives_no_number_has_no_end(void **state)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	struct tiny t;
	struct err e;

	(void)state;
	assert_true(tiny_open(&t, &spec, &e));
	assert_true(isinf(measure(t.model, "L0.resid * 1e38")) || measure(t.model, "L1.resid = 3e38") > 0);
	assert_true(isinf(measure(t.model, "final_norm = 3e38")));
	tiny_close(&t);
}

static bool give_up(void *of, double done)
{
	int *calls = of;

	assert_true(done >= 0 && done < 1);
	return ++*calls < 3;
}

static void it_is_called_off_between_sentences(void **state)
{
	struct tiny_spec spec = tiny_spec("gpt2", DTYPE_F32);
	const struct edit_set *none = edit_set_empty();
	struct tiny t;
	struct err e;
	double out;
	int calls = 0;

	(void)state;
	assert_true(tiny_open(&t, &spec, &e));
	assert_false(alarm_perplexity(t.model, none, &alarm_sums, give_up, &calls, &out, &e));
	CHECK_INT(e.code, ERR_NONE);
	CHECK_INT(calls, 3);
	edit_set_unref(none);
	tiny_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(edits_of_any_scope_move_it_and_no_edit_does_not),
		TEST(a_model_that_gives_no_number_has_no_end),
		TEST(it_is_called_off_between_sentences),
	};

	return RUN(tests);
}
