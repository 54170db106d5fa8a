/* Charts, grids, tables, text and scales on small canvases. */
#include <math.h>

#include "tests/test.h"
#include "views/draw_chart.h"
#include "views/draw_grid.h"
#include "views/draw_table.h"
#include "views/draw_text.h"
#include "views/scale.h"

static void dump_is(const struct canvas *c, const char *want)
{
	struct buf out = { 0 };

	canvas_dump(c, &out);
	CHECK_STR(out.data, want);
	buf_free(&out);
}

static void columns_grow_and_holes_are_dots(void **state)
{
	const float v[] = { 0, 0.5f, 1, NAN, 0.25f, 7, -3 };
	struct canvas c;

	(void)state;
	CHECK(canvas_new(&c, 2, 7));
	draw_columns(&c, (struct rect){ 0, 0, 2, 7 }, v, 7, (struct scale){ .lo = 0, .hi = 1 });
	dump_is(&c, "  █  █\n▁██·▄█▁\n");
	canvas_clear(&c);
	c.ascii = true;
	draw_columns(&c, (struct rect){ 1, 0, 1, 7 }, v, 7, (struct scale){ .lo = 0, .hi = 1 });
	dump_is(&c, "\n.+@.-@.\n");
	canvas_free(&c);
}

static void bars_show_halves_and_nothing_for_a_hole(void **state)
{
	struct canvas c;

	(void)state;
	CHECK(canvas_new(&c, 4, 4));
	draw_bar(&c, 0, 0, 4, 0.625f, STYLE_BAR);
	draw_bar(&c, 1, 0, 4, 2, STYLE_BAR);
	draw_bar(&c, 2, 0, 4, 0, STYLE_BAR);
	draw_bar(&c, 3, 0, 4, NAN, STYLE_BAR);
	dump_is(&c, "━━╾─\n━━━━\n────\n────\n");
	canvas_free(&c);
}

static void a_braille_line_goes_through_its_values(void **state)
{
	const float v[] = { 0, 1, 0, 1 };
	struct canvas c;

	(void)state;
	CHECK(canvas_new(&c, 1, 2));
	draw_line(&c, (struct rect){ 0, 0, 1, 2 }, v, 4, (struct scale){ .lo = 0, .hi = 1 }, STYLE_BAR);
	dump_is(&c, "⡈⡈\n");
	canvas_free(&c);
}

static const struct lens_def lens = { .unit = "", .lo = 0, .hi = 1 };

static void a_grid_shows_figures_blocks_and_holes(void **state)
{
	const float v[] = { 0, 0.5f, 1, NAN };
	struct reading r = { .lens = &lens, .n_rows = 2, .n_cols = 2, .values = v };
	struct grid_options o = { .row_letter = 'L', .col_letter = 'H', .row = -1, .col = -1 };
	struct canvas c;
	int row, col;

	(void)state;
	CHECK(canvas_new(&c, 4, 13));
	draw_grid(&c, &r, &o);
	dump_is(&c, "    H0   H1\nL0  .00  .50\nL1  1.0   ·\n\n");
	CHECK(draw_grid_pick(&c, &r, -1, 2, 9, &row, &col) && row == 1 && col == 1);
	CHECK(!draw_grid_pick(&c, &r, -1, 0, 9, &row, &col));
	CHECK(!draw_grid_pick(&c, &r, -1, 1, 0, &row, &col));
	canvas_free(&c);
	CHECK(canvas_new(&c, 4, 5));
	draw_grid(&c, &r, &o);
	dump_is(&c, "   H0\nL0 ▁▄\nL1 █·\n\n");
	canvas_free(&c);
}

static void fill_row(void *of, int row, struct table_cell *cells)
{
	static const char *const names[] = { "a", "bb", "ccc", "dddd", "eeeee" };

	(void)of;
	cells[0] = (struct table_cell){ .text = names[row] };
	cells[1] = (struct table_cell){ .bar = row == 1 ? -1 : 0.5f };
}

static void a_table_keeps_the_chosen_row_in_sight(void **state)
{
	static const struct table_column columns[] = { { "n", 4, true }, { "x", 0, false } };
	struct table t = { .columns = columns, .n_columns = 2, .n_rows = 5, .chosen = 4, .row = fill_row };
	struct canvas c;

	(void)state;
	CHECK(canvas_new(&c, 3, 9));
	draw_table(&c, &t);
	dump_is(&c, "   n x\ndddd ━━──\neee… ━━──\n");
	CHECK_INT(draw_table_pick(3, &t, 2), 4);
	CHECK_INT(draw_table_pick(3, &t, 0), -1);
	t.chosen = 0;
	canvas_clear(&c);
	draw_table(&c, &t);
	dump_is(&c, "   n x\n   a ━━──\n  bb ·\n");
	canvas_free(&c);
}

static style_bits plain(void *of, int token)
{
	(void)of;
	(void)token;
	return 0;
}

static void text_breaks_at_blanks_and_knows_its_tokens(void **state)
{
	struct text t = { 0 };
	struct canvas c;

	(void)state;
	text_add(&t, 0, "the quick", 9);
	text_add(&t, 1, " brown\n", 7);
	text_add(&t, 2, "foxes\xe4\xb8", 7);
	text_add(&t, 3, "\xad jumped", 8);
	text_end(&t, 3);
	text_wrap(&t, 9);
	CHECK_INT(t.n_lines, 4);
	CHECK(canvas_new(&c, 4, 9));
	draw_text(&c, &t, 0, plain, NULL);
	dump_is(&c, "the quick\nbrown↵\nfoxes中\njumped\n");
	CHECK_INT(text_line_of(&t, 1), 1);
	CHECK_INT(text_token_at(&t, 0, 1, 3), 1);
	CHECK_INT(text_token_at(&t, 0, 2, 6), 3);
	CHECK_INT(text_token_at(&t, 0, 9, 0), -1);
	canvas_free(&c);
	text_free(&t);
}

static void a_word_longer_than_a_line_is_cut(void **state)
{
	struct text t = { 0 };

	(void)state;
	text_add(&t, 0, "abcdefghij", 10);
	text_wrap(&t, 4);
	CHECK_INT(t.n_lines, 3);
	text_wrap(&t, 1);
	CHECK_INT(t.n_lines, 10);
	text_free(&t);
}

static void short_figures_are_short(void **state)
{
	static const struct { float v; const char *text; } cases[] = { { 0, ".00" }, { 0.07f, ".07" }, { -0.5f, "-.50" },
		{ 1, "1.0" }, { 9.94f, "9.9" }, { 9.96f, "10" }, { 123.4f, "123" }, { 1234, "1.2k" }, { 45678, "46k" }, { NAN, "" } };
	char out[16];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK_STR(scale_short(cases[i].v, out, sizeof out), cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(columns_grow_and_holes_are_dots),
		TEST(bars_show_halves_and_nothing_for_a_hole),
		TEST(a_braille_line_goes_through_its_values),
		TEST(a_grid_shows_figures_blocks_and_holes),
		TEST(a_table_keeps_the_chosen_row_in_sight),
		TEST(text_breaks_at_blanks_and_knows_its_tokens),
		TEST(a_word_longer_than_a_line_is_cut),
		TEST(short_figures_are_short),
	};

	return RUN(tests);
}
