#include "engine/edit.h"

#include "tests/test.h"

enum { HEADS = 3, D_HEAD = 4, WIDTH = HEADS * D_HEAD };

static struct hparams shape(void)
{
	return (struct hparams){ .arch = arch_find("llama", 5), .n_layers = 8, .d_model = WIDTH, .n_heads = HEADS,
		.n_kv_heads = HEADS, .d_head = D_HEAD, .d_ff = 300, .n_vocab = 100 };
}

static struct edit parse(const char *text)
{
	struct hparams hp = shape();
	struct edit ed;
	struct err e = { 0 };

	if (!edit_parse(text, &hp, &ed, &e))
		fail_msg("%s: %s", text, e.msg);
	return ed;
}

static void fails_with(const char *text, const char *words)
{
	struct hparams hp = shape();
	struct edit ed;
	struct err e = { 0 };

	if (edit_parse(text, &hp, &ed, &e))
		fail_msg("\"%s\" was understood", text);
	if (!strstr(e.msg, words))
		fail_msg("\"%s\" says \"%s\", expected \"%s\"", text, e.msg, words);
	CHECK(e.code != ERR_NONE);
}

static void is(const char *text, const char *op, float value, enum edit_scope scope, int from, int to)
{
	struct edit ed = parse(text);

	CHECK_STR(ed.op->name, op);
	CHECK(ed.value == value && ed.scope == scope && ed.from == from && ed.to == to);
	CHECK(ed.on && ed.number == 0 && ed.vec == NULL);
}

static void an_edit_is_an_address_an_operation_a_value_and_a_scope(void **state)
{
	(void)state;
	is("L4.up[219] = 8", "hold", 8, SCOPE_ALL, 0, 0);
	is("L5.H2 * 0", "scale", 0, SCOPE_ALL, 0, 0);
	is("L6.resid[11] + 1.5", "add", 1.5f, SCOPE_ALL, 0, 0);
	is("L6.resid[11] + -1.5e-1", "add", -.15f, SCOPE_ALL, 0, 0);
	is("L4.mlp[7] max 2", "at_least", 2, SCOPE_ALL, 0, 0);
	is("L4.mlp[7] min 2", "at_most", 2, SCOPE_ALL, 0, 0);
	is("L4.up[219]=8", "hold", 8, SCOPE_ALL, 0, 0);
	is("  L5.H2*0  ", "scale", 0, SCOPE_ALL, 0, 0);
	is("L5.H2 * 0 in all", "scale", 0, SCOPE_ALL, 0, 0);
	is("L5.H2 * 0 in prompt", "scale", 0, SCOPE_PROMPT, 0, 0);
	is("L5.H2 * 0 in generated", "scale", 0, SCOPE_GENERATED, 0, 0);
	is("L5.H2 * 0 in 4..9", "scale", 0, SCOPE_RANGE, 4, 9);
	is("L5.H2 * 0 in 4..4", "scale", 0, SCOPE_RANGE, 4, 4);
	is("logit[5] + 3", "add", 3, SCOPE_ALL, 0, 0);
	is("L5.H2.temp * 2", "scale", 2, SCOPE_ALL, 0, 0);
}

static void an_edit_that_is_not_understood_says_what_would_be(void **state)
{
	(void)state;
	fails_with("", "an address looks like");
	fails_with("L4.up[300] = 8", "L4 has neurons 0 to 299, not 300");
	fails_with("L4.up[2]", "after the address comes = * + max or min");
	fails_with("L4.up[2] / 8", "after the address comes = * + max or min");
	fails_with("L4.up[2] maximum 8", "after the address comes");
	fails_with("L4.up[2] = ", "wants a number");
	fails_with("L4.up[2] = eight", "wants a number");
	fails_with("L4.up[2] = nan", "number");
	fails_with("L4.up[2] = inf", "number");
	fails_with("L4.up[2] = 1e99", "number");
	fails_with("L4.up[2] = 8 always", "in all, prompt, generated, or A..B");
	fails_with("L4.up[2] = 8 in", "a scope is");
	fails_with("L4.up[2] = 8 in the prompt", "a scope is");
	fails_with("L4.up[2] = 8 in 4", "a range of positions like 4..9");
	fails_with("L4.up[2] = 8 in 9..4", "from a smaller to a larger");
	fails_with("L4.up[2] = 8 in -1..4", "from a smaller to a larger");
	fails_with("L4.up[2] = 8 in 1..99999999999", "from a smaller to a larger");
	fails_with("L4.up[2] = 8 in prompt twice", "does not understand \"twice\"");
	fails_with("L4.attn * 0", "attention probabilities cannot be written");
	fails_with("L6.resid + /no/such/file.vec * 4", "/no/such/file.vec");
}

