/*
 * test_hands: steering, patching, tracking, probing and comparing on a live tiny
 * model, by command lines alone.  threaded test
 */
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "analysis/compare.h"
#include "analysis/lens.h"
#include "app/app.h"
#include "app/command.h"
#include "app/editing.h"
#include "app/script.h"
#include "engine/live.h"
#include "tests/test.h"
#include "tests/tiny_model.h"

struct rig {
	struct tiny tiny;
	struct probe_plan *plan;
	struct source *source;
	struct app *a;
};

static void start(struct rig *r)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	struct err e = { 0 };

	assert_true(tiny_open(&r->tiny, &spec, &e));
	r->plan = lens_plan(&r->tiny.model->hp);
	r->source = live_open(r->tiny.model, &(struct session_options){ .n_threads = 1, .probes = true, .plan = r->plan }, true, &e);
	if (!r->source)
		fail_msg("%s", e.msg);
	r->a = app_new(&(struct app_options){ .source = r->source, .model = r->tiny.model });
	assert_true(app_set_chain(r->a, "greedy", &e));
}

static void stop(struct rig *r)
{
	app_free(r->a);
	source_close(r->source);
	probe_plan_free(r->plan);
	tiny_close(&r->tiny);
}

static bool busy(const struct app *a)
{
	return a->unsettled || a->going || a->engine_running || a->patch.waits || a->looks.asked || a->script ||
	    lab_probe_now(a->lab).works || lab_awaited(a->lab);
}

/* Until everything asked for is there. */
static void settle(struct rig *r)
{
	struct news *n;

	do {
		struct pollfd fds[2] = { { source_fd(r->source), POLLIN, 0 }, { lab_fd(r->a->lab), POLLIN, 0 } };

		if (poll(fds, 2, 20000) <= 0)
			fail_msg("nothing happens");
		while ((n = source_take(r->source)))
			app_news(r->a, n);
		app_lab(r->a);
		app_tick(r->a);
	} while (busy(r->a));
}

static void run(struct rig *r, const char *line)
{
	if (!app_line(r->a, line))
		fail_msg("%s: %s", line, r->a->message);
	if (busy(r->a))
		settle(r);
}

static const char *refused(struct rig *r, const char *line)
{
	if (app_line(r->a, line))
		fail_msg("%s: was obeyed", line);
	return r->a->message;
}

static void begin(struct rig *r)
{
	start(r);
	assert_true(app_order(r->a, &(struct order){ .kind = ORDER_RESTART, .text = "the cat sat on" }, &(struct err){ 0 }));
	run(r, "run 6");
}

static const struct step *newest(const struct rig *r)
{
	return timeline_at(r->a->steps, timeline_n(r->a->steps) - 1);
}

static char *prompts(const char *text)
{
	char *path = tiny_temp_file(text, strlen(text), ".txt");

	assert_non_null(path);
	return path;
}

static void a_vector_is_learned_and_steers(void **state)
{
	struct rig r;
	char *a = prompts("the dog\nthat dog\n# not this\na dog\n"), *b = prompts("the cat\na cat\n"), *v = prompts("");
	char line[1024];

	(void)state;
	begin(&r);
	snprintf(line, sizeof line, "steer learn %s %s L0 -o \"%s\"", a, b, v);
	run(&r, line);
	assert_non_null(strstr(r.a->message, "3 and 2 prompts"));
	snprintf(line, sizeof line, "steer L0 + %s * 4", v);
	run(&r, line);
	const struct edit *ed = edit_set_at(app_edits(r.a), 0);
	CHECK_INT(ed->at.site, SITE_resid_post);
	CHECK_INT(ed->vec->n, r.tiny.model->hp.d_model);
	run(&r, "run 2");
	const struct step *s = timeline_at(r.a->steps, timeline_n(r.a->steps) - 1);
	CHECK_INT(s->n_receipts, 1);
	CHECK_NEAR(s->receipts[0].change, 4 * ed->vec->norm, 1e-3 * ed->vec->norm);
	snprintf(line, sizeof line, "steer L1 + %s", v);
	assert_non_null(strstr(refused(&r, line), "for L0.resid"));
	refused(&r, "steer learn only.txt");
	snprintf(line, sizeof line, "steer learn %s nothing.txt L0 -o x.vec", a);
	run(&r, line);
	assert_true(r.a->message_is_error && strstr(r.a->message, "nothing.txt"));
	unlink(a);
	unlink(b);
	unlink(v);
	free(a);
	free(b);
	free(v);
	stop(&r);
}

