/*
 * How late the words of the neurons pane are: the meter is driven over a text, a step a
 * frame at 30 frames a second, and frames are counted on which a neuron in sight has no
 * words yet.  The first read of the head (its row lengths) counts as well.
 *
 *      bench_neuronpane [MODEL...]     the built-in model where none is named
 */
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/lens.h"
#include "app/app.h"
#include "app/demo.h"
#include "app/editing.h"
#include "app/frame.h"
#include "app/running.h"
#include "engine/base/clock.h"
#include "engine/live.h"

enum { STEPS = 24, ROWS = 40, COLS = 120, IN_SIGHT = 11, FRAME_NS = 33333333, GIVE_UP = 90 };

struct bench {
	struct source *source;
	struct app *a;
	struct canvas c;
};

static void take(struct bench *b, int wait_ms)
{
	struct pollfd fds[2] = { { source_fd(b->source), POLLIN, 0 }, { words_fd(b->a->words), POLLIN, 0 } };
	struct news *n;

	poll(fds, 2, wait_ms);
	while ((n = source_take(b->source)))
		app_news(b->a, n);
	words_take(b->a->words);
	app_tick(b->a);
}

/* Neurons in sight without the words they write, which is what 120 columns show. */
static int missing(const struct bench *b)
{
	const struct step *s = timeline_at(b->a->steps, app_at(b->a));
	struct neuron_reading got;
	int n = 0, left = IN_SIGHT;
	float below = INFINITY;

	for (; s && left > 0; left--) {
		float best = -1;
		int at = -1;

		for (int i = 0; i < s->n_layers * STEP_NEURONS; i++)
			if (s->neurons[i].index >= 0 && s->neurons[i].contribution < below && s->neurons[i].contribution > best)
				best = s->neurons[at = i].contribution;
		if (at < 0)
			break;
		below = best;
		struct neuron_ref down = { at / STEP_NEURONS, NEURON_DOWN, s->neurons[at].index };
		n += !neuron_cache_find(words_cache(b->a->words), &down, NEURON_WRITE, &got);
	}
	return n;
}

/* Frames after the first one of this step until all words are there. */
static int frames_late(struct bench *b)
{
	uint64_t due = clock_ns();

	for (int frame = 0; frame < GIVE_UP; frame++) {
		frame_draw(b->a, &b->c);
		if (!missing(b))
			return frame;
		due += FRAME_NS;
		for (uint64_t now; (now = clock_ns()) < due;)
			take(b, (int)((due - now) / 1000000));
	}
	return GIVE_UP;
}

static bool generate(struct bench *b, struct err *e)
{
	if (!app_order(b->a, &(struct order){ .kind = ORDER_RESTART, .text = "The dog" }, e) ||
	    !app_line(b->a, "show neurons"))
		return false;
	app_go(b->a, STEPS);
	do
		take(b, 100);
	while (b->a->unsettled || b->a->going || b->a->engine_running);
	return timeline_n(b->a->steps) > 2 || err_set(e, ERR_RUN, "the text ended at once");
}

static bool run(const char *name, const struct model *m, struct err *e)
{
	struct probe_plan *plan = lens_plan(&m->hp);
	struct bench b = { .source = live_open(m, &(struct session_options){ .probes = true, .plan = plan, .n_ctx = 256 }, true, e) };
	int late[2 * STEPS] = { 0 }, most = 0, over = 0, n = 0;
	bool ok;

	if (!b.source)
		return false;
	b.a = app_new(&(struct app_options){ .source = b.source, .model = m });
	ok = canvas_new(&b.c, ROWS, COLS) && app_set_chain(b.a, "top-k 8 | temp 1", e) && generate(&b, e);
	n = ok ? timeline_n(b.a->steps) : 0;
	n = n < 2 * STEPS ? n : 2 * STEPS;
	for (int i = 0; i < n; i++) {
		char line[32];

		snprintf(line, sizeof line, "cursor %d", n - 1 - i);
		app_line(b.a, line);
		late[i] = frames_late(&b);
		most = i && late[i] > most ? late[i] : most;
		over += late[i] > 1;
	}
	if (ok) {
		printf("neuronpane.%s.first %d frames late\n", name, late[0]);
		printf("neuronpane.%s.most %d frames late\n", name, most);
		printf("neuronpane.%s.over_one %d of %d steps\n", name, over, n);
		printf("neuronpane.%s.frames", name);
		for (int i = 0; i < n; i++)
			printf(" %d", late[i]);
		printf("\n");
	}
	app_free(b.a);
	source_close(b.source);
	canvas_free(&b.c);
	probe_plan_free(plan);
	return ok;
}

static bool from_file(const char *path, struct err *e)
{
	struct model *m = model_open(path, NULL, e);
	const char *name = strrchr(path, '/');
	bool ok = m && run(name ? name + 1 : path, m, e);

	model_close(m);
	return ok;
}

static bool built_in(struct err *e)
{
	struct model *m;
	const void *data;
	size_t size;
	bool ok;

	if (!demo_bytes(&data, &size, e))
		return false;
	m = model_open_mem("demo", data, size, e);
	ok = m && run("demo", m, e);
	model_close(m);
	return ok;
}

int main(int argc, char **argv)
{
	struct err e = { 0 };
	bool ok = argc > 1 || built_in(&e);

	for (int i = 1; ok && i < argc; i++)
		ok = from_file(argv[i], &e);
	if (!ok)
		fprintf(stderr, "bench_neuronpane: %s\n", e.msg);
	return !ok;
}
