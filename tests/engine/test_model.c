#include "tests/test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/gguf.h"
#include "engine/model.h"
#include "tests/gguf_build.h"
#include "tests/tiny_model.h"

static void every_family_and_type_opens_as_a_model(void **state)
{
	(void)state;
	for (size_t a = 0; a < n_archs; a++)
		for (int t = 0; t < N_DTYPES; t++) {
			struct tiny_spec s = tiny_spec(archs[a].name, (enum dtype)t);
			struct err e = { .code = ERR_NONE };
			struct tiny m;

			if (!tiny_open(&m, &s, &e))
				fail_msg("%s %s: %s", archs[a].name, dtypes[t]->name, e.msg);
			CHECK_INT(vocab_size(m.model->vocab), TINY_VOCAB);
			CHECK_STR(m.model->name, "tiny");
			CHECK(m.model->gguf && !m.model->bin && m.model->file_bytes == m.bytes.len);
			tiny_close(&m);
		}
}

static void the_same_spec_gives_the_same_bytes_and_another_seed_others(void **state)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_Q4_K);
	struct buf a = { .data = NULL }, b = { .data = NULL };

	(void)state;
	tiny_bytes(&s, &a);
	tiny_bytes(&s, &b);
	CHECK(a.len == b.len && !memcmp(a.data, b.data, a.len));
	buf_clear(&b);
	s.seed++;
	tiny_bytes(&s, &b);
	CHECK(a.len == b.len && memcmp(a.data, b.data, a.len));
	buf_free(&a);
	buf_free(&b);
}

static void weights_and_bytes_are_counted(void **state)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_F32);
	struct err e = { .code = ERR_NONE };
	struct tiny m;
	/* d 64, kv 32, ff 96: q, k, v, out, gate, up, down and two norms a layer. */
	uint64_t layer = 64 * 64 + 2 * 32 * 64 + 64 * 64 + 3 * 96 * 64 + 2 * 64, embd = TINY_VOCAB * 64;

	(void)state;
	CHECK(tiny_open(&m, &s, &e));
	CHECK_INT(model_n_params(m.model), 2 * layer + embd + 64);
	CHECK_INT(model_bytes_per_token(m.model), 4 * (2 * layer + embd + 64 + 64));
	tiny_close(&m);
	s.own_head = true;
	CHECK(tiny_open(&m, &s, &e));
	CHECK_INT(model_n_params(m.model), 2 * layer + 2 * embd + 64);
	CHECK_INT(model_bytes_per_token(m.model), 4 * (2 * layer + embd + 64 + 64));
	tiny_close(&m);
}

static void a_file_is_opened_by_what_it_is(void **state)
{
	struct tiny_spec s = tiny_spec("qwen2", DTYPE_Q5_1);
	struct err e = { .code = ERR_NONE };
	struct buf bytes = { .data = NULL };
	struct model *m;
	char *path;

	(void)state;
	tiny_bytes(&s, &bytes);
	path = tiny_temp_file(bytes.data, bytes.len, ".bin");
	m = model_open(path, NULL, &e);
	CHECK(m && m->gguf && !strcmp(m->path, path));
	model_close(m);
	unlink(path);
	free(path);
	buf_free(&bytes);
	path = tiny_temp_file("PK\3\4......................................", 40, ".bin");
	CHECK(!model_open(path, NULL, &e) && e.code == ERR_FILE && strstr(e.msg, "looks like a zip archive"));
	unlink(path);
	free(path);
	path = tiny_temp_file("hello there, this is no model at all.", 37, ".gguf");
	CHECK(!model_open(path, NULL, &e) && strstr(e.msg, "starts with \"hell\", expected \"GGUF\""));
	unlink(path);
	free(path);
}

static void the_vocabulary_must_fit_the_embedding(void **state)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_F32);
	struct err e = { .code = ERR_NONE };
	struct buf bytes = { .data = NULL };
	struct gguf_build b;

	(void)state;
	gguf_build_init(&b);
	tiny_hparams(&b, &s);
	gguf_build_str(&b, "tokenizer.ggml.model", "llama");
	gguf_build_strings(&b, "tokenizer.ggml.tokens", (const char *[]){ "<unk>", "a" }, 2);
	tiny_tensors(&b, &s);
	gguf_build_bytes(&b, &bytes);
	CHECK(!model_open_mem("m.gguf", bytes.data, bytes.len, &e));
	CHECK(e.code == ERR_FILE && strstr(e.msg, "m.gguf: ") == e.msg && strstr(e.msg, "320"));
	buf_free(&bytes);
	gguf_build_free(&b);
}

/* A llama2.c model in a directory of its own. */
struct place {
	char dir[64];
	struct buf path;
};

