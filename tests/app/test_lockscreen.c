/*
 * The lockstep pane on a made-up reading of the text of the fake source, and the
 * line of a receipt.
 */
#include "app/app.h"
#include "app/running.h"
#include "engine/base/clock.h"
#include "tests/fake_source.h"
#include "tests/golden.h"
#include "tests/test.h"

enum { TOKENS = 40, LAYERS = 12 };

struct made {
	struct app *a;
	struct lockstep k;
	struct lockstep_layer layers[LAYERS];
	struct lockstep_token tokens[TOKENS];
	float drift[TOKENS * LAYERS], cosine[TOKENS * LAYERS], entropy[TOKENS * LAYERS];
	struct view v;
};

static void open_app(struct made *d)
{
	struct source *src = fake_open(&(struct fake_options){ 0 });
	struct news *n;

	clock_fake(1000000000);
	d->a = app_new(&(struct app_options){ .source = src });
	CHECK(app_line(d->a, "prompt Once upon a time,"));
	while ((n = source_take(src)))
		app_news(d->a, n);
	CHECK(app_line(d->a, "pause"));
	CHECK(timeline_n(d->a->steps) >= TOKENS);
}

static void make(struct made *d, bool same)
{
	open_app(d);
	for (int i = 0; i < TOKENS * LAYERS; i++) {
		int t = i / LAYERS, l = i % LAYERS;
		double x = same ? 0 : 0.004 * (l + 1) + 0.0007 * (t * 7 % 13) + (t >= 17 ? 0.03 + 0.004 * l : 0) + (t == 17 && l == 5 ? 0.04 : 0);

		d->drift[i] = (float)x;
		d->cosine[i] = (float)(1 - x * x / 2);
		d->entropy[i] = (float)(x / 3);
		d->layers[l] = (struct lockstep_layer){ .drift = same ? 0 : 0.006 * (l + 1), .worst = same ? 0 : 0.05, .worst_at = 17, .cosine = 1 };
	}
	for (int t = 0; t < TOKENS; t++)
		d->tokens[t] = (struct lockstep_token){ .kl = same ? 0 : 0.0002 * (t % 9) + (t % 17 == 0 ? 0.21 : 0), .nll = { 1, 1 },
			.best = { t % 23 + 5, same || t % 17 ? t % 23 + 5 : 9 } };
	d->k = (struct lockstep){ .n_layers = LAYERS, .n = TOKENS, .layers = d->layers, .tokens = d->tokens, .drift = d->drift,
		.cosine = d->cosine, .entropy = d->entropy, .kl = same ? 0 : 0.0164, .kl_max = same ? 0 : 0.2108, .jsd = same ? 0 : 0.0041,
		.agreement = same ? 1 : 1 - 3.0 / TOKENS, .perplexity = { 8.31, same ? 8.31 : 8.52 }, .n_predicted = TOKENS - 1 };
	lockstep_first(&d->k, 0.1);
	app_view(d->a, &d->v);
	d->v.can_quant = true;
	d->v.at = 17;
	d->v.lockstep = (struct view_lockstep){ .other = same ? "base.gguf" : "model-q4_0.gguf", .k = &d->k, .threshold = 0.1,
		.left_s = (double)NAN };
}

static void drop(struct made *d)
{
	struct source *src = d->a->source;

	app_free(d->a);
	source_close(src);
	clock_fake(0);
}

static void screen_is(struct made *d, const char *name, int rows, int cols, bool ascii)
{
	struct choice at = { 0, 5, true };
	struct buf out = { 0 };
	struct canvas c;

	CHECK(canvas_new(&c, rows, cols));
	c.ascii = c.mono = ascii;
	pane_lines(&c, (struct rect){ 0, 0, rows, cols }, false, true);
	pane_draw(&c, panes[PANE_lockstep], (struct rect){ 0, 0, rows, cols }, false, 0, true, &d->v, &at);
	canvas_dump(&c, &out);
	golden(name, &out);
	canvas_free(&c);
	buf_free(&out);
}

static void the_pane_at_its_sizes(void **state)
{
	struct made d = { .a = NULL };

	(void)state;
	make(&d, false);
	CHECK_INT(d.k.first_token, 17);
	screen_is(&d, "lockstep-80x24", 24, 80, false);
	screen_is(&d, "lockstep-120x40", 40, 120, false);
	screen_is(&d, "lockstep-200x60", 60, 200, false);
	screen_is(&d, "lockstep-80x24-ascii", 24, 80, true);
	screen_is(&d, "lockstep-beside-others", 14, 44, false);
	d.v.lockstep.figure = LOCK_COSINE;
	d.v.lockstep.works = true;
	d.v.lockstep.done = 0.42f;
	d.v.lockstep.left_s = 7;
	screen_is(&d, "lockstep-cosine", 24, 80, false);
	drop(&d);
}

static void nothing_apart_and_nothing_there(void **state)
{
	struct made d = { .a = NULL };

	(void)state;
	make(&d, true);
	screen_is(&d, "lockstep-same", 16, 80, false);
	d.v.lockstep = (struct view_lockstep){ .other = "other.gguf",
		.why_not = "other.gguf: the models differ in vocabulary (320 and 512): no lockstep" };
	screen_is(&d, "lockstep-refused", 8, 80, false);
	drop(&d);
}

static void a_receipt_takes_a_line(void **state)
{
	struct made d = { .a = NULL };
	struct buf out = { 0 };
	struct canvas c;

	(void)state;
	make(&d, false);
	CHECK(canvas_new(&c, 3, 120));
	draw_receipt(&c, 0, &d.v.lockstep);
	d.v.lockstep.k = NULL;
	draw_receipt(&c, 1, &d.v.lockstep);
	d.v.lockstep.why_not = "no room";
	draw_receipt(&c, 2, &d.v.lockstep);
	canvas_dump(&c, &out);
	CHECK_STR(out.data, "swapped: JSD 0.0041 nats, KL 0.0164 (0.211 at most), top-1 changed at 3 of 40 tokens (7.5 %)\n"
	    "swapped: reading the text with the original matrices and with these...\nno room\n");
	buf_free(&out);
	canvas_free(&c);
	drop(&d);
}

static void every_size_can_be_drawn(void **state)
{
	struct made d = { .a = NULL };
	struct canvas c;

	(void)state;
	make(&d, false);
	for (int at = 0; at < TOKENS; at += 13)
		for (int rows = 1; rows < 50; rows += 3)
			for (int cols = 1; cols < 210; cols += 7) {
				d.v.at = at;
				CHECK(canvas_new(&c, rows, cols));
				pane_draw(&c, panes[PANE_lockstep], (struct rect){ 0, 0, rows, cols }, false, 0, true, &d.v,
				    &(struct choice){ 0, 3, true });
				canvas_free(&c);
			}
	drop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_pane_at_its_sizes),
		TEST(nothing_apart_and_nothing_there),
		TEST(a_receipt_takes_a_line),
		TEST(every_size_can_be_drawn),
	};

	return RUN(tests);
}
