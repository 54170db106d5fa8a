#include "tests/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/llama2c.h"
#include "engine/weights.h"
#include "tests/gguf_build.h"
#include "tests/tiny_model.h"

/* dim 8, hidden 12, 2 layers, 4 heads in 2 groups, 10 tokens, 6 positions. */
enum { DIM = 8, HIDDEN = 12, LAYERS = 2, HEADS = 4, KV = 2, VOCAB = 10, SEQ = 6, HEAD = DIM / HEADS };
enum {
	LAYER_FLOATS = DIM + DIM * DIM + 2 * KV * HEAD * DIM + DIM * DIM + DIM + 3 * HIDDEN * DIM,
	FLOATS = VOCAB * DIM + LAYERS * LAYER_FLOATS + DIM + SEQ * HEAD,
};

static void write_header(struct buf *b, const int32_t v[7])
{
	for (int i = 0; i < 7; i++)
		gguf_build_put(b, (uint32_t)v[i], 4);
}

/* Every weight is its own index, so a test sees which one it got. */
static void write_model(struct buf *b, bool own_head)
{
	const int32_t v[7] = { DIM, HIDDEN, LAYERS, HEADS, KV, own_head ? -VOCAB : VOCAB, SEQ };
	int n = FLOATS + (own_head ? VOCAB * DIM : 0);

	write_header(b, v);
	for (int i = 0; i < n; i++)
		buf_add(b, &(float){ (float)i }, 4);
}

static float first(const struct tensor *t)
{
	float row[HIDDEN];

	tensor_row_f32(t, 0, row);
	return row[0];
}

static void tensors_lie_in_the_order_of_run_c(void **state)
{
	struct err e = { .code = ERR_NONE };
	struct buf b = { .data = NULL };
	struct llama2c *m;
	struct weights w;

	(void)state;
	write_model(&b, false);
	m = llama2c_open_mem("m.bin", b.data, b.len, &e);
	CHECK(m && weights_bind(&w, llama2c_tensors(m), llama2c_hparams(m), &e));
	CHECK(w.tied_head && llama2c_size(m) == b.len);
	/* Each kind of tensor lies for all layers in a row. */
	size_t at = VOCAB * DIM;
	CHECK(first(w.layers[0].attn_norm) == at && first(w.layers[1].attn_norm) == at + DIM);
	at += LAYERS * DIM;
	CHECK(first(w.layers[0].q) == at && first(w.layers[1].q) == at + DIM * DIM);
	at += LAYERS * DIM * DIM;
	CHECK(first(w.layers[1].k) == at + KV * HEAD * DIM);
	at += LAYERS * KV * HEAD * DIM;
	CHECK(first(w.layers[0].v) == at);
	at += LAYERS * KV * HEAD * DIM;
	CHECK(first(w.layers[0].attn_out) == at);
	at += LAYERS * DIM * DIM;
	CHECK(first(w.layers[0].mlp_norm) == at);
	at += LAYERS * DIM;
	CHECK(first(w.layers[0].gate) == at);
	at += LAYERS * HIDDEN * DIM;
	CHECK(first(w.layers[0].down) == at && w.layers[0].down->cols == HIDDEN);
	at += LAYERS * HIDDEN * DIM;
	CHECK(first(w.layers[0].up) == at);
	at += LAYERS * HIDDEN * DIM;
	CHECK(first(w.final_norm) == at);
	CHECK_STR(w.layers[1].up->name, "blk.1.ffn_up.weight");
	weights_free(&w);
	llama2c_close(m);
	buf_free(&b);
}

static void a_negative_vocabulary_means_a_head_of_its_own(void **state)
{
	struct err e = { .code = ERR_NONE };
	struct buf b = { .data = NULL };
	struct llama2c *m;
	struct weights w;

	(void)state;
	write_model(&b, true);
	m = llama2c_open_mem("m.bin", b.data, b.len, &e);
	CHECK(m && weights_bind(&w, llama2c_tensors(m), llama2c_hparams(m), &e));
	CHECK(!w.tied_head && first(w.lm_head) == FLOATS && llama2c_hparams(m)->n_vocab == VOCAB);
	weights_free(&w);
	llama2c_close(m);
	buf_free(&b);
}