static void an_edit_is_written_as_it_is_read(void **state)
{
	const char *const texts[] = { "L4.up[219] = 8", "L5.H2 * 0", "L6.resid[11] + 1.5", "L4.mlp[7] max -2",
		"L4.mlp[7] min 0.1 in prompt", "L*.H2 * 0.5 in generated", "final_norm[7] + 1 in 4..9",
		"L5.H2.temp * 2", "logit[5] + 3", "L4.up[0] = 1.2345678", "L4.up[0] = 1e-20" };
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct edit ed = parse(texts[i]), again;

		CHECK_STR(edit_format(&ed, out, sizeof out), texts[i]);
		again = parse(out);
		CHECK(again.value == ed.value);
	}
}

static void a_text_without_room_is_cut_not_overrun(void **state)
{
	struct edit ed = parse("L4.mlp[7] min 0.1 in prompt");
	char out[30];

	(void)state;
	for (size_t room = 1; room < sizeof out; room++) {
		memset(out, '#', sizeof out);
		edit_format(&ed, out, room);
		CHECK(memchr(out, 0, room) != NULL);
		CHECK(out[room] == '#');
	}
}

static void every_operation_has_its_own_symbol_and_one_way_to_work(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_edit_defs; i++) {
		const struct edit_def *d = edit_defs[i];

		CHECK(d->name[0] && d->symbol[0] && d->doc[0] && (d->apply || d->apply_vec));
		for (size_t j = 0; j < i; j++)
			CHECK(strcmp(d->symbol, edit_defs[j]->symbol) && strcmp(d->name, edit_defs[j]->name));
	}
}

/* Values -1, 3 and NaN-free zeros under each operation with 2. */
static void operations_by_hand(void **state)
{
	const struct { const char *name; float want[3]; } cases[] = {
		{ "hold", { 2, 2, 2 } }, { "scale", { -2, 6, 0 } }, { "add", { 1, 5, 2 } },
		{ "at_least", { 2, 3, 2 } }, { "at_most", { -1, 2, 0 } },
	};

	(void)state;
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
		for (size_t i = 0; i < n_edit_defs; i++) {
			float x[4] = { -1, 3, 0, 77 };

			if (strcmp(edit_defs[i]->name, cases[c].name))
				continue;
			edit_defs[i]->apply(x, 3, 2);
			assert_memory_equal(x, cases[c].want, sizeof cases[c].want);
			CHECK(x[3] == 77);
		}
}

/* A set of these edits, numbered from 1. */
static const struct edit_set *set_of(int n, const char *const *texts)
{
	const struct edit_set *s = edit_set_empty();

	for (int i = 0; i < n; i++) {
		struct edit ed = parse(texts[i]);
		const struct edit_set *t;

		ed.number = i + 1;
		t = edit_set_with(s, &ed, (uint32_t)i + 1);
		edit_set_unref(s);
		s = t;
	}
	return s;
}

static void apply(const struct edit_set *s, int layer, enum site site, float *x, int pos, struct receipt *receipts)
{
	struct hparams hp = shape();
	float spare[WIDTH];

	for (int i = 0; i < WIDTH; i++)
		x[i] = (float)i;
	edit_set_apply(s, layer, site, &hp, x, pos, 4, receipts, spare);
}