static void a_value_of_an_earlier_step_is_put_back(void **state)
{
	struct rig r;

	(void)state;
	begin(&r);
	run(&r, "patch L1 from 3");
	const struct edit *ed = edit_set_at(app_edits(r.a), 0);
	CHECK_STR(ed->op->name, "patch");
	CHECK_STR(ed->vec->name, "3");
	CHECK_INT(ed->at.site, SITE_resid_post);
	/* The last layer's residual stream is all the head reads: the distribution of
	 * position 3 comes back. */
	run(&r, "run 1");
	const struct step *then = timeline_at(r.a->steps, 3), *now = timeline_at(r.a->steps, timeline_n(r.a->steps) - 1);
	run(&r, "patch L0.H2 from 4 in generated");
	CHECK_INT(edit_set_at(app_edits(r.a), 1)->vec->n, r.tiny.model->hp.d_head);
	CHECK_INT(edit_set_at(app_edits(r.a), 1)->scope, SCOPE_GENERATED);
	CHECK_INT(now->receipts[0].applied, 1);
	if (then->n_top)
		CHECK_INT(now->top[0].id, then->top[0].id);
	refused(&r, "patch L0.H2 from 400");
	refused(&r, "patch L0.H2 to 4");
	refused(&r, "patch L*.resid");
	run(&r, "patch L*.resid from 2");
	assert_true(r.a->message_is_error);
	CHECK_INT(edit_set_n(app_edits(r.a)), 2);
	stop(&r);
}

/* The very value that stood there, from a line that is no longer the line. */
static void a_value_of_a_branch_that_was_left_is_put_back(void **state)
{
	struct rig r;
	char token[32];
	int last;

	(void)state;
	begin(&r);
	last = timeline_n(r.a->steps) - 1;
	run(&r, "patch L1 from 6");
	const struct vec *here = vec_ref(edit_set_at(app_edits(r.a), 0)->vec);
	run(&r, "drop");
	run(&r, "keep 4");
	snprintf(token, sizeof token, "token %d", timeline_branch_at(r.a->steps, 1, 4)->input == 70 ? 71 : 70);
	run(&r, token);
	run(&r, "run 3");
	run(&r, "patch L1 from branch 1 step 6");
	const struct edit *ed = edit_set_at(app_edits(r.a), 0);
	CHECK_STR(ed->vec->name, "branch 1 step 6");
	/* Position 6 was read in one piece with others then, and alone now. */
	for (int i = 0; i < here->n; i++)
		CHECK_NEAR(ed->vec->v[i], here->v[i], 1e-5);
	run(&r, "run 1");
	CHECK_INT(newest(&r)->receipts[0].applied, 1);
	assert_non_null(strstr(refused(&r, "patch L1 from branch 7 step 3"), "no branch 7"));
	assert_non_null(strstr(refused(&r, "patch L1 from branch 1 step 4000"), "no step at position 4000"));
	assert_non_null(strstr(refused(&r, "patch L1 from branch 1"), "from branch 2 step 12"));
	assert_true(last > 6);

	run(&r, "name-branch 1 first");
	run(&r, "patch L0.H1 from branch first step 5 in generated");
	CHECK_INT(edit_set_n(app_edits(r.a)), 2);
	run(&r, "compare first");
	assert_non_null(strstr(r.a->message, "part at position 3"));
	refused(&r, "name-branch 1 two words");
	refused(&r, "name-branch 1 17");
	refused(&r, "branch second");
	run(&r, "drop-branch first");
	CHECK_INT(timeline_n_branches(r.a->steps), 0);
	refused(&r, "compare 1");
	vec_unref(here);
	stop(&r);
}

