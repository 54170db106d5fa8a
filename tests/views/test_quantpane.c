/*
 * The quant pane on a made-up reading: every figure a formula, nothing measured,
 * so that the screens of tests/screens stay as they are.
 */
#include "engine/source.h"
#include "tests/golden.h"
#include "tests/test.h"
#include "views/draw_heat.h"
#include "views/pane.h"

enum { LAYERS = 12, KINDS = 7 };

static const char *const kinds[KINDS] = { "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down" };

struct made {
	char names[LAYERS * KINDS + 2][40];
	struct tensor t[LAYERS * KINDS + 2];
	struct tensor_dir dir;
	struct quantmap *map;
	struct quantinside inside;
	double raster[2][32 * 18];
	struct view v;
};

static double sqnr(int layer, int kind)
{
	return 21.4 - (kind == KINDS - 1 ? 1.2 : 0.02 * kind) - (layer == 7 ? 0.9 : 0.01 * layer) - (layer == 7 && kind == 6 ? 1.6 : 0);
}

static void fill(struct quant_cell *c, double db, double at_output)
{
	double n = (double)c->t->rows * (double)c->t->cols;

	c->state = QUANT_DONE;
	c->q = (struct quanterr){ .rows = c->t->rows, .cols = c->t->cols, .bits = 4.5, .ref_sq = n, .err_sq = n * pow(10, -db / 10),
		.out_ref = n, .out_err = n * at_output, .worst = 0.031 };
	c->n_tokens = 128;
}

/* All but the last tensors of the last layer. */
static void make(struct made *d)
{
	struct quant_spec spec;
	struct err e;

	for (int i = 0; i < LAYERS * KINDS; i++)
		snprintf(d->names[i], sizeof d->names[i], "blk.%d.%s.weight", i / KINDS, kinds[i % KINDS]);
	snprintf(d->names[LAYERS * KINDS], sizeof d->names[0], "token_embd.weight");
	snprintf(d->names[LAYERS * KINDS + 1], sizeof d->names[0], "output.weight");
	for (int i = 0; i < LAYERS * KINDS + 2; i++) {
		size_t rows = i % KINDS == 4 || i % KINDS == 5 ? 1536 : 576, cols = i % KINDS == 6 ? 1536 : 576;

		d->t[i] = (struct tensor){ .name = d->names[i], .type = DTYPE_F16, .rows = rows, .cols = cols, .row_bytes = 2 * cols,
			.ne = { (int64_t)cols, (int64_t)rows, 1, 1 } };
	}
	d->dir = (struct tensor_dir){ d->t, LAYERS * KINDS + 2 };
	CHECK(quant_parse(&spec, "q4_0", &e));
	d->map = quantmap_new(&d->dir, LAYERS, &spec);
	for (int i = 0; i < LAYERS * KINDS - 3; i++)
		fill(&d->map->cells[i], sqnr(i / KINDS, i % KINDS), 0.004 + 0.0001 * i);
	fill(&d->map->cells[LAYERS * KINDS], 20.9, 0.0081);
	d->map->cells[LAYERS * KINDS + 1].state = QUANT_UNFIT;
	snprintf(d->map->cells[LAYERS * KINDS + 1].why, QUANTMAP_WHY, "rows of 570 are not whole blocks of 32");
	d->v = (struct view){ .can_quant = true, .quant = { .map = d->map, .works = true, .done = 0.94f, .left_s = 11,
		.doing = "q4_0", .inputs = "read here" } };
}

static void go_inside(struct made *d)
{
	d->inside = (struct quantinside){ .t = &d->t[7 * KINDS + 6], .max_w = 1.25 };
	for (int i = 0; i < 32 * 18; i++) {
		d->raster[0][i] = 0.008 + 0.00001 * (i * 37 % 400) + (i == 250 ? 0.02 : 0);
		d->raster[1][i] = i == 3 ? 0 : 1;
	}
	for (int i = 0; i < QUANTINSIDE_BINS; i++)
		d->inside.histogram[i] = 1e5 * exp(-0.02 * (i - 32) * (i - 32));
	d->inside.q = (struct quanterr){ .rows = 576, .cols = 576, .bits = 4.5, .ref_sq = 1, .err_sq = 0.0092, .worst = 0.0371,
		.worst_row = 250, .worst_col = 512, .map_rows = 32, .map_cols = 18, .map_err = d->raster[0], .map_ref = d->raster[1] };
	d->v.quant.inside = &d->inside;
	d->v.quant.works = false;
}