static void put_file(const struct place *p, const char *name, const void *data, size_t n)
{
	struct buf path = { .data = NULL };

	buf_printf(&path, "%s/%s", p->dir, name);
	FILE *f = fopen(path.data, "wb");
	CHECK(f && fwrite(data, 1, n, f) == n);
	fclose(f);
	buf_free(&path);
}

static void remove_file(const struct place *p, const char *name)
{
	struct buf path = { .data = NULL };

	buf_printf(&path, "%s/%s", p->dir, name);
	unlink(path.data);
	buf_free(&path);
}

static void make_place(struct place *p)
{
	static const int32_t header[7] = { 8, 12, 1, 2, 2, 3, 4 };
	struct buf b = { .data = NULL };
	int floats = 3 * 8 + 8 + 4 * 64 + 8 + 3 * 96 + 8 + 4 * 4;

	snprintf(p->dir, sizeof p->dir, "/tmp/clampmeter-test-XXXXXX");
	CHECK(mkdtemp(p->dir));
	buf_add(&b, header, sizeof header);
	for (int i = 0; i < floats; i++)
		gguf_build_put(&b, 0, 4);
	put_file(p, "m.bin", b.data, b.len);
	buf_free(&b);
	p->path = (struct buf){ .data = NULL };
	buf_printf(&p->path, "%s/m.bin", p->dir);
}

/* max_token_length, then (score, length, bytes) for three tokens. */
static void put_tokenizer(const struct place *p, const char *name)
{
	static const char *const pieces[] = { "<unk>", "<s>", "</s>" };
	struct buf b = { .data = NULL };

	gguf_build_put(&b, 5, 4);
	for (int i = 0; i < 3; i++) {
		gguf_build_put(&b, 0, 4);
		gguf_build_put(&b, strlen(pieces[i]), 4);
		buf_str(&b, pieces[i]);
	}
	put_file(p, name, b.data, b.len);
	buf_free(&b);
}

static void a_llama2c_model_finds_its_tokenizer(void **state)
{
	struct err e = { .code = ERR_NONE };
	struct buf named = { .data = NULL };
	struct place p;
	struct model *m;

	(void)state;
	make_place(&p);
	CHECK(!model_open(p.path.data, NULL, &e) && e.code == ERR_FILE && strstr(e.msg, "--tokenizer"));
	put_tokenizer(&p, "tok512.bin");
	m = model_open(p.path.data, NULL, &e);
	if (!m)
		fail_msg("%s", e.msg);
	CHECK(m->bin && !m->gguf);
	CHECK_STR(m->name, "m.bin");
	model_close(m);
	put_tokenizer(&p, "tok4096.bin");
	CHECK(!model_open(p.path.data, NULL, &e) && strstr(e.msg, "several tok*.bin"));
	put_tokenizer(&p, "tokenizer.bin");
	m = model_open(p.path.data, NULL, &e);
	CHECK(m);
	model_close(m);
	buf_printf(&named, "%s/tok4096.bin", p.dir);
	m = model_open(p.path.data, named.data, &e);
	CHECK(m);
	model_close(m);
	CHECK(!model_open(p.path.data, "/nonexistent/tok.bin", &e) && strstr(e.msg, "/nonexistent/tok.bin"));
	remove_file(&p, "tok512.bin");
	remove_file(&p, "tok4096.bin");
	remove_file(&p, "tokenizer.bin");
	remove_file(&p, "m.bin");
	rmdir(p.dir);
	buf_free(&named);
	buf_free(&p.path);
}

static void the_shared_models_open(void **state)
{
	static const char *const paths[] = {
		SHARED "models/stories260K.gguf", SHARED "models/stories260K-pad192-Q4_0.gguf", SHARED "models/stories260K.bin",
	};

	(void)state;
	if (access(paths[0], R_OK))
		SKIP("no " SHARED "models");
	for (size_t i = 0; i < 3; i++) {
		struct err e = { .code = ERR_NONE };
		struct model *m = model_open(paths[i], NULL, &e);

		if (!m)
			fail_msg("%s", e.msg);
		CHECK(m->hp.n_layers == 5 && vocab_size(m->vocab) == 512);
		model_close(m);
	}
	struct err e = { .code = ERR_NONE };
	CHECK(!model_open(SHARED "tokenizers/gpt-2.gguf", NULL, &e));
	CHECK(e.code == ERR_UNSUPPORTED && strstr(e.msg, "a vocabulary, not a model"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_family_and_type_opens_as_a_model), TEST(the_same_spec_gives_the_same_bytes_and_another_seed_others),
		TEST(weights_and_bytes_are_counted), TEST(a_file_is_opened_by_what_it_is),
		TEST(the_vocabulary_must_fit_the_embedding), TEST(a_llama2c_model_finds_its_tokenizer), TEST(the_shared_models_open),
	};

	return RUN(tests);
}
