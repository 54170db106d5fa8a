#include "engine/site.h"

#include "engine/vocab.h"
#include "tests/test.h"
#include "tests/tiny_model.h"

/* SmolLM2-135M's shape, as one row of archs.def or another. */
static struct hparams shape(const char *arch)
{
	return (struct hparams){ .arch = arch_find(arch, strlen(arch)), .n_layers = 30, .d_model = 576, .n_heads = 9,
		.n_kv_heads = 3, .d_head = 64, .d_ff = 1536, .n_vocab = 49152 };
}

static struct address parse(const char *text)
{
	struct hparams hp = shape("llama");
	struct address a;
	struct err e = { 0 };
	const char *p = text;

	if (!address_parse(&p, &hp, &a, &e))
		fail_msg("%s: %s", text, e.msg);
	CHECK_STR(p, "");
	return a;
}

static void is(const char *text, enum site site, int layer, int head, int index)
{
	struct address a = parse(text);

	if (a.site != site || a.layer != layer || a.head != head || a.index != index)
		fail_msg("%s is site %d, layer %d, head %d, index %d", text, (int)a.site, a.layer, a.head, a.index);
}

static void fails_with(const char *text, const char *arch, const char *words)
{
	struct hparams hp = shape(arch);
	struct address a;
	struct err e = { 0 };
	const char *p = text;

	if (address_parse(&p, &hp, &a, &e))
		fail_msg("\"%s\" was understood", text);
	if (!strstr(e.msg, words))
		fail_msg("\"%s\" says \"%s\", expected \"%s\"", text, e.msg, words);
	CHECK(p == text);
	CHECK_INT(e.code, ERR_USAGE);
}

static void an_address_names_a_layer_a_site_and_perhaps_an_element(void **state)
{
	(void)state;
	is("L4.up[219]", SITE_up, 4, -1, 219);
	is("L0.gate", SITE_gate, 0, -1, -1);
	is("L29.mlp[1535]", SITE_mlp, 29, -1, 1535);
	is("L6.resid[575]", SITE_resid_post, 6, -1, 575);
	is("L6.resid_pre", SITE_resid_pre, 6, -1, -1);
	is("L5.H3", SITE_z, 5, 3, -1);
	is("L5.H8[63]", SITE_z, 5, 8, 63);
	is("L5.z[575]", SITE_z, 5, -1, 575);
	is("L3.attn_out", SITE_attn_out, 3, -1, -1);
	is("L3.attn", SITE_attn_probs, 3, -1, -1);
}

static void a_place_outside_the_layers_has_no_layer(void **state)
{
	(void)state;
	is("final_norm[7]", SITE_final_norm, NO_LAYER, -1, 7);
	is("logits[49151]", SITE_logits, NO_LAYER, -1, 49151);
	is("logit[5]", SITE_logits, NO_LAYER, -1, 5);
}

static void a_temperature_belongs_to_a_head_or_to_all(void **state)
{
	(void)state;
	is("L5.H3.temp", SITE_temp, 5, -1, 3);
	is("L5.temp", SITE_temp, 5, -1, -1);
	is("L5.temp[3]", SITE_temp, 5, -1, 3);
}

static void a_star_stands_for_every_layer(void **state)
{
	(void)state;
	is("L*.resid", SITE_resid_post, EVERY_LAYER, -1, -1);
	is("L*.H2", SITE_z, EVERY_LAYER, 2, -1);
}

static void an_address_ends_where_it_ends(void **state)
{
	struct hparams hp = shape("llama");
	struct address a;
	struct err e = { 0 };
	const char *p = "L4.up[219] = 8", *q = "L5.H3*0";

	(void)state;
	CHECK(address_parse(&p, &hp, &a, &e));
	CHECK_STR(p, " = 8");
	CHECK(address_parse(&q, &hp, &a, &e));
	CHECK_STR(q, "*0");
}

static void what_does_not_exist_is_answered_with_what_does(void **state)
{
	(void)state;
	fails_with("L12.up[1536]", "llama", "L12 has neurons 0 to 1535, not 1536");
	fails_with("L12.mlp[99999999999999999999]", "llama", "L12 has neurons 0 to 1535");
	fails_with("L12.resid[576]", "llama", "L12 has channels 0 to 575, not 576");
	fails_with("L12.H9", "llama", "L12 has heads 0 to 8, not 9");
	fails_with("L12.H8[64]", "llama", "L12 has channels 0 to 63, not 64");
	fails_with("L5.temp[9]", "llama", "L5 has heads 0 to 8, not 9");
	fails_with("L5.H9.temp", "llama", "L5 has heads 0 to 8, not 9");
	fails_with("L30.up", "llama", "the model has layers 0 to 29, not 30");
	fails_with("logits[49152]", "llama", "logits has tokens 0 to 49151, not 49152");
	fails_with("final_norm[576]", "llama", "final_norm has channels 0 to 575");
	fails_with("L3.attn[0]", "llama", "attn has no elements of its own");
}