static void a_scope_that_reaches_back_reads_the_text_again(void **state)
{
	struct rig r;
	int n;

	(void)state;
	begin(&r);
	n = timeline_n_tokens(r.a->steps);
	run(&r, "clamp L0.mlp[3] = 9");
	CHECK_INT(timeline_n_branches(r.a->steps), 0);
	CHECK_INT(timeline_at(r.a->steps, 2)->edits, 0);
	run(&r, "clamp L0.mlp[4] = 9 in all");
	assert_non_null(strstr(r.a->message, "read again"));
	CHECK_INT(timeline_n_branches(r.a->steps), 1);
	CHECK_INT(timeline_n_tokens(r.a->steps), n);
	for (int i = 0; i < timeline_n(r.a->steps); i++)
		CHECK_INT(timeline_at(r.a->steps, i)->n_receipts, 2);
	struct compare c;
	assert_true(compare_open(&c, r.a->steps, 1));
	CHECK_INT(c.first, -1);
	assert_true(c.n_compared > 0 && c.mean_kl > 0);
	run(&r, "compare 1");
	assert_non_null(strstr(r.a->message, "same tokens"));
	run(&r, "undo");
	assert_non_null(strstr(r.a->message, "read again"));
	CHECK_INT(timeline_n_branches(r.a->steps), 2);
	run(&r, "run 3");
	CHECK_INT(timeline_n_tokens(r.a->steps), n + 3);
	refused(&r, "compare 9");
	stop(&r);
}

static void tokens_are_named_by_text_and_tracked(void **state)
{
	struct rig r;
	const struct vocab *v;
	char line[64];
	size_t len;

	(void)state;
	begin(&r);
	v = r.tiny.model->vocab;
	const char *text = vocab_bytes(v, 300, &len);
	snprintf(line, sizeof line, "clamp logit[\"%.*s\"] + 5", (int)len, text);
	run(&r, line);
	int id = edit_set_at(app_edits(r.a), 0)->at.index;
	run(&r, "run 1");
	snprintf(line, sizeof line, "track \"%.*s\" 7", (int)len, text);
	run(&r, line);
	CHECK_INT(r.a->looks.n_track, 2);
	CHECK_INT(r.a->looks.track[0], id);
	const struct step *s = timeline_at(r.a->steps, timeline_n(r.a->steps) - 1);
	assert_null(looks_get(&r.a->looks, r.source, s, LOOK_COMPARE, 0, true));
	settle(&r);
	const struct look *k = looks_get(&r.a->looks, r.source, s, LOOK_COMPARE, 0, true);
	assert_non_null(k);
	CHECK_NEAR((k->tracked[0][0] - k->tracked[1][0]) - (k->tracked[0][1] - k->tracked[1][1]), 5, 1e-3);
	refused(&r, "track \"no such token at all\"");
	refused(&r, "track 1 2 3");
	run(&r, "track");
	CHECK_INT(r.a->looks.n_track, 0);
	stop(&r);
}

static void a_broken_model_raises_the_alarm(void **state)
{
	struct rig r;
	struct lab_probe p;

	(void)state;
	begin(&r);
	run(&r, "clamp L0.mlp[3] + 0");
	p = lab_probe_now(r.a->lab);
	CHECK_NEAR(p.after / p.before, 1, 1e-9);
	run(&r, "clamp logit[7] + 100");
	p = lab_probe_now(r.a->lab);
	assert_true(p.after > 10 * p.before);
	assert_true(r.a->message_is_error && strstr(r.a->message, "broken"));
	run(&r, "undo");
	run(&r, "probe");
	assert_non_null(strstr(r.a->message, "1 times"));
	stop(&r);
}