static void an_edit_writes_where_it_says_and_nowhere_else(void **state)
{
	const struct edit_set *s = set_of(3, (const char *const[]){ "L2.resid[5] = 50", "L3.resid + 100", "L2.H1 * 0" });
	float x[WIDTH];

	(void)state;
	apply(s, 2, SITE_resid_post, x, 0, NULL);
	for (int i = 0; i < WIDTH; i++)
		CHECK(x[i] == (i == 5 ? 50 : (float)i));
	apply(s, 3, SITE_resid_post, x, 0, NULL);
	for (int i = 0; i < WIDTH; i++)
		CHECK(x[i] == (float)i + 100);
	apply(s, 2, SITE_z, x, 0, NULL);
	for (int i = 0; i < WIDTH; i++)
		CHECK(x[i] == (i / D_HEAD == 1 ? 0 : (float)i));
	apply(s, 2, SITE_resid_pre, x, 0, NULL);
	apply(s, 4, SITE_resid_post, x, 0, NULL);
	for (int i = 0; i < WIDTH; i++)
		CHECK(x[i] == (float)i);
	edit_set_unref(s);
}

static void edits_of_one_place_work_in_their_order(void **state)
{
	const struct edit_set *s = set_of(2, (const char *const[]){ "L2.resid + 1", "L2.resid * 10" });
	const struct edit_set *t = set_of(2, (const char *const[]){ "L2.resid * 10", "L2.resid + 1" });
	float x[WIDTH];

	(void)state;
	apply(s, 2, SITE_resid_post, x, 0, NULL);
	CHECK(x[3] == 40);
	apply(t, 2, SITE_resid_post, x, 0, NULL);
	CHECK(x[3] == 31);
	edit_set_unref(s);
	edit_set_unref(t);
}

/* Four prompt tokens: positions 0 to 3. */
static void a_scope_says_at_which_positions(void **state)
{
	const struct edit_set *s = set_of(4, (const char *const[]){ "L1.resid[0] = 9", "L1.resid[1] = 9 in prompt",
		"L1.resid[2] = 9 in generated", "L1.resid[3] = 9 in 2..5" });
	const char *const want[] = { "99__", "99__", "99_9", "99_9", "9_99", "9_99", "9_9_" };
	struct receipt did[4] = { { 0 } };
	float x[WIDTH];

	(void)state;
	for (int pos = 0; pos < 7; pos++) {
		apply(s, 1, SITE_resid_post, x, pos, did);
		for (int i = 0; i < 4; i++)
			CHECK((x[i] == 9) == (want[pos][i] == '9'));
	}
	CHECK(did[0].applied == 7 && did[1].applied == 4 && did[2].applied == 3 && did[3].applied == 4);
	/* x[2] was 2 and became 9, three times. */
	CHECK_NEAR(did[2].change, 7 * sqrt(3), 1e-5);
	CHECK_NEAR(did[2].before, 2 * sqrt(3), 1e-5);
	edit_set_unref(s);
}

static void every_layer_is_every_layer(void **state)
{
	const struct edit_set *s = set_of(1, (const char *const[]){ "L*.resid[0] = 9" });
	float x[WIDTH];

	(void)state;
	for (int l = 0; l < 8; l++) {
		CHECK(edit_set_touches(s, l, SITE_resid_post) && !edit_set_touches(s, l, SITE_resid_pre));
		apply(s, l, SITE_resid_post, x, 0, NULL);
		CHECK(x[0] == 9);
	}
	edit_set_unref(s);
}

static void a_set_knows_which_places_it_touches(void **state)
{
	const struct edit_set *none = edit_set_empty();
	const struct edit_set *s = set_of(3, (const char *const[]){ "L2.resid[5] = 50", "L0.up[1] = 0", "final_norm[1] = 0" });

	(void)state;
	for (int l = NO_LAYER; l < 8; l++)
		for (int site = 0; site < N_SITES; site++) {
			bool want = (l == 2 && site == SITE_resid_post) || (l == 0 && site == SITE_up) ||
			    (l == NO_LAYER && site == SITE_final_norm);

			CHECK(edit_set_touches(s, l, (enum site)site) == want);
			CHECK(!edit_set_touches(none, l, (enum site)site));
		}
	CHECK(edit_set_n(none) == 0 && edit_set_revision(none) == 0);
	edit_set_unref(none);
	edit_set_unref(s);
}

