/* test_live: orders in, news out, across two threads (a threaded test). */
#include "engine/live.h"

#include <poll.h>
#include <stdlib.h>

#include "tests/test.h"
#include "tests/tiny_model.h"

static void entropy(const struct site_view *at, float *out)
{
	*out = at->softmax->lse - at->softmax->mean;
}

static const struct probe probe = { "entropy", PROBE_SCALAR, SITE_logits, entropy, NULL, PROBE_ANY };
static const struct probe *const probes[] = { &probe };

struct rig {
	struct tiny tiny;
	struct probe_plan *plan;
	struct source *src;
};

static void open_rig(struct rig *r)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_Q8_0);
	struct err e = { 0 };

	assert_true(tiny_open(&r->tiny, &spec, &e));
	r->plan = probe_plan_new(probes, 1, &r->tiny.model->hp);
	r->src = live_open(r->tiny.model, &(struct session_options){ .n_threads = 2, .probes = true, .plan = r->plan },
	    true, &e);
	if (!r->src)
		fail_msg("%s", e.msg);
}

static void close_rig(struct rig *r)
{
	source_close(r->src);
	probe_plan_free(r->plan);
	tiny_close(&r->tiny);
}

static void send(struct rig *r, struct order o)
{
	struct err e = { 0 };

	if (!source_send(r->src, &o, &e))
		fail_msg("%s", e.msg);
}

static struct news *next(struct rig *r)
{
	struct news *n;

	while (!(n = source_take(r->src))) {
		struct pollfd p = { source_fd(r->src), POLLIN, 0 };

		assert_true(poll(&p, 1, 10000) > 0);
	}
	return n;
}

/* Takes news until the engine rests after running; counts steps. */
static int drain_until_rest(struct rig *r, char *last_text, size_t room)
{
	int steps = 0;
	bool ran = false;

	for (;;) {
		struct news *n = next(r);

		steps += n->kind == NEWS_STEP;
		ran |= n->kind == NEWS_STEP || n->running;
		if (n->text)
			snprintf(last_text, room, "%s", n->text);
		bool rest = !n->running && (n->kind == NEWS_STATE || n->kind == NEWS_END) && ran;
		news_free(n);
		if (rest)
			return steps;
	}
}

static void a_prompt_runs_for_as_many_tokens_as_ordered(void **state)
{
	struct rig r;
	char text[512] = "";

	(void)state;
	open_rig(&r);
	send(&r, (struct order){ .kind = ORDER_RESTART, .text = "the cat" });
	send(&r, (struct order){ .kind = ORDER_RUN, .n = 5 });
	int steps = drain_until_rest(&r, text, sizeof text);
	/* Five drawn tokens need five passes with a distribution, and the rest of the prompt. */
	assert_true(steps >= 5 && steps < 5 + 12);
	close_rig(&r);
}

static void an_error_comes_back_as_news(void **state)
{
	struct rig r;

	(void)state;
	open_rig(&r);
	send(&r, (struct order){ .kind = ORDER_FORCE, .n = 1 << 20 });
	struct news *n = next(&r);
	CHECK_INT(n->kind, NEWS_ORDER);         /* obeyed, in vain */
	news_free(n);
	n = next(&r);
	CHECK_INT(n->kind, NEWS_ERROR);
	assert_non_null(strstr(n->text, "not in the vocabulary"));
	news_free(n);
	close_rig(&r);
}

static void closing_in_the_middle_of_a_run_stops_it(void **state)
{
	struct rig r;

	(void)state;
	open_rig(&r);
	send(&r, (struct order){ .kind = ORDER_RESTART, .text = "on and on" });
	send(&r, (struct order){ .kind = ORDER_RUN });
	news_free(next(&r));
	close_rig(&r);
}

static void a_full_order_box_refuses_and_does_not_block(void **state)
{
	struct rig r;
	struct err e = { 0 };
	int refused = 0;

	(void)state;
	open_rig(&r);
	/* Nobody takes the news, so the engine stops taking orders at some point. */
	for (int i = 0; i < 5000 && !refused; i++)
		refused += !source_send(r.src, &(struct order){ .kind = ORDER_PAUSE }, &e);
	CHECK_INT(refused, 1);
	assert_non_null(strstr(e.msg, "busy"));
	close_rig(&r);
}

static void a_new_sampler_takes_effect_and_signs_its_steps(void **state)
{
	struct rig r;
	struct err e = { 0 };
	const struct chain *c = chain_parse("greedy", 3, &e);
	bool seen = false;

	(void)state;
	open_rig(&r);
	send(&r, (struct order){ .kind = ORDER_CHAIN, .chain = c });
	chain_unref(c);
	send(&r, (struct order){ .kind = ORDER_RESTART, .text = "a" });
	send(&r, (struct order){ .kind = ORDER_RUN, .n = 2 });
	for (bool rest = false; !rest;) {
		struct news *n = next(&r);

		if (n->kind == NEWS_STEP && n->step->why == WHY_SAMPLED) {
			seen = true;
			CHECK_INT(n->step->sampler, 3);
			CHECK_INT(n->step->token, n->step->top[0].id);
		}
		rest = seen && n->kind == NEWS_STATE && !n->running;
		news_free(n);
	}
	close_rig(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_prompt_runs_for_as_many_tokens_as_ordered),
		TEST(an_error_comes_back_as_news),
		TEST(closing_in_the_middle_of_a_run_stops_it),
		TEST(a_full_order_box_refuses_and_does_not_block),
		TEST(a_new_sampler_takes_effect_and_signs_its_steps),
	};

	return RUN(tests);
}