static void a_matrix_is_swapped_when_it_has_been_made(void **state)
{
	struct rig r;

	(void)state;
	begin(&r);
	run(&r, "swap L0.ffn_up q4_0");
	assert_non_null(strstr(r.a->message, "4.5 bits a weight in 1 matrix"));
	CHECK_INT(edit_set_n(app_edits(r.a)), 1);
	run(&r, "run 2");
	const struct step *s = newest(&r);
	CHECK_INT(s->n_receipts, 1);
	CHECK_INT(s->receipts[0].applied, 1);
	assert_true(s->receipts[0].change > 0 && s->receipts[0].change < 0.2 * s->receipts[0].before);
	/* Same cache, with and without: apart, but not far. */
	assert_null(looks_get(&r.a->looks, r.source, s, LOOK_COMPARE, 0, true));
	settle(&r);
	const struct look *k = looks_get(&r.a->looks, r.source, s, LOOK_COMPARE, 0, true);
	assert_non_null(k);
	assert_true(k->jsd > 0 && k->jsd < 0.5f && k->kl > 0);
	const struct swap *made = edit_set_at(app_edits(r.a), 0)->swap;
	run(&r, "undo");
	run(&r, "run 1");
	CHECK_INT(newest(&r)->n_receipts, 0);
	run(&r, "redo");
	run(&r, "toggle-edit 1");
	run(&r, "run 1");
	CHECK_INT(newest(&r)->receipts[0].applied, 0);
	run(&r, "drop 1");
	/* What was made once is used again. */
	run(&r, "swap L0.ffn_up q4_0 in all");
	CHECK_INT(edit_set_n(app_edits(r.a)), 1);
	assert_ptr_equal(edit_set_at(app_edits(r.a), 0)->swap, made);
	for (int i = 0; i < timeline_n(r.a->steps); i++)
		CHECK_INT(timeline_at(r.a->steps, i)->receipts[0].applied, 1);
	run(&r, "swap L* q4_0 in generated");
	run(&r, "run 1");
	CHECK_INT(newest(&r)->receipts[1].applied, 14);
	assert_non_null(strstr(refused(&r, "swap L0.ffn_op q4_0"), "no matrix"));
	refused(&r, "swap L0.ffn_up q17");
	refused(&r, "swap stop");
	refused(&r, "swap");
	CHECK_INT(edit_set_n(app_edits(r.a)), 2);
	stop(&r);
}

static bool was_said(const struct rig *r, const char *words)
{
	for (int i = 0; i < r->a->n_log; i++)
		if (strstr(r->a->log[i], words))
			return true;
	return false;
}

static void a_swap_can_be_called_off(void **state)
{
	struct rig r;

	(void)state;
	begin(&r);
	for (int i = 0; i < 40; i++)
		assert_true(app_line(r.a, "swap all rtn bits=4 group=16"));
	CHECK_INT(lab_swaps_now(r.a->lab).n, 40);
	CHECK_STR(lab_swaps_now(r.a->lab).what, "all rtn bits=4 group=16");
	assert_true(app_line(r.a, "swap stop"));
	settle(&r);
	CHECK_INT(lab_swaps_now(r.a->lab).n, 0);
	/* Some may have been made before they heard of it, the last never. */
	assert_true(was_said(&r, "swap all rtn bits=4 group=16: called off"));
	assert_true(r.a->edit_number < 40);
	stop(&r);
}

/* A script goes on when the vector is there, and not before. */
static void scripts_wait_for_what_takes_a_while(void **state)
{
	struct rig r;
	char *a = prompts("the dog\n"), *b = prompts("the cat\n"), *v = prompts(""), text[2048], *script;
	struct err e = { 0 };

	(void)state;
	start(&r);
	snprintf(text, sizeof text, "prompt the cat sat\nsteer learn %s %s L1 -o %s\nsteer L1 + %s * 2\nrun 2\n"
	    "patch L0.attn_out from 2\nrun 2\nprobe\nclamp L0.up[1] = 3 in prompt\nrun 1\n", a, b, v, v);
	script = prompts(text);
	r.a->hurry = true;
	assert_true(script_start(r.a, script, &e));
	settle(&r);
	if (script_error(r.a)->code)
		fail_msg("%s", script_error(r.a)->msg);
	CHECK_INT(edit_set_n(app_edits(r.a)), 3);
	CHECK_INT(r.a->bad_lines, 0);
	unlink(a);
	unlink(b);
	unlink(v);
	unlink(script);
	free(a);
	free(b);
	free(v);
	free(script);
	stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_vector_is_learned_and_steers),
		TEST(a_value_of_an_earlier_step_is_put_back),
		TEST(a_value_of_a_branch_that_was_left_is_put_back),
		TEST(a_scope_that_reaches_back_reads_the_text_again),
		TEST(tokens_are_named_by_text_and_tracked),
		TEST(a_broken_model_raises_the_alarm),
		TEST(a_matrix_is_swapped_when_it_has_been_made),
		TEST(a_swap_can_be_called_off),
		TEST(scripts_wait_for_what_takes_a_while),
	};

	return RUN(tests);
}
