#include "tests/test.h"

#include "engine/gguf.h"
#include "engine/hparams.h"
#include "tests/tiny_model.h"

/* Reads the hyper-parameters of a tiny model after `change` has added keys. */
static bool read(const struct tiny_spec *s, void (*change)(struct gguf_build *b), struct hparams *hp, struct err *e)
{
	struct buf bytes = { .data = NULL };
	struct gguf_build b;
	struct gguf *g;
	bool ok;

	gguf_build_init(&b);
	tiny_hparams(&b, s);
	tiny_tensors(&b, s);
	if (change)
		change(&b);
	gguf_build_bytes(&b, &bytes);
	g = gguf_open_mem("tiny.gguf", bytes.data, bytes.len, e);
	if (!g)
		fail_msg("%s", e->msg);
	ok = hparams_read(hp, g, e);
	gguf_close(g);
	gguf_build_free(&b);
	buf_free(&bytes);
	return ok;
}

static void the_shape_of_every_family_is_read(void **state)
{
	(void)state;
	for (size_t a = 0; a < n_archs; a++) {
		struct tiny_spec s = tiny_spec(archs[a].name, DTYPE_F16);
		struct err e = { .code = ERR_NONE };
		struct hparams hp;

		if (!read(&s, NULL, &hp, &e))
			fail_msg("%s: %s", archs[a].name, e.msg);
		CHECK(hp.arch == &archs[a]);
		CHECK(hp.n_layers == 2 && hp.d_model == 64 && hp.n_heads == 4 && hp.d_head == 16 && hp.d_ff == 96);
		CHECK(hp.n_kv_heads == s.n_kv_heads && hp.n_vocab == TINY_VOCAB && hp.n_ctx_train == 128);
		CHECK_INT(hp.n_rot, archs[a].rope == ROPE_NONE ? 0 : 16);
		CHECK(hp.norm_eps == 1e-5f && hp.rope_base == 10000 && hp.rope_scale == 1);
	}
}

static void linear_4(struct gguf_build *b)
{
	gguf_build_str(b, "llama.rope.scaling.type", "linear");
	gguf_build_f32(b, "llama.rope.scaling.factor", 4);
}
static void none_4(struct gguf_build *b)
{
	gguf_build_str(b, "llama.rope.scaling.type", "none");
	gguf_build_f32(b, "llama.rope.scaling.factor", 4);
}
static void untyped_2(struct gguf_build *b) { gguf_build_f32(b, "llama.rope.scaling.factor", 2); }
static void old_key_8(struct gguf_build *b) { gguf_build_f32(b, "llama.rope.scale_linear", 8); }
static void factor_0(struct gguf_build *b) { gguf_build_f32(b, "llama.rope.scaling.factor", 0); }

static void linear_scaling_is_read_as_llama_cpp_reads_it(void **state)
{
	static const struct { void (*change)(struct gguf_build *b); float scale; } cases[] = {
		{ linear_4, 4 }, { none_4, 1 }, { untyped_2, 2 }, { old_key_8, 8 }, { factor_0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tiny_spec s = tiny_spec("llama", DTYPE_F16);
		struct err e = { .code = ERR_NONE };
		struct hparams hp;

		CHECK(read(&s, cases[i].change, &hp, &e));
		CHECK(hp.rope_scale == cases[i].scale);
	}
}

static void harmless(struct gguf_build *b)
{
	gguf_build_u32(b, "llama.expert_count", 0);
	gguf_build_u32(b, "llama.attention.sliding_window", 128);
	gguf_build_u32(b, "llama.attention.key_length", 16);
	gguf_build_u32(b, "llama.attention.value_length", 16);
	gguf_build_u32(b, "llama.rope.dimension_count", 8);
	gguf_build_f32(b, "llama.rope.freq_base", 500000);
	gguf_build_bool(b, "llama.attention.causal", true);
}

static void keys_that_change_nothing_are_welcome(void **state)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_F16);
	struct err e = { .code = ERR_NONE };
	struct hparams hp;

	(void)state;
	CHECK(read(&s, harmless, &hp, &e));
	CHECK(hp.n_rot == 8 && hp.rope_base == 500000);
}