static void screen_is(struct made *d, const char *name, int rows, int cols, struct choice at, bool ascii)
{
	struct buf out = { 0 };
	struct canvas c;

	CHECK(canvas_new(&c, rows, cols));
	c.ascii = c.mono = ascii;
	pane_lines(&c, (struct rect){ 0, 0, rows, cols }, false, true);
	pane_draw(&c, panes[PANE_quant], (struct rect){ 0, 0, rows, cols }, false, 0, true, &d->v, &at);
	canvas_dump(&c, &out);
	golden(name, &out);
	canvas_free(&c);
	buf_free(&out);
}

static void the_map_at_its_sizes(void **state)
{
	struct made d = { .map = NULL };
	struct choice worst = { 7, 6, true };

	(void)state;
	make(&d);
	screen_is(&d, "quant-80x24", 24, 80, worst, false);
	screen_is(&d, "quant-120x40", 40, 120, worst, false);
	screen_is(&d, "quant-200x60", 60, 200, worst, false);
	screen_is(&d, "quant-80x24-ascii", 24, 80, worst, true);
	screen_is(&d, "quant-beside-others", 14, 44, worst, false);
	d.v.quant.figure = QUANTMAP_OUTPUT;
	screen_is(&d, "quant-output", 24, 80, (struct choice){ 13, 7, true }, false);
	quantmap_free(d.map);
}

static void a_tensor_from_within(void **state)
{
	struct made d = { .map = NULL };
	struct choice worst = { 13, 16, true };

	(void)state;
	make(&d);
	go_inside(&d);
	screen_is(&d, "quant-inside-80x24", 24, 80, worst, false);
	screen_is(&d, "quant-inside-120x40", 40, 120, worst, false);
	quantmap_free(d.map);
}

static void keys_say_what_is_chosen(void **state)
{
	struct made d = { .map = NULL };
	struct buf out = { 0 };
	int rows, cols;

	(void)state;
	make(&d);
	panes[PANE_quant]->extent(&d.v, &rows, &cols);
	CHECK_INT(rows, LAYERS + 2 + 1);
	CHECK_INT(cols, KINDS + 1);
	panes[PANE_quant]->enter(&d.v, &(struct choice){ 7, 6, true }, &out);
	CHECK_STR(out.data, "inside L7.ffn_down");
	buf_clear(&out);
	panes[PANE_quant]->enter(&d.v, &(struct choice){ 7, 7, true }, &out);
	CHECK_INT(out.len, 0);
	panes[PANE_quant]->subject(&d.v, &(struct choice){ 14, 7, true }, &out);
	CHECK_STR(out.data, "all");
	buf_free(&out);
	quantmap_free(d.map);
}

static void every_size_can_be_drawn(void **state)
{
	struct made d = { .map = NULL };
	struct canvas c;

	(void)state;
	make(&d);
	for (int inside = 0; inside < 2; inside++) {
		for (int rows = 1; rows < 40; rows += 3)
			for (int cols = 1; cols < 210; cols += 7) {
				CHECK(canvas_new(&c, rows, cols));
				pane_draw(&c, panes[PANE_quant], (struct rect){ 0, 0, rows, cols }, false, 0, true, &d.v,
				    &(struct choice){ 3, 3, true });
				canvas_free(&c);
			}
		go_inside(&d);
	}
	quantmap_free(d.map);
}

static void numbers_fit_their_cells(void **state)
{
	static const struct {
		float v;
		int cols;
		const char *want;
	} cases[] = {
		{ 21.34f, 5, "21.3" }, { 21.34f, 3, "21" }, { 0.0742f, 5, "0.074" }, { 0.0742f, 4, ".074" }, { 3e-5f, 4, "3e-5" },
		{ 0, 3, "0" }, { 1.234f, 4, "1.23" }, { 1.234f, 3, "1.2" }, { 123.4f, 4, "123" }, { 123.4f, 2, "" },
		{ -0.5f, 5, "-.500" }, { 1e7f, 5, "1e7" }, { INFINITY, 3, "inf" }, { NAN, 5, "" },
	};
	char text[HEAT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		heat_number(cases[i].v, cases[i].cols, text);
		CHECK_STR(text, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_map_at_its_sizes),
		TEST(a_tensor_from_within),
		TEST(keys_say_what_is_chosen),
		TEST(every_size_can_be_drawn),
		TEST(numbers_fit_their_cells),
	};

	return RUN(tests);
}
