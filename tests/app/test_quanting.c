/*
 * test_quanting: the quant pane on the built-in model, by command lines and keys
 * alone: a method measured in the background, a tensor from within, a text read
 * for its activations.  threaded test
 */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "analysis/calibration.h"
#include "analysis/lens.h"
#include "app/app.h"
#include "app/demo.h"
#include "app/editing.h"
#include "app/frame.h"
#include "app/pairing.h"
#include "app/quantlab.h"
#include "engine/live.h"
#include "tests/test.h"
#include "tests/tiny_model.h"
#include "views/key.h"

struct rig {
	struct model *model;
	struct probe_plan *plan;
	struct calibration *inputs;
	struct source *source;
	struct app *a;
};

static bool start(struct rig *r)
{
	struct session_options o = { .n_threads = 1, .n_ctx = 128, .probes = true, .keep_steps = true };
	struct err e = { 0 };
	const void *data;
	size_t size;

	if (!demo_bytes(&data, &size, &e))
		return false;
	assert_non_null(r->model = model_open_mem("demo", data, size, &e));
	r->plan = lens_plan(&r->model->hp);
	r->inputs = calibration_new(r->model);
	o.plan = r->plan;
	o.onlooker = calibration_onlooker(r->inputs, NULL);
	calibration_gather(r->inputs, true);
	assert_non_null(r->source = live_open(r->model, &o, true, &e));
	r->a = app_new(&(struct app_options){ .source = r->source, .model = r->model, .inputs = r->inputs, .n_threads = 2 });
	assert_true(app_set_chain(r->a, "greedy", &e));
	return true;
}

static void stop(struct rig *r)
{
	app_free(r->a);
	source_close(r->source);
	calibration_free(r->inputs);
	probe_plan_free(r->plan);
	model_close(r->model);
}

static bool busy(const struct app *a)
{
	return a->unsettled || a->going || a->engine_running || quantlab_busy(a->quant) || lab_awaited(a->lab) ||
	    lab_swaps_now(a->lab).n || pairing_busy(a->pair) || pairing_busy(a->receipt);
}

static void settle_once(struct rig *r)
{
	struct pollfd fds[5] = { { source_fd(r->source), POLLIN, 0 }, { quantlab_fd(r->a->quant), POLLIN, 0 },
		{ lab_fd(r->a->lab), POLLIN, 0 }, { pairing_fd(r->a->pair), POLLIN, 0 }, { pairing_fd(r->a->receipt), POLLIN, 0 } };
	struct news *n;

	if (poll(fds, 5, 30000) <= 0)
		fail_msg("nothing happens");
	while ((n = source_take(r->source)))
		app_news(r->a, n);
	app_lab(r->a);
	app_tick(r->a);
}

static void settle(struct rig *r)
{
	while (busy(r->a))
		settle_once(r);
}

static void run(struct rig *r, const char *line)
{
	if (!app_line(r->a, line))
		fail_msg("%s: %s", line, r->a->message);
	settle(r);
}

static const char *refused(struct rig *r, const char *line)
{
	if (app_line(r->a, line))
		fail_msg("%s: was obeyed", line);
	return r->a->message;
}

static struct view_quant seen(struct rig *r)
{
	struct canvas c;

	CHECK(canvas_new(&c, 24, 80));
	frame_draw(r->a, &c);
	canvas_free(&c);
	return quantlab_view(r->a->quant);
}

static double whole(const struct quantmap *m, enum quantmap_figure f)
{
	return quantmap_value(m, quantmap_rows(m) - 1, quantmap_cols(m) - 1, f);
}

