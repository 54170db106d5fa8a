#include "tests/test.h"

#include <stdlib.h>

#include "engine/gguf.h"
#include "engine/weights.h"
#include "tests/tiny_model.h"

/* Opens the bytes of a build, or fails the test with the message. */
static struct gguf *open_bytes(const struct buf *bytes)
{
	struct err e = { .code = ERR_NONE };
	struct gguf *g = gguf_open_mem("tiny.gguf", bytes->data, bytes->len, &e);

	if (!g)
		fail_msg("%s", e.msg);
	return g;
}

/* Binds the tensors of `b` under the shape of `s`; the answer's error goes to *e. */
static bool bind(struct gguf_build *b, const struct tiny_spec *s, struct err *e)
{
	struct buf bytes = { .data = NULL };
	struct hparams hp;
	struct weights w;
	struct gguf *g;
	bool ok;

	gguf_build_bytes(b, &bytes);
	g = open_bytes(&bytes);
	if (!hparams_read(&hp, g, e))
		fail_msg("%s (%s)", e->msg, s->arch);
	ok = weights_bind(&w, gguf_tensors(g), &hp, e);
	weights_free(&w);
	gguf_close(g);
	buf_free(&bytes);
	return ok;
}

static void every_family_binds_in_every_type(void **state)
{
	(void)state;
	for (size_t a = 0; a < n_archs; a++)
		for (int t = 0; t < N_DTYPES; t++) {
			struct tiny_spec s = tiny_spec(archs[a].name, (enum dtype)t);
			struct buf bytes = { .data = NULL };
			struct err e = { .code = ERR_NONE };
			struct hparams hp;
			struct weights w;

			tiny_bytes(&s, &bytes);
			struct gguf *g = open_bytes(&bytes);
			CHECK_INT(gguf_trailing(g), 0);
			if (!hparams_read(&hp, g, &e) || !weights_bind(&w, gguf_tensors(g), &hp, &e))
				fail_msg("%s %s: %s", archs[a].name, dtypes[t]->name, e.msg);
			CHECK_INT(hp.n_vocab, TINY_VOCAB);
			CHECK(w.tied_head && w.lm_head == w.tok_embd);
			CHECK(w.layers[1].up->type == (enum dtype)t && w.layers[1].up->rows == (size_t)hp.d_ff);
			CHECK(w.final_norm->type == DTYPE_F32);
			CHECK(archs[a].fused_qkv ? w.layers[0].qkv && !w.layers[0].q : w.layers[0].q && !w.layers[0].qkv);
			weights_free(&w);
			gguf_close(g);
			buf_free(&bytes);
		}
}

static void weights_of_every_type_are_finite_and_near_their_deviation(void **state)
{
	(void)state;
	for (int t = 0; t < N_DTYPES; t++) {
		struct tiny_spec s = tiny_spec("llama", (enum dtype)t);
		struct buf bytes = { .data = NULL };
		float row[256];
		double sum = 0, n = 0;

		tiny_bytes(&s, &bytes);
		struct gguf *g = open_bytes(&bytes);
		const struct tensor *up = tensor_find(gguf_tensors(g), "blk.1.ffn_up.weight");
		for (size_t r = 0; r < up->rows; r++) {
			tensor_row_f32(up, r, row);
			for (size_t i = 0; i < up->cols; i++, n++)
				sum += (double)row[i] * (double)row[i];
		}
		CHECK_NEAR(sqrt(sum / n * s.d_model), 1, 0.1);
		gguf_close(g);
		buf_free(&bytes);
	}
}

static void an_own_head_and_rope_factors_are_found(void **state)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_F16);
	struct err e = { .code = ERR_NONE };
	struct buf bytes = { .data = NULL };
	struct hparams hp;
	struct weights w;

	(void)state;
	s.own_head = s.rope_freqs = true;
	tiny_bytes(&s, &bytes);
	struct gguf *g = open_bytes(&bytes);
	CHECK(hparams_read(&hp, g, &e) && weights_bind(&w, gguf_tensors(g), &hp, &e));
	CHECK(!w.tied_head && w.lm_head != w.tok_embd && w.lm_head->rows == TINY_VOCAB);
	CHECK_INT(w.rope_freqs->cols, hp.n_rot / 2);
	weights_free(&w);
	gguf_close(g);
	buf_free(&bytes);
}

/* A model whose tensors are complete but for what `spoil` adds or what `without`
 * renames away. */