static void the_size_must_be_exact(void **state)
{
	struct err e = { .code = ERR_NONE };
	struct buf b = { .data = NULL };

	(void)state;
	write_model(&b, false);
	for (size_t n = 0; n < b.len; n++)
		CHECK(!llama2c_open_mem("m.bin", b.data, n, &e) && e.code == ERR_FILE && strstr(e.msg, "left in the file"));
	buf_char(&b, 0);
	CHECK(!llama2c_open_mem("m.bin", b.data, b.len, &e) && strstr(e.msg, "1 bytes are left over"));
	buf_free(&b);
}

static void every_bad_header_is_named(void **state)
{
	static const struct { int32_t v[7]; const char *word; } cases[] = {
		{ { 0, 12, 2, 4, 2, 10, 6 }, "dim is 0" }, { { -8, 12, 2, 4, 2, 10, 6 }, "dim is -8" },
		{ { 8, 0, 2, 4, 2, 10, 6 }, "hidden_dim" }, { { 8, 12, 0, 4, 2, 10, 6 }, "n_layers" },
		{ { 8, 12, 2, 0, 2, 10, 6 }, "n_heads" }, { { 8, 12, 2, 4, 0, 10, 6 }, "n_kv_heads" },
		{ { 8, 12, 2, 4, 2, 0, 6 }, "vocab_size" }, { { 8, 12, 2, 4, 2, INT32_MIN, 6 }, "vocab_size" },
		{ { 8, 12, 2, 4, 2, 10, 0 }, "seq_len" }, { { 8, 12, 2, 3, 3, 10, 6 }, "multiple" },
		{ { 8, 12, 2, 4, 3, 10, 6 }, "multiple" }, { { 8, 12, 2, 4, 8, 10, 6 }, "head_count_kv" },
		{ { 12, 12, 2, 4, 2, 10, 6 }, "even" }, { { 1 << 30, 12, 2, 4, 2, 10, 6 }, "embedding_length" },
		{ { 8, INT32_MAX, 2, 4, 2, 10, 6 }, "feed_forward" }, { { 8, 12, INT32_MAX, 4, 2, 10, 6 }, "layers" },
		{ { 8, 12, 2, 4, 2, INT32_MAX, 6 }, "vocabulary" }, { { 8, 12, 2, 4, 2, 10, INT32_MAX }, "context_length" },
		{ { 65536, 1 << 20, 1024, 2, 2, 1 << 20, 1 << 24 }, "left in the file" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = { .code = ERR_NONE };
		struct buf b = { .data = NULL };

		write_header(&b, cases[i].v);
		for (int k = 0; k < 100; k++)
			gguf_build_put(&b, 0, 4);
		if (llama2c_open_mem("m.bin", b.data, b.len, &e) || !strstr(e.msg, cases[i].word) || strncmp(e.msg, "m.bin: ", 7))
			fail_msg("case %zu (%s): %s", i, cases[i].word, e.msg);
		CHECK_INT(e.code, ERR_FILE);
		buf_free(&b);
	}
}

static void the_shared_model_binds(void **state)
{
	static const char path[] = SHARED "models/stories260K.bin";
	struct err e = { .code = ERR_NONE };
	struct llama2c *m;
	struct weights w;

	(void)state;
	if (access(path, R_OK))
		SKIP("no " SHARED "models");
	m = llama2c_open(path, &e);
	CHECK(m && weights_bind(&w, llama2c_tensors(m), llama2c_hparams(m), &e));
	const struct hparams *hp = llama2c_hparams(m);
	CHECK(hp->d_model == 64 && hp->n_layers == 5 && hp->n_heads == 8 && hp->n_kv_heads == 4 && hp->n_vocab == 512);
	weights_free(&w);
	llama2c_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tensors_lie_in_the_order_of_run_c), TEST(a_negative_vocabulary_means_a_head_of_its_own),
		TEST(the_size_must_be_exact), TEST(every_bad_header_is_named), TEST(the_shared_model_binds),
	};

	return RUN(tests);
}