static void a_new_set_leaves_the_old_one_as_it_was(void **state)
{
	const struct edit_set *s = set_of(2, (const char *const[]){ "L2.resid[5] = 50", "L3.resid[5] = 50" });
	const struct edit_set *off = edit_set_toggled(s, 1, 10), *on = edit_set_toggled(off, 1, 11);
	const struct edit_set *less = edit_set_without(s, 1, 12), *same = edit_set_without(s, 99, 13);

	(void)state;
	CHECK_INT(edit_set_revision(s), 2);
	CHECK(edit_set_revision(off) == 10 && edit_set_revision(on) == 11 && edit_set_revision(less) == 12);
	CHECK(edit_set_touches(s, 2, SITE_resid_post) && !edit_set_touches(off, 2, SITE_resid_post) &&
	    edit_set_touches(on, 2, SITE_resid_post) && !edit_set_touches(less, 2, SITE_resid_post));
	CHECK(edit_set_n(off) == 2 && edit_set_n(less) == 1 && edit_set_n(same) == 2 && edit_set_n(s) == 2);
	CHECK_INT(edit_set_at(less, 0)->number, 2);
	CHECK(!edit_set_at(off, 0)->on && edit_set_at(s, 0)->on);
	edit_set_unref(off);
	edit_set_unref(on);
	edit_set_unref(less);
	edit_set_unref(same);
	edit_set_unref(s);
}

static void an_edit_that_is_off_writes_nothing(void **state)
{
	const struct edit_set *s = set_of(1, (const char *const[]){ "L2.resid = 50" }), *off = edit_set_toggled(s, 1, 2);
	float x[WIDTH];

	(void)state;
	apply(off, 2, SITE_resid_post, x, 0, NULL);
	CHECK(x[1] == 1);
	edit_set_unref(s);
	edit_set_unref(off);
}

static void the_same_operation_at_the_same_place_replaces(void **state)
{
	const struct edit_set *s = set_of(4, (const char *const[]){ "L2.resid[5] = 1", "L2.resid[5] + 1",
		"L2.resid[5] = 7", "L2.resid[6] = 7" });

	(void)state;
	CHECK_INT(edit_set_n(s), 3);
	CHECK(edit_set_at(s, 0)->value == 7 && edit_set_at(s, 0)->number == 3);
	CHECK_STR(edit_set_at(s, 1)->op->name, "add");
	edit_set_unref(s);
}

static void a_swap_names_matrices_a_method_and_a_scope(void **state)
{
	static const struct {
		const char *text, *back;
		int layer, which;
	} rows[] = {
		{ "swap L2.ffn_up q4_0", "swap L2.ffn_up q4_0", 2, WEIGHT_up },
		{ " swap  L*.down   rtn  bits=4 group=32 in prompt", "swap L*.ffn_down rtn bits=4 group=32 in prompt", EVERY_LAYER, WEIGHT_down },
		{ "swap L1 q8_0 in 3..9", "swap L1 q8_0 in 3..9", 1, WEIGHT_ALL },
		{ "swap L* q8_0 in all", "swap L* q8_0 in all", EVERY_LAYER, WEIGHT_ALL },
		{ "swap all q8_0", "swap all q8_0", SWAP_EVERYTHING, WEIGHT_ALL },
		{ "swap output q6_k in generated", "swap output q6_k in generated", NO_LAYER, WEIGHT_lm_head },
	};

	struct hparams hp = shape();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct edit ed;
		struct err e;
		char text[256];

		if (!edit_parse(rows[i].text, &hp, &ed, &e))
			fail_msg("%s: %s", rows[i].text, e.msg);
		CHECK_STR(edit_format(&ed, text, sizeof text), rows[i].back);
		CHECK_STR(ed.op->name, "swap");
		CHECK_INT(ed.swap->layer, rows[i].layer);
		CHECK_INT(ed.swap->which, rows[i].which);
		CHECK_INT(ed.swap->n, 0);
		edit_drop(&ed);
	}
	fails_with("swap", "wants L3.ffn_up");
	fails_with("swap L2.ffn_up", "what to make of it");
	fails_with("swap L77 q4_0", "layers 0 to");
	fails_with("swap Lx q4_0", "no matrix is called");
}

