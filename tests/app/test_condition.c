#include "app/condition.h"

#include "analysis/timeline.h"
#include "tests/fake_source.h"
#include "tests/test.h"

struct rig {
	struct source *s;
	struct timeline *t;
};

static void start(struct rig *r)
{
	struct err e;
	struct news *n;

	r->s = fake_open(&(struct fake_options){ 0 });
	r->t = timeline_new(TIMELINE_BUDGET);
	CHECK(source_send(r->s, &(struct order){ .kind = ORDER_RESTART, .text = "Once upon" }, &e));
	CHECK(source_send(r->s, &(struct order){ .kind = ORDER_RUN, .n = 8 }, &e));
	for (; (n = source_take(r->s)); news_free(n))
		if (n->kind == NEWS_STEP)
			timeline_add(r->t, step_ref(n->step));
}

static void stop(struct rig *r)
{
	timeline_free(r->t);
	source_close(r->s);
}

static bool holds(struct rig *r, const char *text, int pos)
{
	struct condition c;
	struct buf found = { 0 };
	struct err e;

	if (!condition_parse(&c, text, &e))
		fail_msg("%s: %s", text, e.msg);
	bool yes = condition_holds(&c, r->t, r->s, pos, &found);

	CHECK(found.len > 0);
	buf_free(&found);
	return yes;
}

static void figures_are_compared(void **state)
{
	struct rig r;
	int last;

	(void)state;
	start(&r);
	last = timeline_n(r.t) - 1;
	CHECK(holds(&r, "entropy >= 0", last));
	CHECK(!holds(&r, "entropy < 0", last));
	CHECK(holds(&r, "position == 4", 4));
	CHECK(holds(&r, "position=4", 4));
	CHECK(!holds(&r, "position != 4", 4));
	CHECK(holds(&r, "p > 0", last));
	CHECK(holds(&r, "surprisal>=0", last));
	CHECK(holds(&r, "attn_entropy L2.H3 < 100", last));
	CHECK(holds(&r, "resid_norm L1 > -1", last));
	stop(&r);
}

static void what_was_not_measured_holds_nothing(void **state)
{
	struct rig r;

	(void)state;
	start(&r);
	CHECK(!holds(&r, "entropy > -1", 400));
	CHECK(!holds(&r, "entropy != 3", 400));
	CHECK(!holds(&r, "attn_entropy L99.H3 != 5", 3));
	CHECK(!holds(&r, "token \"a\"", -1));
	stop(&r);
}

static void tokens_and_texts_are_compared_as_bytes(void **state)
{
	struct rig r;
	int last;
	char line[80];
	size_t n;

	(void)state;
	start(&r);
	last = timeline_n(r.t) - 1;
	const char *piece = source_piece(r.s, timeline_at(r.t, last)->token, &n);

	snprintf(line, sizeof line, "token \"%.*s\"", (int)n, piece);
	CHECK(holds(&r, line, last));
	snprintf(line, sizeof line, "token != \"%.*s\"", (int)n, piece);
	CHECK(!holds(&r, line, last));
	CHECK(holds(&r, "text \"little\"", last));
	CHECK(!holds(&r, "text != \"little\"", last));
	CHECK(!holds(&r, "text \"dog\"", last));
	CHECK(holds(&r, "text != \"a\\\\n\\\"b\\n\"", last));
	stop(&r);
}

static void what_makes_no_sense_is_refused_in_words(void **state)
{
	static const struct { const char *text, *word; } bad[] = {
		{ "", "no signal" }, { "entropy", "comparison is missing" }, { "entropy >", "no number" },
		{ "entropy > x", "no number" }, { "entropy > 1 2", "no number" }, { "entropy > nan", "no number" },
		{ "entropy > 1e999", "no number" }, { "nothing > 1", "no signal" }, { "attn_entropy > 1", "head is missing" },
		{ "attn_entropy L1 > 1", "head is missing" }, { "entropy L1 > 1", "one value a step" },
		{ "resid_norm > 1", "one value a layer" }, { "attn_entropy L.H2 > 1", "a place is" }, { "token", "quotes" },
		{ "token \"a", "end in a quote" }, { "token \"\"", "empty" }, { "token > \"a\"", "== or !=" },
		{ "token \"a\" b", "too much" }, { "text dog", "quotes" },
	};
	char longer[400] = "token \"";
	struct condition c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK(!condition_parse(&c, bad[i].text, &e));
		if (e.code != ERR_USAGE || !strstr(e.msg, bad[i].word))
			fail_msg("%s: %s", bad[i].text, e.msg);
	}
	memset(longer + 7, 'x', 300);
	CHECK(!condition_parse(&c, longer, &e));
}

static void every_field_has_a_name_and_a_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_condition_fields; i++) {
		char line[64];
		struct condition c;
		struct err e;

		CHECK(*condition_fields[i].doc);
		snprintf(line, sizeof line, "%s >= 0", condition_fields[i].name);
		CHECK(condition_parse(&c, line, &e));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(figures_are_compared),
		TEST(what_was_not_measured_holds_nothing),
		TEST(tokens_and_texts_are_compared_as_bytes),
		TEST(what_makes_no_sense_is_refused_in_words),
		TEST(every_field_has_a_name_and_a_sentence),
	};

	return RUN(tests);
}
