#include "tests/test.h"
#include "views/layout.h"
#include "views/pane.h"

static void smallest_panes(struct layout_min *min)
{
	for (int p = 0; p < N_PANES; p++)
		min[p] = (struct layout_min){ panes[p]->min_rows + 1, panes[p]->min_cols + 3 };
}

static bool overlap(struct rect a, struct rect b)
{
	return a.y < b.y + b.rows && b.y < a.y + a.rows && a.x < b.x + b.cols && b.x < a.x + a.cols;
}

static void check_placement(const struct placement *p, struct rect room, const struct layout_min *min)
{
	int area = 0;

	CHECK(p->n > 0);
	for (int i = 0; i < p->n; i++) {
		struct rect r = p->at[i].rect;

		CHECK(r.rows >= min[p->at[i].pane].rows && r.cols >= min[p->at[i].pane].cols);
		CHECK(r.y >= room.y && r.x >= room.x);
		CHECK(r.y + r.rows <= room.y + room.rows && r.x + r.cols <= room.x + room.cols);
		for (int k = 0; k < i; k++)
			CHECK(!overlap(r, p->at[k].rect));
		area += r.rows * r.cols;
	}
	CHECK_INT(area, room.rows * room.cols);         /* edge to edge */
}

static const char *const layouts[] = {
#define LAYOUT_OF(rows, cols, text) text,
#include "app/layouts.def"
#undef LAYOUT_OF
	"text", "(text)", "[heads:3 (text candidates neurons) layers=4 (sampler edits)]",
};

static void every_size_is_filled_edge_to_edge(void **state)
{
	struct layout_min min[N_PANES];
	struct placement p;
	struct layout l;
	struct err e;

	(void)state;
	smallest_panes(min);
	for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
		if (!layout_parse(&l, layouts[i], pane_find, &e))
			fail_msg("%s: %s", layouts[i], e.msg);
		for (int rows = 5; rows <= 100; rows++)
			for (int cols = 20; cols <= 300; cols += rows > 40 ? 7 : 1)
				if (layout_place(&l, (struct rect){ 0, 0, rows, cols }, min, &p))
					check_placement(&p, (struct rect){ 0, 0, rows, cols }, min);
				else
					CHECK(rows < LAYOUT_MIN_ROWS - 2 || cols < LAYOUT_MIN_COLS || i > 3);
	}
}

static void shares_and_fixed_sizes_are_kept(void **state)
{
	struct layout_min min[N_PANES];
	struct placement p;
	struct layout l;
	struct err e;

	(void)state;
	smallest_panes(min);
	CHECK(layout_parse(&l, "[(text:3 heads:1) timeline=9]", pane_find, &e));
	CHECK(layout_place(&l, (struct rect){ 0, 0, 40, 120 }, min, &p));
	CHECK_INT(p.n, 3);
	CHECK_INT(p.at[0].rect.cols, 90);
	CHECK_INT(p.at[1].rect.cols, 30);
	CHECK_INT(p.at[2].rect.rows, 9);
	CHECK(!p.at[0].line_left && p.at[1].line_left && !p.at[2].line_left);
}

static void what_does_not_fit_is_left_out_from_the_end(void **state)
{
	struct layout_min min[N_PANES];
	struct placement p;
	struct layout l;
	struct err e;

	(void)state;
	smallest_panes(min);
	CHECK(layout_parse(&l, "[text candidates timeline]", pane_find, &e));
	CHECK(layout_place(&l, (struct rect){ 0, 0, 9, 60 }, min, &p));
	CHECK_INT(p.n, 2);
	CHECK_INT(p.at[0].pane, PANE_text);
	CHECK_INT(p.at[1].pane, PANE_candidates);
	CHECK(!layout_place(&l, (struct rect){ 0, 0, 2, 60 }, min, &p));
}

static void mistakes_are_named(void **state)
{
	static const char *const bad[] = { "", "(", "()", "[text", "text)", "nothing", "(text text)", "text:0", "text:", "text=abc",
		"((((((((((text))))))))))", "text heads", "(text:1000 heads)" };
	struct layout l;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		e.msg[0] = 0;
		CHECK(!layout_parse(&l, bad[i], pane_find, &e));
		CHECK(e.msg[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_size_is_filled_edge_to_edge),
		TEST(shares_and_fixed_sizes_are_kept),
		TEST(what_does_not_fit_is_left_out_from_the_end),
		TEST(mistakes_are_named),
	};

	return RUN(tests);
}