static void a_method_is_measured_and_kept(void **state)
{
	struct view_quant v;
	const struct quantmap *first;
	struct rig r;

	(void)state;
	if (!start(&r))
		SKIP("built without app/demo/demo.gguf");
	run(&r, "quant q4_0");
	CHECK_INT(r.a->focus, PANE_quant);
	v = seen(&r);
	assert_non_null(first = v.map);
	for (int i = 0; i < quantmap_n_cells(v.map); i++)
		CHECK(!v.map->cells[i].t || v.map->cells[i].state == QUANT_DONE);
	CHECK_NEAR(whole(v.map, QUANTMAP_BITS), 4.5, 1e-12);
	CHECK(whole(v.map, QUANTMAP_SQNR) > 18 && whole(v.map, QUANTMAP_SQNR) < 24);
	assert_non_null(strstr(r.a->message, "4.5 bits a weight"));
	run(&r, "quant q8_0");
	CHECK(whole(seen(&r).map, QUANTMAP_SQNR) > 40);
	CHECK(app_line(r.a, "quant q4_0"));
	CHECK(!quantlab_busy(r.a->quant));      /* it is known */
	CHECK(quantlab_view(r.a->quant).map == first);
	run(&r, "quant next");
	CHECK(strcmp(seen(&r).map->spec.text, "q4_0") != 0);
	run(&r, "quant previous");
	CHECK_STR(seen(&r).map->spec.text, "q4_0");
	assert_non_null(strstr(refused(&r, "quant nosuch"), "nosuch"));
	stop(&r);
}

static void measuring_stops_and_goes_on(void **state)
{
	struct view_quant v;
	struct rig r;
	int waits = 0;

	(void)state;
	if (!start(&r))
		SKIP("built without app/demo/demo.gguf");
	CHECK(app_line(r.a, "quant rtn bits=3 group=64"));
	CHECK(app_line(r.a, "quant toggle"));
	settle(&r);
	v = quantlab_view(r.a->quant);
	for (int i = 0; i < quantmap_n_cells(v.map); i++)
		waits += v.map->cells[i].state == QUANT_WAITS;
	CHECK(waits > 0 && v.stopped);
	run(&r, "quant toggle");
	v = quantlab_view(r.a->quant);
	for (int i = 0; i < quantmap_n_cells(v.map); i++)
		CHECK(v.map->cells[i].state != QUANT_WAITS);
	CHECK(!v.stopped);
	stop(&r);
}

/* What the model reads weighs the errors: without a word, and without the
 * weights being looked at again. */
static void output_errors_follow_what_is_read(void **state)
{
	struct view_quant v;
	double before;
	struct rig r;

	(void)state;
	if (!start(&r))
		SKIP("built without app/demo/demo.gguf");
	run(&r, "quant q4_0");
	CHECK(isnan(whole(seen(&r).map, QUANTMAP_OUTPUT)));
	run(&r, "prompt Question: What is 2 + 3?");
	run(&r, "pause");
	v = seen(&r);
	before = whole(v.map, QUANTMAP_OUTPUT);
	CHECK(before > 0);
	CHECK_INT(quantmap_total(v.map, 0, 0).n_tokens, calibration_positions(r.inputs));
	run(&r, "run 5");
	CHECK(whole(seen(&r).map, QUANTMAP_OUTPUT) != before);
	/* A method that wants whole Gram matrices has them made of the same text. */
	run(&r, "quant gptq bits=3 group=64");
	v = seen(&r);
	CHECK_INT(v.map->cells[0].state, QUANT_DONE);
	CHECK_INT(v.map->cells[0].n_tokens, timeline_n_tokens(r.a->steps));
	stop(&r);
}

static void a_text_is_read_for_its_activations(void **state)
{
	const char text[] = "Question: Tom has 3 apples and buys 4 more. How many apples does Tom have?\nAnswer: 7";
	char *path = tiny_temp_file(text, strlen(text), ".txt"), line[512];
	struct view_quant v;
	struct rig r;

	(void)state;
	if (!start(&r))
		SKIP("built without app/demo/demo.gguf");
	run(&r, "quant gptq bits=3 group=64");
	v = seen(&r);
	CHECK_INT(v.map->cells[0].state, QUANT_UNFIT);
	CHECK_STR(v.map->cells[0].why, "nothing is known of its inputs");
	snprintf(line, sizeof line, "calibrate %s", path);
	run(&r, line);
	v = seen(&r);
	CHECK_INT(v.map->cells[0].state, QUANT_DONE);
	CHECK(v.map->cells[0].n_tokens > 10);
	assert_non_null(strstr(v.inputs, path));
	CHECK(whole(v.map, QUANTMAP_OUTPUT) < whole(v.map, QUANTMAP_ERROR));    /* what GPTQ is for */
	run(&r, "calibrate nothing-there.txt");
	assert_non_null(strstr(r.a->message, "nothing-there.txt"));
	CHECK(r.a->message_is_error);
	run(&r, "calibrate");
	CHECK(!strstr(seen(&r).inputs, path));
	unlink(path);
	free(path);
	stop(&r);
}