static void what_is_not_an_address_is_answered_with_an_example(void **state)
{
	(void)state;
	fails_with("", "llama", "an address looks like L4.up[219]");
	fails_with("up[3]", "llama", "no place called up");
	fails_with("L4", "llama", "L<layer>.<site>");
	fails_with("L4.", "llama", "no site called ");
	fails_with("L4.upp[3]", "llama", "no site called upp");
	fails_with("L.up", "llama", "no place called L");
	fails_with("L4.up[]", "llama", "a number in brackets");
	fails_with("L4.up[3", "llama", "a number in brackets");
	fails_with("L4.up[-3]", "llama", "a number in brackets");
	fails_with("L4.up[3.5]", "llama", "a number in brackets");
	fails_with("logit[\" dog\"]", "llama", "tokens have no text here");
	fails_with("logit[\" dog", "llama", "quotation mark");
	fails_with("L4.gate[3]", "gpt2", "the MLP of gpt2 has no gate; use up or mlp");
}

static void a_token_may_be_named_by_its_text(void **state)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	struct tiny tiny;
	struct err e = { 0 };

	(void)state;
	if (!tiny_open(&tiny, &spec, &e))
		fail_msg("%s", e.msg);
	for (int id = 0; id < vocab_size(tiny.model->vocab); id++) {
		char text[64];
		const char *p = text;
		struct address a;
		size_t n;
		const char *piece = vocab_bytes(tiny.model->vocab, id, &n);

		if (n == 0 || n > 8 || vocab_find(tiny.model->vocab, piece, n) != id)
			continue;
		bool plain = true;
		for (size_t i = 0; i < n; i++)
			plain = plain && piece[i] >= ' ' && piece[i] != '"' && piece[i] != '\\' && piece[i] != 127;
		if (!plain)
			continue;
		snprintf(text, sizeof text, "logit[\"%.*s\"]", (int)n, piece);
		if (!address_parse_in(&p, &tiny.model->hp, tiny.model->vocab, &a, &e))
			fail_msg("%s: %s", text, e.msg);
		CHECK_INT(a.index, id);
	}
	struct address a;
	const char *p = "logit[\"no token of a tiny model\"]";
	CHECK(!address_parse_in(&p, &tiny.model->hp, tiny.model->vocab, &a, &e));
	CHECK(strstr(e.msg, "is not one token of this model"));
	tiny_close(&tiny);
}

static bool same(const struct address *a, const struct address *b)
{
	return a->site == b->site && a->layer == b->layer && a->head == b->head && a->index == b->index;
}

/* Every site, whole and by element, as it is written out, is read back the same. */
static void an_address_is_written_as_it_is_read(void **state)
{
	struct hparams hp = shape("llama");
	struct err e = { 0 };

	(void)state;
	for (int s = 0; s < N_SITES; s++)
		for (int layer = EVERY_LAYER; layer < 30; layer += layer < 0 ? 1 : 29)
			for (int index = -1; index < site_width((enum site)s, &hp); index += index < 0 ? 1 : 97) {
				struct address a = { (enum site)s, layer, -1, index }, b;
				char text[ADDRESS_TEXT];
				const char *p = text;

				if ((layer == NO_LAYER) != sites[s].global)
					continue;
				address_format(&a, text);
				if (!address_parse(&p, &hp, &b, &e))
					fail_msg("%s: %s", text, e.msg);
				if (!same(&a, &b) || *p)
					fail_msg("%s is read as something else", text);
			}
	struct address head = { SITE_z, 7, 8, 63 };
	char text[ADDRESS_TEXT];
	CHECK_STR(address_format(&head, text), "L7.H8[63]");
}

static void every_site_has_names_and_a_width(void **state)
{
	struct hparams hp = shape("llama");

	(void)state;
	for (int s = 0; s < N_SITES; s++) {
		CHECK(sites[s].text[0] && sites[s].hook[0] && sites[s].doc[0]);
		CHECK((site_width((enum site)s, &hp) == 0) == (sites[s].width == SITE_W_POSITIONS));
		CHECK(sites[s].global == (strstr(sites[s].hook, "blocks.") == NULL));
		for (int t = 0; t < s; t++)
			CHECK(strcmp(sites[s].text, sites[t].text) && strcmp(sites[s].hook, sites[t].hook));
	}
	/* A set of edits keeps one bit per site. */
	CHECK(N_SITES <= 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_names_a_layer_a_site_and_perhaps_an_element),
		TEST(a_place_outside_the_layers_has_no_layer),
		TEST(a_temperature_belongs_to_a_head_or_to_all),
		TEST(a_star_stands_for_every_layer),
		TEST(an_address_ends_where_it_ends),
		TEST(what_does_not_exist_is_answered_with_what_does),
		TEST(what_is_not_an_address_is_answered_with_an_example),
		TEST(a_token_may_be_named_by_its_text),
		TEST(an_address_is_written_as_it_is_read),
		TEST(every_site_has_names_and_a_width),
	};

	return RUN(tests);
}