static void expect(const char *without, const char *instead, void (*spoil)(struct gguf_build *b), enum err_code code, const char *word)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_F32);
	struct err e = { .code = ERR_NONE };
	struct gguf_build b;

	gguf_build_init(&b);
	tiny_hparams(&b, &s);
	tiny_tensors(&b, &s);
	if (without) {
		char *at = gguf_build_find(&b.table, without);

		CHECK(at && strlen(instead) == strlen(without));
		memcpy(at, instead, strlen(instead));
	}
	if (spoil)
		spoil(&b);
	if (bind(&b, &s, &e) != (code == ERR_NONE) || e.code != code || (word && !strstr(e.msg, word)))
		fail_msg("expected %d and \"%s\", got %d and \"%s\"", code, word ? word : "", e.code, e.msg);
	gguf_build_free(&b);
}

static void a_missing_tensor_is_named(void **state)
{
	(void)state;
	expect("blk.1.attn_k.weight", "blk.1.attn_x.weight", NULL, ERR_FILE, "blk.1.attn_k.weight is missing");
	expect("output_norm.weight", "output_norn.weight", NULL, ERR_FILE, "output_norm.weight is missing");
}

static void a_layer_beyond_the_last_is_refused(void **state)
{
	(void)state;
	expect("blk.1.attn_k.weight", "blk.2.attn_k.weight", NULL, ERR_FILE, "expected layers 0 to 1");
	expect("blk.1.attn_k.weight", "blk.9999999.eight..", NULL, ERR_FILE, "layer 9999999");
}

static void add_extras(struct gguf_build *b)
{
	float x[4] = { 0 };

	gguf_build_tensor(b, "blk.0.something.weight", DTYPE_F32, 1, (uint64_t[]){ 4 }, x, sizeof x);
	gguf_build_tensor(b, "something.weight", DTYPE_F32, 1, (uint64_t[]){ 4 }, x, sizeof x);
}

static void tensors_nobody_knows_are_left_alone(void **state)
{
	(void)state;
	expect(NULL, NULL, add_extras, ERR_NONE, NULL);
}

static void add_twin(struct gguf_build *b)
{
	static float x[64 * 64];

	gguf_build_tensor(b, "blk.00.attn_q.weight", DTYPE_F32, 2, (uint64_t[]){ 64, 64 }, x, sizeof x);
}

static void two_names_of_one_place_are_refused(void **state)
{
	(void)state;
	expect(NULL, NULL, add_twin, ERR_FILE, "twice");
}

static void add_wrong_bias(struct gguf_build *b)
{
	float x[32] = { 0 };

	gguf_build_tensor(b, "blk.0.attn_q.bias", DTYPE_F32, 1, (uint64_t[]){ 32 }, x, sizeof x);
}

static void add_half_bias(struct gguf_build *b)
{
	uint16_t x[64] = { 0 };

	gguf_build_tensor(b, "blk.0.attn_q.bias", DTYPE_F16, 1, (uint64_t[]){ 64 }, x, sizeof x);
}

static void an_optional_tensor_is_checked_like_any_other(void **state)
{
	(void)state;
	expect(NULL, NULL, add_wrong_bias, ERR_FILE, "blk.0.attn_q.bias is [32], expected [64]");
	expect(NULL, NULL, add_half_bias, ERR_UNSUPPORTED, "vectors must be F32");
}

static void shapes_are_exact(void **state)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_F32), other = s;
	struct err e = { .code = ERR_NONE };
	struct gguf_build b;

	(void)state;
	other.d_ff = 128;
	gguf_build_init(&b);
	tiny_hparams(&b, &s);
	tiny_tensors(&b, &other);
	CHECK(!bind(&b, &s, &e) && e.code == ERR_FILE);
	CHECK(strstr(e.msg, "tensor blk.0.ffn_gate.weight is [64, 128], expected [64, 96]"));
	gguf_build_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_family_binds_in_every_type), TEST(weights_of_every_type_are_finite_and_near_their_deviation),
		TEST(an_own_head_and_rope_factors_are_found), TEST(a_missing_tensor_is_named),
		TEST(a_layer_beyond_the_last_is_refused), TEST(tensors_nobody_knows_are_left_alone),
		TEST(two_names_of_one_place_are_refused), TEST(an_optional_tensor_is_checked_like_any_other),
		TEST(shapes_are_exact),
	};

	return RUN(tests);
}