static void keys_go_into_a_tensor_and_back(void **state)
{
	struct view_quant v;
	struct rig r;
	int row, col;

	(void)state;
	if (!start(&r))
		SKIP("built without app/demo/demo.gguf");
	run(&r, "quant q4_0");
	seen(&r);
	app_key(r.a, 'p');
	CHECK(quantmap_worst(seen(&r).map, QUANTMAP_SQNR, &row, &col));
	CHECK_INT(r.a->choice[PANE_quant].row, row);
	CHECK_INT(r.a->choice[PANE_quant].col, col);
	app_key(r.a, key_parse("Enter"));
	settle(&r);
	v = seen(&r);
	assert_non_null(v.inside);
	CHECK(v.inside->t == quantmap_cell(v.map, row, col)->t);
	CHECK_NEAR(v.inside->q.err_sq, quantmap_cell(v.map, row, col)->q.err_sq, 0);
	/* Out of the tensor it goes, whatever else is under way. */
	CHECK(app_line(r.a, "quant rtn bits=5 group=64"));
	CHECK(app_line(r.a, "quant q4_0"));
	while (quantlab_busy(r.a->quant) && !seen(&r).inside)
		settle_once(&r);
	app_key(r.a, KEY_ESC);
	CHECK(!seen(&r).inside);
	CHECK_INT(r.a->choice[PANE_quant].row, row);
	CHECK_INT(r.a->choice[PANE_quant].col, col);
	app_key(r.a, 'v');
	CHECK_INT(seen(&r).figure, QUANTMAP_ERROR);
	run(&r, "figure output");
	CHECK_INT(seen(&r).figure, QUANTMAP_OUTPUT);
	refused(&r, "inside L99.ffn_up");
	refused(&r, "figure nosuch");
	stop(&r);
}

/* One key, and the model computes with other matrices; the receipt says what that
 * did to the text; the same key puts them back. */
static void a_tensor_is_swapped_and_put_back(void **state)
{
	struct view v;
	struct rig r;
	int n;

	(void)state;
	if (!start(&r))
		SKIP("built without app/demo/demo.gguf");
	run(&r, "prompt Question: What is 2 + 3?");
	run(&r, "pause");
	run(&r, "run 8");
	run(&r, "quant rtn bits=2 group=64");
	app_key(r.a, 'p');
	app_key(r.a, 'x');
	settle(&r);
	CHECK_INT(edit_set_n(app_edits(r.a)), 1);
	CHECK(edit_set_at(app_edits(r.a), 0)->swap->n == 1 && edit_set_at(app_edits(r.a), 0)->on);
	seen(&r);
	settle(&r);
	app_view(r.a, &v);
	assert_non_null(v.receipt.other);
	assert_non_null(v.receipt.k);
	n = timeline_n(r.a->steps);
	CHECK_INT(v.receipt.k->n, n);
	CHECK(v.receipt.k->kl > 0 && v.receipt.k->jsd > 0);
	app_key(r.a, 'x');
	settle(&r);
	CHECK_INT(edit_set_n(app_edits(r.a)), 1);
	CHECK(!edit_set_at(app_edits(r.a), 0)->on);
	seen(&r);
	settle(&r);
	app_view(r.a, &v);
	CHECK(!v.receipt.other);
	stop(&r);
}

static char *demo_file(void)
{
	const void *data;
	size_t size;
	struct err e;

	return demo_bytes(&data, &size, &e) ? tiny_temp_file(data, size, ".gguf") : NULL;
}

