/*
 * The neurons pane on live models, by keys: from a word to a neuron, from a neuron to a
 * clamp, from the clamp to what the model says.  threaded test
 */
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "analysis/lens.h"
#include "app/app.h"
#include "app/demo.h"
#include "app/editing.h"
#include "app/frame.h"
#include "app/lineedit.h"
#include "engine/live.h"
#include "tests/test.h"
#include "tests/tiny_model.h"
#include "views/key.h"

enum { ROWS = 60, COLS = 110 };

struct rig {
	struct tiny tiny;               /* of a test that needs no meaning */
	struct model *model;
	struct probe_plan *plan;
	struct source *source;
	struct app *a;
	struct canvas c;
	struct buf screen;
	char dir[64];                   /* for maps */
};

static void open_rig(struct rig *r, struct model *m)
{
	struct err e = { 0 };

	snprintf(r->dir, sizeof r->dir, "/tmp/clampmeter-test-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	setenv("XDG_CACHE_HOME", r->dir, 1);
	r->model = m;
	r->plan = lens_plan(&m->hp);
	r->source = live_open(m, &(struct session_options){ .n_threads = 1, .probes = true, .plan = r->plan, .n_ctx = 128 }, true, &e);
	if (!r->source)
		fail_msg("%s", e.msg);
	r->a = app_new(&(struct app_options){ .source = r->source, .model = m });
	r->a->line = lineedit_new(r->a, NULL);
	assert_true(canvas_new(&r->c, ROWS, COLS) && app_set_chain(r->a, "greedy", &e));
}

static void start_tiny(struct rig *r, const char *arch)
{
	struct tiny_spec spec = tiny_spec(arch, DTYPE_F32);
	struct err e = { 0 };

	*r = (struct rig){ .model = NULL };
	assert_true(tiny_open(&r->tiny, &spec, &e));
	open_rig(r, r->tiny.model);
	assert_true(app_order(r->a, &(struct order){ .kind = ORDER_RESTART, .text = "the cat sat on" }, &e));
}

static void stop(struct rig *r)
{
	char line[96];

	lineedit_free(r->a->line);
	app_free(r->a);
	source_close(r->source);
	probe_plan_free(r->plan);
	canvas_free(&r->c);
	buf_free(&r->screen);
	if (r->tiny.model)
		tiny_close(&r->tiny);
	else
		model_close(r->model);
	snprintf(line, sizeof line, "rm -r %s", r->dir);
	CHECK_INT(system(line), 0);
}

static const char *drawn(struct rig *r)
{
	frame_draw(r->a, &r->c);
	buf_clear(&r->screen);
	canvas_dump(&r->c, &r->screen);
	return r->screen.data;
}

static bool shows(struct rig *r, const char *what)
{
	return strstr(drawn(r), what) != NULL;
}

static bool busy(const struct app *a)
{
	return a->unsettled || a->going || a->engine_running || a->looks.asked || a->script || neuronpane_awaited(a) ||
	    lab_awaited(a->lab);
}

static void take_all(struct rig *r, int wait_ms)
{
	struct pollfd fds[4] = { { source_fd(r->source), POLLIN, 0 }, { lab_fd(r->a->lab), POLLIN, 0 },
		{ words_fd(r->a->words), POLLIN, 0 }, { atlas_fd(r->a->neurons.atlas), POLLIN, 0 } };
	struct news *n;

	if (poll(fds, 4, wait_ms) < 0)
		fail_msg("poll");
	while ((n = source_take(r->source)))
		app_news(r->a, n);
	app_lab(r->a);
	neuronpane_take(r->a);
	words_take(r->a->words);
	app_tick(r->a);
}

static void settle(struct rig *r)
{
	for (int i = 0; i < 2000 && busy(r->a); i++)
		take_all(r, 100);
	assert_false(busy(r->a));
}

/* Draws and takes until it is on the screen. */
static void wait_for(struct rig *r, const char *what)
{
	for (int i = 0; i < 1000; i++) {
		if (shows(r, what))
			return;
		take_all(r, 20);
	}
	fputs(drawn(r), stderr);
	fail_msg("%s does not appear", what);
}

static void keys(struct rig *r, const char *s)
{
	for (; *s; s++)
		app_key(r->a, *s);
	settle(r);
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

static bool speaks_of_dogs(struct rig *r)
{
	static const char *const words[] = { "dog", "puppy", "hound", "terrier" };
	struct buf text = { 0 };
	bool found = false;

	for (int i = 0; i < timeline_n_tokens(r->a->steps); i++) {
		size_t n;
		const char *s = vocab_bytes(r->model->vocab, timeline_token(r->a->steps, i), &n);

		buf_add(&text, s, n);
	}
	assert_non_null(strstr(text.data, "favourite animal"));
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		found |= strstr(text.data, words[i]) != NULL;
	buf_free(&text);
	return found;
}

#define QUESTION ":prompt Question: What is your favourite animal?\\nAnswer:\r"

/* As the README tells it. */
static void a_word_leads_to_the_neuron_and_the_neuron_to_the_answer(void **state)
{
	struct rig r = { .model = NULL };
	struct err e = { 0 };
	struct model *m;
	const void *data;
	size_t size;

	(void)state;
	if (!demo_bytes(&data, &size, &e))
		SKIP("built without app/demo/demo.gguf");
	assert_non_null(m = model_open_mem("demo", data, size, &e));
	open_rig(&r, m);
	keys(&r, QUESTION);
	assert_false(speaks_of_dogs(&r));
	keys(&r, "5/");
	assert_true(lineedit_active(r.a->line));
	keys(&r, "\" Dog\"\r");
	wait_for(&r, "\" Dog\": ");
	wait_for(&r, "L4.mlp[559]");
	CHECK_INT(r.a->neurons.page.hit[0].index, 559);
	keys(&r, "\r");
	wait_for(&r, "against");
	wait_for(&r, "hound");
	wait_for(&r, "clamp: ");
	keys(&r, "c");
	assert_true(shows(&r, "clamp L4.mlp[559] ="));
	keys(&r, "360\r");
	CHECK_INT(edit_set_n(app_edits(r.a)), 1);
	keys(&r, QUESTION);
	assert_true(speaks_of_dogs(&r));
	wait_for(&r, "+360.0");
	/* The way back: results, strongest of the step, and no further. */
	app_key(r.a, KEY_ESC);
	assert_true(shows(&r, "\" Dog\": "));
	app_key(r.a, KEY_ESC);
	assert_true(shows(&r, "strongest at this step"));
	assert_false(r.a->quit);
	stop(&r);
}

static void a_word_that_is_no_token_suggests_others(void **state)
{
	struct rig r;

	(void)state;
	start_tiny(&r, "llama");
	assert_non_null(strstr(refused(&r, "search tq"), "nearest are"));
	assert_true(shows(&r, "The nearest:"));
	keys(&r, "\r");
	CHECK_INT(r.a->neurons.page.shows, NEURONS_FOUND);
	assert_true(r.a->neurons.tokens.found);
	run(&r, "search");
	CHECK_INT(r.a->neurons.page.shows, NEURONS_STRONGEST);
	stop(&r);
}

/* What the page draws along the text is what the model computes at each position. */
static void the_value_along_the_text_is_the_models(void **state)
{
	struct rig r;

	(void)state;
	for (int k = 0; k < 2; k++) {
		start_tiny(&r, k ? "gpt2" : "llama");
		run(&r, "run 6");
		run(&r, "neuron L1.up[7]");
		for (int i = 0; i < 500 && (!i || r.a->neurons.watch.asked); i++) {
			drawn(&r);
			take_all(&r, 50);
		}
		drawn(&r);
		CHECK_INT(r.a->neurons.page.n_values, timeline_n(r.a->steps));
		for (int pos = 0; pos < r.a->neurons.page.n_values; pos++) {
			struct look_neuron x = r.a->neurons.page.value[pos];

			assert_false(isnan(x.mlp) || isnan(x.up));
			if (k)
				assert_true(isnan(x.gate));
			else
				CHECK_NEAR(x.mlp, x.gate / (1 + expf(-x.gate)) * x.up, 1e-5 * (1 + fabsf(x.mlp)));
			/* Where the step itself knows it, it is the same. */
			for (int i = 0; i < STEP_NEURONS; i++)
				if (timeline_at(r.a->steps, pos)->neurons[STEP_NEURONS + i].index == 7)
					CHECK_NEAR(x.mlp, timeline_at(r.a->steps, pos)->neurons[STEP_NEURONS + i].activation, 1e-6);
		}
		stop(&r);
	}
}

static void vectors_and_variants_are_chosen_and_named(void **state)
{
	struct rig r;

	(void)state;
	start_tiny(&r, "llama");
	run(&r, "search t");
	assert_true(shows(&r, "(down, write)"));
	keys(&r, "v");
	assert_true(shows(&r, "(down, raw)"));
	keys(&r, "m");
	assert_true(shows(&r, "(up, raw)"));
	run(&r, "variant read");
	assert_true(shows(&r, "(up, read)"));
	run(&r, "vector down");
	assert_non_null(strstr(refused(&r, "variant read"), "reads nothing"));
	assert_non_null(strstr(refused(&r, "variant loud"), "no variant"));
	assert_non_null(strstr(refused(&r, "vector left"), "down, up and gate"));
	assert_non_null(strstr(refused(&r, "neuron L9.up[1]"), "layers 0 to 1"));
	/* On its page the vector chosen is the one that is clamped. */
	run(&r, "neuron L0.gate[3]");
	keys(&r, "c");
	assert_true(shows(&r, "clamp L0.gate[3] ="));
	app_key(r.a, KEY_ESC);
	keys(&r, "kkc");
	assert_true(shows(&r, "clamp L0.mlp[3] ="));
	app_key(r.a, KEY_ESC);
	run(&r, "map");
	assert_non_null(strstr(r.a->message, "map of down, raw"));
	assert_non_null(strstr(refused(&r, "map cancel"), "no map is being made"));
	assert_non_null(strstr(refused(&r, "map away"), "build"));
	stop(&r);
}

static void a_model_without_a_gate_has_two_vectors(void **state)
{
	struct rig r;

	(void)state;
	start_tiny(&r, "gpt2");
	assert_non_null(strstr(refused(&r, "vector gate"), "down, up,"));
	run(&r, "search t");
	keys(&r, "m");
	assert_true(shows(&r, "(up, raw)"));
	keys(&r, "m");
	assert_true(shows(&r, "(down, write)"));
	run(&r, "neuron L1.mlp[2]");
	wait_for(&r, "speaks for");
	assert_false(shows(&r, "opens to"));
	stop(&r);
}

static void words_are_completed_from_the_vocabulary(void **state)
{
	struct rig r;

	(void)state;
	start_tiny(&r, "llama");
	app_key(r.a, '5');
	keys(&r, "/th");
	app_key(r.a, KEY_TAB);
	assert_true(shows(&r, "search the"));
	app_key(r.a, KEY_ESC);
	stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_word_leads_to_the_neuron_and_the_neuron_to_the_answer),
		TEST(a_word_that_is_no_token_suggests_others),
		TEST(the_value_along_the_text_is_the_models),
		TEST(vectors_and_variants_are_chosen_and_named),
		TEST(a_model_without_a_gate_has_two_vectors),
		TEST(words_are_completed_from_the_vocabulary),
	};

	return RUN(tests);
}