static void swaps_hold_where_their_scope_does_and_the_later_one_counts(void **state)
{
	const struct edit_set *none = edit_set_empty(), *one, *two;
	const struct tensor *table[9 * N_WEIGHTS];
	struct hparams hp = shape();
	struct edit a, b;
	struct err e;

	(void)state;
	CHECK(edit_parse("swap L1.ffn_up q4_0 in 3..5", &hp, &a, &e) && edit_parse("swap L1 q8_0 in generated", &hp, &b, &e));
	a.number = 1;
	b.number = 2;
	swap_add((struct swap *)(uintptr_t)a.swap, &(struct swap_piece){ .layer = 1, .which = WEIGHT_up, .change = 3, .before = 4 }, 1);
	for (int i = 0; i < 2; i++)
		swap_add((struct swap *)(uintptr_t)b.swap, &(struct swap_piece){ .layer = 1, .which = i ? WEIGHT_up : WEIGHT_q, .change = 3,
		    .before = 4 }, 1);
	one = edit_set_with(none, &a, 1);
	two = edit_set_with(one, &b, 2);
	edit_drop(&a);
	edit_drop(&b);
	CHECK(!edit_set_swaps(none, 3, 9, table, hp.n_layers));
	CHECK(!edit_set_swaps(one, 2, 9, table, hp.n_layers) && !edit_set_swaps(one, 6, 9, table, hp.n_layers));
	CHECK(edit_set_swaps(one, 3, 9, table, hp.n_layers));
	CHECK(table[2 * N_WEIGHTS + WEIGHT_up] == &edit_set_at(one, 0)->swap->piece[0].t);
	CHECK(!table[2 * N_WEIGHTS + WEIGHT_q] && !table[3 * N_WEIGHTS + WEIGHT_up] && !table[WEIGHT_tok_embd]);
	CHECK(edit_set_swaps(two, 4, 4, table, hp.n_layers));
	CHECK(table[2 * N_WEIGHTS + WEIGHT_up] == &edit_set_at(two, 1)->swap->piece[1].t);
	CHECK_INT(edit_set_span(none, 0, 100, 9), 100);
	CHECK_INT(edit_set_span(one, 0, 100, 9), 3);
	CHECK_INT(edit_set_span(one, 3, 100, 9), 3);
	CHECK_INT(edit_set_span(one, 4, 1, 9), 1);
	CHECK_INT(edit_set_span(one, 6, 100, 9), 100);
	CHECK_INT(edit_set_span(two, 6, 100, 9), 3);
	struct receipt r[2] = { { .edit = 1 }, { .edit = 2 } };
	edit_set_account_swaps(two, 9, 9, r);
	CHECK(r[0].applied == 0 && r[1].applied == 2);
	CHECK_NEAR(r[1].change, sqrt(18), 1e-6);
	CHECK_NEAR(r[1].before, sqrt(32), 1e-6);
	/* No place of the pass is written, and none pays for it. */
	for (int s = 0; s < N_SITES; s++)
		CHECK(!edit_set_touches(two, 1, (enum site)s));
	edit_set_unref(two);
	edit_set_unref(one);
	edit_set_unref(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_edit_is_an_address_an_operation_a_value_and_a_scope),
		TEST(an_edit_that_is_not_understood_says_what_would_be),
		TEST(an_edit_is_written_as_it_is_read),
		TEST(a_text_without_room_is_cut_not_overrun),
		TEST(every_operation_has_its_own_symbol_and_one_way_to_work),
		TEST(operations_by_hand),
		TEST(an_edit_writes_where_it_says_and_nowhere_else),
		TEST(edits_of_one_place_work_in_their_order),
		TEST(a_scope_says_at_which_positions),
		TEST(every_layer_is_every_layer),
		TEST(a_set_knows_which_places_it_touches),
		TEST(a_new_set_leaves_the_old_one_as_it_was),
		TEST(an_edit_that_is_off_writes_nothing),
		TEST(a_swap_names_matrices_a_method_and_a_scope),
		TEST(swaps_hold_where_their_scope_does_and_the_later_one_counts),
		TEST(the_same_operation_at_the_same_place_replaces),
	};

	return RUN(tests);
}