/* The file is the model itself. */
static void a_second_file_reads_along(void **state)
{
	char *path = demo_file(), line[512];
	struct view_lockstep v;
	struct rig r;

	(void)state;
	if (!start(&r))
		SKIP("built without app/demo/demo.gguf");
	run(&r, "prompt Question: What is 2 + 3?");
	run(&r, "pause");
	run(&r, "run 4");
	snprintf(line, sizeof line, "lockstep %s", path);
	run(&r, line);
	CHECK_INT(r.a->focus, PANE_lockstep);
	v = pairing_view(r.a->pair);
	assert_non_null(v.k);
	CHECK_INT(v.k->n, timeline_n(r.a->steps));
	CHECK(v.k->kl_max == 0 && v.k->agreement > 1 - 1e-12 && v.k->first_token < 0);
	for (size_t i = 0; i < v.k->n * (size_t)v.k->n_layers; i++)
		CHECK(v.k->drift[i] == 0 && v.k->entropy[i] == 0);
	assert_non_null(strstr(r.a->message, "no difference"));
	/* It goes on with the text, and begins again when the text does. */
	run(&r, "run 6");
	seen(&r);
	settle(&r);
	CHECK_INT(pairing_view(r.a->pair).k->n, timeline_n(r.a->steps));
	run(&r, "cursor 3");
	run(&r, "rewind");
	seen(&r);
	settle(&r);
	CHECK_INT(pairing_view(r.a->pair).k->n, timeline_n(r.a->steps));
	unlink(path);
	free(path);
	stop(&r);
}

static void the_model_quantized_drifts(void **state)
{
	struct view_lockstep fine, coarse;
	double drift;
	struct rig r;

	(void)state;
	if (!start(&r))
		SKIP("built without app/demo/demo.gguf");
	run(&r, "prompt Question: What is 2 + 3?");
	run(&r, "pause");
	run(&r, "run 4");
	run(&r, "lockstep q8_0");
	fine = pairing_view(r.a->pair);
	drift = fine.k->layers[0].drift;
	CHECK(drift > 0 && drift < 0.1);
	run(&r, "lockstep q4_0");
	coarse = pairing_view(r.a->pair);
	CHECK(coarse.k->layers[0].drift > 4 * drift);
	run(&r, "lockstep threshold 0.00001");
	CHECK(pairing_view(r.a->pair).k->first_token == 0);
	app_key(r.a, 'p');
	CHECK_INT(r.a->cursor, 0);
	CHECK(!r.a->follow);
	run(&r, "figure cosine");
	seen(&r);
	refused(&r, "lockstep nothing-there.gguf");
	refused(&r, "lockstep edits");
	refused(&r, "lockstep threshold x");
	run(&r, "lockstep gptq");
	CHECK(r.a->message_is_error);
	assert_non_null(pairing_view(r.a->pair).why_not);
	run(&r, "lockstep off");
	CHECK(!pairing_view(r.a->pair).other);
	stop(&r);
}

/* A head taken out: nothing differs before its layer, everything behind it. */
static void edits_are_seen_where_they_begin(void **state)
{
	const struct lockstep *k;
	struct rig r;

	(void)state;
	if (!start(&r))
		SKIP("built without app/demo/demo.gguf");
	run(&r, "prompt Question: What is 2 + 3?");
	run(&r, "pause");
	run(&r, "run 4");
	run(&r, "clamp L2.H1 * 0");
	run(&r, "lockstep edits");
	k = pairing_view(r.a->pair).k;
	assert_non_null(k);
	CHECK_INT(k->n, timeline_n(r.a->steps));
	CHECK(k->layers[0].drift == 0 && k->layers[1].drift == 0);
	CHECK(k->layers[2].drift > 0 && k->layers[3].drift > 0 && k->kl > 0);
	stop(&r);
}

static void another_vocabulary_is_refused_in_a_line(void **state)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_F32);
	char *path = tiny_temp_model(&s), line[512];
	struct rig r;

	(void)state;
	if (!start(&r))
		SKIP("built without app/demo/demo.gguf");
	run(&r, "prompt Question: What is 2 + 3?");
	run(&r, "pause");
	snprintf(line, sizeof line, "lockstep %s", path);
	run(&r, line);
	CHECK(r.a->message_is_error);
	assert_non_null(strstr(r.a->message, path));
	assert_non_null(strstr(r.a->message, "no lockstep"));
	seen(&r);
	unlink(path);
	free(path);
	stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_method_is_measured_and_kept),
		TEST(measuring_stops_and_goes_on),
		TEST(output_errors_follow_what_is_read),
		TEST(a_text_is_read_for_its_activations),
		TEST(keys_go_into_a_tensor_and_back),
		TEST(a_tensor_is_swapped_and_put_back),
		TEST(a_second_file_reads_along),
		TEST(the_model_quantized_drifts),
		TEST(edits_are_seen_where_they_begin),
		TEST(another_vocabulary_is_refused_in_a_line),
	};

	return RUN(tests);
}
