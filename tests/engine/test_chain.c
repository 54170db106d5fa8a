/* test_chain: what may be typed as a sampler chain, and what is said about the rest. */
#include "engine/sampler.h"

#include "tests/test.h"

static void parses_to(const char *typed, const char *want)
{
	struct err e = { 0 };
	const struct chain *c = chain_parse(typed, 7, &e);

	if (!c)
		fail_msg("%s: %s", typed, e.msg);
	CHECK_STR(chain_text(c), want);
	CHECK_INT(chain_revision(c), 7);
	/* What it writes it reads again as the same. */
	const struct chain *again = chain_parse(chain_text(c), 8, &e);
	CHECK(again != NULL);
	CHECK_STR(chain_text(again), want);
	CHECK_INT(chain_n(again), chain_n(c));
	chain_unref(again);
	chain_unref(c);
}

static void fails_with(const char *typed, const char *words)
{
	struct err e = { 0 };

	if (chain_parse(typed, 1, &e))
		fail_msg("\"%s\" was understood", typed);
	if (!strstr(e.msg, words))
		fail_msg("\"%s\" says \"%s\", expected \"%s\"", typed, e.msg, words);
	CHECK_INT(e.code, ERR_USAGE);
}

static void a_chain_is_stages_with_bars_between_them(void **state)
{
	(void)state;
	parses_to("greedy", "greedy");
	parses_to("top-k 40 | top-p 0.95 | temp 0.8", "top-k 40 | top-p 0.95 | temp 0.8");
	parses_to("  TOP_K  5|temp 1 ", "top-k 5 | temp 1");
	parses_to("repeat 1.1", "repeat 1.1 64");
	parses_to("repeat 1.1 32", "repeat 1.1 32");
	parses_to(SAMPLER_DEFAULT, SAMPLER_DEFAULT);
}

/* A recorded chain has to draw the same tokens again. */
static void a_chain_s_text_keeps_every_digit_that_was_typed(void **state)
{
	(void)state;
	parses_to("temp 0.812345678", "temp 0.812345678");
	parses_to("top-k 1234567", "top-k 1234567");
}

static void a_chain_that_is_not_understood_says_what_would_be(void **state)
{
	(void)state;
	fails_with("", "stages with | between them");
	fails_with("temp 1 |", "stages with | between them");
	fails_with("| temp 1", "stages with | between them");
	fails_with("topk 40", "no sampler stage called \"topk\" (there are greedy, temp, top-k");
	fails_with("temp", "temp wants a value for temperature");
	fails_with("temp hot", "temp wants a number, not \"hot\"");
	fails_with("temp 0.8x", "temp wants a number");
	fails_with("temp nan", "temp wants a number");
	fails_with("temp inf", "temp wants a number");
	fails_with("temp 1 2", "temp takes 1 number at most");
	fails_with("greedy 1", "greedy takes 0 numbers at most");
	fails_with("repeat 1 2 3", "repeat takes 2 numbers at most");
	fails_with("top-p 1.5", "top-p: p goes from 0 to 1, not 1.5");
	fails_with("min-p -1", "min-p: p goes from 0 to 1, not -1");
	fails_with("temp 1|temp 1|temp 1|temp 1|temp 1|temp 1|temp 1|temp 1|temp 1|temp 1|temp 1|temp 1|temp 1",
	    "at most 12 stages");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_chain_is_stages_with_bars_between_them),
		TEST(a_chain_s_text_keeps_every_digit_that_was_typed),
		TEST(a_chain_that_is_not_understood_says_what_would_be),
	};

	return RUN(tests);
}
