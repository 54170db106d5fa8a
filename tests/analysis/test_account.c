/* test_account: receipts added up along the line. */
#include "analysis/account.h"

#include "tests/test.h"

static const struct probe_plan plan = { .n_layers = 1, .n_heads = 1 };

static void put(struct timeline *t, int pos, struct receipt a, struct receipt b)
{
	struct step *s = step_new_room(&plan, 2);

	s->pos = s->index = pos;
	s->token = 1;
	s->receipts[0] = a;
	s->receipts[1] = b;
	timeline_add(t, s);
}

static void counts_and_changes_add_up_to_the_cursor(void **state)
{
	struct timeline *t = timeline_new(TIMELINE_BUDGET);

	(void)state;
	put(t, 0, (struct receipt){ 1, 0, 0, 0 }, (struct receipt){ 2, 3, 6, 1 });
	put(t, 1, (struct receipt){ 1, 0, 0, 0 }, (struct receipt){ 2, 3, 2, 1 });
	put(t, 2, (struct receipt){ 1, 0, 0, 0 }, (struct receipt){ 3, 1, 2, 1 });
	struct account never = account_of(t, 1, 2), often = account_of(t, 2, 2), early = account_of(t, 2, 0);
	CHECK_INT(never.asked, 3);
	CHECK_INT(never.applied, 0);
	CHECK_INT(never.last_pos, -1);
	CHECK_INT(often.positions, 2);
	CHECK_INT(often.applied, 6);
	CHECK_NEAR(often.mean_change, 4, 1e-12);
	CHECK_NEAR(often.last_change, 2, 0);
	CHECK_INT(often.last_pos, 1);
	CHECK_NEAR(early.last_change, 6, 0);
	timeline_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(counts_and_changes_add_up_to_the_cursor) };

	return RUN(tests);
}