static const struct hparams good = {
	.n_layers = 2, .d_model = 64, .n_heads = 4, .n_kv_heads = 2, .d_head = 16, .d_ff = 96, .n_vocab = 320,
	.n_ctx_train = 128, .n_rot = 16, .norm_eps = 1e-5f, .rope_base = 10000, .rope_scale = 1,
};

static void every_bad_number_is_named(void **state)
{
	static const struct { size_t at; int v; const char *word; } cases[] = {
#define F(field) offsetof(struct hparams, field)
		{ F(n_layers), 0, "layers" }, { F(n_layers), 1025, "expected 1 to 1024" }, { F(n_layers), INT32_MIN, "layers" },
		{ F(d_model), 0, "embedding_length" }, { F(d_model), 65537, "embedding_length" }, { F(d_model), 66, "multiple" },
		{ F(n_heads), 0, "head_count" }, { F(n_heads), 128, "head_count" }, { F(n_heads), 3, "multiple" },
		{ F(n_kv_heads), 0, "head_count_kv" }, { F(n_kv_heads), 5, "head_count_kv" }, { F(n_kv_heads), 3, "multiple" },
		{ F(d_head), 8, "channels" }, { F(d_ff), 0, "feed_forward" }, { F(d_ff), INT32_MAX, "feed_forward" },
		{ F(n_vocab), 0, "vocabulary" }, { F(n_vocab), (1 << 20) + 1, "vocabulary" }, { F(n_ctx_train), 0, "context_length" },
		{ F(n_ctx_train), INT32_MAX, "context_length" }, { F(n_rot), 15, "even" }, { F(n_rot), 18, "dimension_count" },
		{ F(n_rot), 0, "dimension_count" },
	};
	static const struct { size_t at; float v; const char *word; } reals[] = {
		{ F(norm_eps), NAN, "epsilon" }, { F(norm_eps), INFINITY, "epsilon" }, { F(norm_eps), 0, "epsilon" },
		{ F(norm_eps), -0.0f, "epsilon" }, { F(norm_eps), -1e-5f, "epsilon" }, { F(norm_eps), 1e-42f, "epsilon" },
		{ F(rope_base), NAN, "freq_base" }, { F(rope_base), 0, "freq_base" }, { F(rope_base), INFINITY, "freq_base" },
		{ F(rope_scale), NAN, "scaling.factor" }, { F(rope_scale), -1, "scaling.factor" },
	};
	struct err e = { .code = ERR_NONE };
	struct hparams hp = good;

	(void)state;
	hp.arch = arch_find("llama", 5);
	CHECK(hparams_check(&hp, &e));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct hparams bad = hp;

		memcpy((char *)&bad + cases[i].at, &cases[i].v, sizeof(int));
		if (hparams_check(&bad, &e) || !strstr(e.msg, cases[i].word))
			fail_msg("case %zu (%s): %s", i, cases[i].word, e.msg);
		CHECK(e.code == ERR_FILE || e.code == ERR_UNSUPPORTED);
	}
	for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
		struct hparams bad = hp;

		memcpy((char *)&bad + reals[i].at, &reals[i].v, sizeof(float));
		if (hparams_check(&bad, &e) || !strstr(e.msg, reals[i].word) || e.code != ERR_FILE)
			fail_msg("case %zu (%s): %s", i, reals[i].word, e.msg);
	}
}

static void a_family_without_rope_has_nothing_to_turn(void **state)
{
	struct err e = { .code = ERR_NONE };
	struct hparams hp = good;

	(void)state;
	hp.arch = arch_find("gpt2", 4);
	CHECK(!hparams_check(&hp, &e));
	hp.n_rot = 0;
	CHECK(hparams_check(&hp, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_shape_of_every_family_is_read), TEST(linear_scaling_is_read_as_llama_cpp_reads_it),
		TEST(keys_that_change_nothing_are_welcome), TEST(every_bad_number_is_named),
		TEST(a_family_without_rope_has_nothing_to_turn),
	};

	return RUN(tests);
}
