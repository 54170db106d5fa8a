#include "tests/test.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/vocab.h"
#include "tests/gguf_build.h"
#include "tests/tiny_model.h"

#define SP "\xe2\x96\x81"

/* A vocabulary in a GGUF in memory. */
struct open_vocab {
	struct buf bytes;
	struct gguf *g;
	struct vocab *v;
	struct err e;
};

static bool open_built(struct open_vocab *o, struct gguf_build *b, int n_expected)
{
	*o = (struct open_vocab){0};
	gguf_build_bytes(b, &o->bytes);
	gguf_build_free(b);
	o->g = gguf_open_mem("test", o->bytes.data, o->bytes.len, &o->e);
	if (!o->g)
		fail_msg("%s", o->e.msg);
	o->v = vocab_from_gguf(o->g, n_expected, &o->e);
	return o->v != NULL;
}

static void close_vocab(struct open_vocab *o)
{
	vocab_free(o->v);
	gguf_close(o->g);
	buf_free(&o->bytes);
}

static void put_tokens(struct gguf_build *b, const char *model, const char *const *tokens, const int32_t *kinds, size_t n)
{
	gguf_build_init(b);
	gguf_build_str(b, "tokenizer.ggml.model", model);
	gguf_build_strings(b, "tokenizer.ggml.tokens", tokens, n);
	if (kinds)
		gguf_build_array(b, "tokenizer.ggml.token_type", GGUF_I32, n, kinds, n * sizeof *kinds);
}

static const char *const spm_tokens[] = { "<unk>", "<s>", "</s>", "<0x0A>", SP, "a", "b", "ab", SP "ab", "<|user|>",
	"<|us", "[tool]", "<0x7A>" };
static const int32_t spm_kinds[] = { 2, 3, 3, 6, 1, 1, 1, 1, 1, 3, 3, 4, 6 };
static const float spm_scores[] = { 0, 0, 0, 0, -9, -9, -9, -1, -2, 0, 0, 0, 0 };
enum { N_SPM = 13 };

static void put_spm(struct gguf_build *b)
{
	put_tokens(b, "llama", spm_tokens, spm_kinds, N_SPM);
	gguf_build_array(b, "tokenizer.ggml.scores", GGUF_F32, N_SPM, spm_scores, sizeof spm_scores);
}

static const char *const bpe_tokens[] = { "a", "b", "\xc4\xa0", "\xc4\xa0\141", "<|endoftext|>", "<|im_end|>", "\xc3\x83",
	"\xc2\xa9", "\xef\xbd\x9c", "ab" };
static const int32_t bpe_kinds[] = { 1, 1, 1, 1, 3, 1, 1, 1, 1, 1 };
enum { N_BPE = 10 };

static void put_bpe(struct gguf_build *b, const char *pre)
{
	static const char *const merges[] = { "\xc4\xa0 a" };

	put_tokens(b, "gpt2", bpe_tokens, bpe_kinds, N_BPE);
	gguf_build_strings(b, "tokenizer.ggml.merges", merges, 1);
	gguf_build_u32(b, "tokenizer.ggml.bos_token_id", 4);
	gguf_build_u32(b, "tokenizer.ggml.eos_token_id", 4);
	if (pre)
		gguf_build_str(b, "tokenizer.ggml.pre", pre);
}

static void check_printed(const struct vocab *v, int id, const char *want)
{
	size_t n;
	const char *s = vocab_bytes(v, id, &n);

	CHECK_INT(n, strlen(want));
	CHECK(!memcmp(s, want, n));
}

static void check_encoded(const struct vocab *v, const char *text, bool add_bos, bool special, const int32_t *want, size_t n)
{
	struct err e = {0};
	int32_t *ids;
	size_t n_ids;

	if (!vocab_encode(v, text, strlen(text), add_bos, special, &ids, &n_ids, &e))
		fail_msg("%s", e.msg);
	if (n_ids != n || (n && memcmp(ids, want, n * sizeof *ids) != 0)) {
		for (size_t i = 0; i < n_ids; i++)
			print_error("%d ", ids[i]);
		fail_msg("\"%s\"", text);
	}
	free(ids);
}

#define IDS(...) (int32_t[]){ __VA_ARGS__ }, sizeof(int32_t[]){ __VA_ARGS__ } / sizeof(int32_t)

static void a_sentencepiece_vocabulary_is_read_and_printed(void **state)
{
	struct gguf_build b;
	struct open_vocab o;
	size_t n;

	(void)state;
	put_spm(&b);
	CHECK(open_built(&o, &b, N_SPM));
	CHECK_INT(vocab_size(o.v), N_SPM);
	CHECK_INT(vocab_bos(o.v), 1);
	CHECK_INT(vocab_eos(o.v), 2);
	CHECK(vocab_add_bos(o.v));
	CHECK_STR(vocab_describe(o.v), "SentencePiece BPE");
	CHECK_INT(vocab_kind(o.v, 3), TOKEN_BYTE);
	check_printed(o.v, 3, "\n");
	check_printed(o.v, 8, " ab");
	check_printed(o.v, 1, "<s>");
	CHECK(!memcmp(vocab_raw(o.v, 8, &n), SP "ab", 5) && n == 5);
	CHECK_INT(vocab_find(o.v, " ab", 3), 8);
	CHECK_INT(vocab_find(o.v, "\n", 1), 3);
	CHECK_INT(vocab_find(o.v, "<s>", 3), 1);
	CHECK_INT(vocab_find(o.v, "<0x0A>", 6), -1);
	CHECK_INT(vocab_find(o.v, "abab", 4), -1);
	CHECK_INT(vocab_find(o.v, "", 0), -1);
	CHECK(vocab_is_end(o.v, 2) && !vocab_is_end(o.v, 1) && !vocab_is_end(o.v, -1) && !vocab_is_end(o.v, N_SPM));
	close_vocab(&o);
}

static void a_byte_level_vocabulary_prints_the_bytes_behind_its_letters(void **state)
{
	struct gguf_build b;
	struct open_vocab o;

	(void)state;
	put_bpe(&b, "gpt-2");
	CHECK(open_built(&o, &b, 0));
	CHECK_STR(vocab_describe(o.v), "byte-level BPE (gpt-2)");
	check_printed(o.v, 3, " a");
	check_printed(o.v, 6, "\xc3");
	check_printed(o.v, 7, "\xa9");
	check_printed(o.v, 8, "\xef\xbd\x9c");
	check_printed(o.v, 4, "<|endoftext|>");
	CHECK_INT(vocab_find(o.v, " a", 2), 3);
	CHECK_INT(vocab_find(o.v, "\xc3", 1), 6);
	CHECK_INT(vocab_find(o.v, "<|im_end|>", 10), 5);
	CHECK(!vocab_add_bos(o.v));
	check_encoded(o.v, "a ab\xc3\xa9", false, false, IDS(0, 3, 1, 6, 7));
	close_vocab(&o);
}

static void the_pre_tokenizer_decides_about_bos_and_whole_words_unless_the_file_does(void **state)
{
	struct gguf_build b;
	struct open_vocab o;

	(void)state;
	put_bpe(&b, "llama-bpe");
	CHECK(open_built(&o, &b, 0));
	CHECK(vocab_add_bos(o.v));
	check_encoded(o.v, "ab", true, false, IDS(4, 9));
	close_vocab(&o);
	put_bpe(&b, "llama-bpe");
	gguf_build_bool(&b, "tokenizer.ggml.add_bos_token", false);
	CHECK(open_built(&o, &b, 0));
	CHECK(!vocab_add_bos(o.v));
	close_vocab(&o);
	put_bpe(&b, "gpt-2");
	CHECK(open_built(&o, &b, 0));
	check_encoded(o.v, "ab", false, false, IDS(0, 1));
	close_vocab(&o);
}

static void a_missing_pre_tokenizer_is_said_and_an_unknown_one_refused(void **state)
{
	struct gguf_build b;
	struct open_vocab o;

	(void)state;
	put_bpe(&b, NULL);
	CHECK(open_built(&o, &b, 0));
	CHECK(strstr(vocab_describe(o.v), "default"));
	close_vocab(&o);
	put_bpe(&b, "gpt-77");
	CHECK(!open_built(&o, &b, 0));
	CHECK_INT(o.e.code, ERR_UNSUPPORTED);
	CHECK(strstr(o.e.msg, "gpt-77"));
	close_vocab(&o);
}

static void special_tokens_are_found_on_request_and_user_defined_ones_always(void **state)
{
	struct gguf_build b;
	struct open_vocab o;

	(void)state;
	put_spm(&b);
	CHECK(open_built(&o, &b, 0));
	check_encoded(o.v, "ab", true, false, IDS(1, 8));
	check_encoded(o.v, "", true, false, IDS(1));
	check_encoded(o.v, "", false, false, NULL, 0);
	check_encoded(o.v, "ab<|user|>ab", false, true, IDS(8, 9, 8));
	/* The longer name wins, the shorter one still counts elsewhere. */
	check_encoded(o.v, "<|us<|user|></s>", false, true, IDS(10, 9, 2));
	check_encoded(o.v, "<s>", false, false, IDS(4, 0, 0, 0));
	check_encoded(o.v, "ab[tool]b", false, false, IDS(8, 11, 4, 6));
	check_encoded(o.v, "z\n", false, false, IDS(4, 12, 3));
	close_vocab(&o);
}

static void special_tokens_inside_plain_spans_are_text(void **state)
{
	static const char text[] = "<|user|><|user|>ab<|user|>[tool]";
	struct vocab_span plain[] = { { 8, 8 }, { 19, 13 } };
	struct gguf_build b;
	struct open_vocab o;
	int32_t *ids;
	size_t n, n_user = 0, n_tool = 0;

	(void)state;
	put_spm(&b);
	CHECK(open_built(&o, &b, 0));
	CHECK(vocab_encode_spans(o.v, text, sizeof text - 1, true, plain, 2, &ids, &n, &o.e));
	CHECK_INT(ids[0], 1);
	CHECK_INT(ids[1], 9);
	for (size_t i = 0; i < n; i++) {
		n_user += ids[i] == 9;
		n_tool += ids[i] == 11;
	}
	CHECK_INT(n_user, 1);
	CHECK_INT(n_tool, 1);
	free(ids);
	close_vocab(&o);
}

static void text_that_spells_a_control_token_stays_text(void **state)
{
	static const char *const tokens[] = { "<unk>", "<", "s", ">", "<s", "<s>", "\xc4\xa0" };
	static const int32_t kinds[] = { 2, 1, 1, 1, 1, 3, 1 };
	static const char *const merges[] = { "< s", "<s >" };
	struct gguf_build b;
	struct open_vocab o;

	(void)state;
	put_tokens(&b, "llama", tokens, kinds, 7);
	gguf_build_bool(&b, "tokenizer.ggml.add_space_prefix", false);
	CHECK(open_built(&o, &b, 0));
	check_encoded(o.v, "<s>", false, false, IDS(4, 3));
	check_encoded(o.v, "<s>", false, true, IDS(5));
	close_vocab(&o);
	put_tokens(&b, "gpt2", tokens, kinds, 7);
	gguf_build_strings(&b, "tokenizer.ggml.merges", merges, 2);
	gguf_build_str(&b, "tokenizer.ggml.pre", "gemma4");
	CHECK(open_built(&o, &b, 0));
	check_encoded(o.v, "<s>", false, false, IDS(4, 3));
	check_encoded(o.v, "<s>", false, true, IDS(5));
	close_vocab(&o);
}

static void phi3s_special_tokens_swallow_the_spaces_behind_them(void **state)
{
	struct gguf_build b;
	struct open_vocab o;

	(void)state;
	put_spm(&b);
	gguf_build_str(&b, "general.name", "My Phi-3 Mini");
	CHECK(open_built(&o, &b, 0));
	check_encoded(o.v, "<|user|> \n ab<s> ab", false, true, IDS(9, 8, 1, 4, 8));
	close_vocab(&o);
}

static void tokens_known_to_end_a_turn_end_it(void **state)
{
	static const char *const names[] = { "x", "<|eot_id|>", "<|end|>", "<|return|>", "<|call|>", "<end_of_turn>",
		"<|channel|>", "<eof>" };
	struct gguf_build b;
	struct open_vocab o;

	(void)state;
	put_tokens(&b, "llama", names, NULL, 3);
	gguf_build_u32(&b, "tokenizer.ggml.eos_token_id", 0);
	CHECK(open_built(&o, &b, 0));
	CHECK(vocab_is_end(o.v, 0) && vocab_is_end(o.v, 1) && vocab_is_end(o.v, 2));
	CHECK_INT(vocab_kind(o.v, 1), TOKEN_CONTROL);
	close_vocab(&o);
	/* Where <|return|> and <|call|> end turns, <|end|> only ends a message. */
	put_tokens(&b, "llama", names, NULL, 8);
	CHECK(open_built(&o, &b, 0));
	CHECK(vocab_is_end(o.v, 3) && vocab_is_end(o.v, 4) && vocab_is_end(o.v, 5));
	CHECK(!vocab_is_end(o.v, 7));
	CHECK_INT(vocab_kind(o.v, 6), TOKEN_USER);
	CHECK_INT(vocab_kind(o.v, 7), TOKEN_NORMAL);
	close_vocab(&o);
}

static void ids_outside_the_vocabulary_are_refused_and_the_customary_ones_dropped(void **state)
{
	static const char *const one[] = { "a" };
	static const char *const keys[] = { "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id",
		"tokenizer.ggml.unknown_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id" };
	struct gguf_build b;
	struct open_vocab o;

	(void)state;
	put_tokens(&b, "llama", one, NULL, 1);
	CHECK(open_built(&o, &b, 0));
	CHECK_INT(vocab_bos(o.v), -1);
	CHECK_INT(vocab_eos(o.v), -1);
	CHECK(!vocab_add_bos(o.v));
	close_vocab(&o);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		put_spm(&b);
		gguf_build_u32(&b, keys[i], N_SPM);
		CHECK(!open_built(&o, &b, 0));
		CHECK_INT(o.e.code, ERR_FILE);
		CHECK(strstr(o.e.msg, keys[i]));
		close_vocab(&o);
		put_spm(&b);
		gguf_build_u32(&b, keys[i], UINT32_MAX);
		CHECK(open_built(&o, &b, 0));
		close_vocab(&o);
	}
}

static void arrays_of_the_wrong_type_or_length_are_refused(void **state)
{
	static const float nan_score[N_SPM] = { NAN };
	static const int32_t wild_kind[N_SPM] = { [4] = 77 };
	static const unsigned char bytes[N_SPM] = {0};
	struct { const char *key; enum gguf_type type; size_t n; const void *data; size_t bytes; } cases[] = {
		{ "tokenizer.ggml.scores", GGUF_U8, N_SPM, bytes, N_SPM },
		{ "tokenizer.ggml.scores", GGUF_F32, N_SPM - 1, spm_scores, sizeof spm_scores - 4 },
		{ "tokenizer.ggml.scores", GGUF_F32, N_SPM, nan_score, sizeof nan_score },
		{ "tokenizer.ggml.token_type", GGUF_U8, N_SPM, bytes, N_SPM },
		{ "tokenizer.ggml.token_type", GGUF_I32, N_SPM - 1, spm_kinds, sizeof spm_kinds - 4 },
		{ "tokenizer.ggml.token_type", GGUF_I32, N_SPM, wild_kind, sizeof wild_kind },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct gguf_build b;
		struct open_vocab o;

		put_tokens(&b, "llama", spm_tokens, NULL, N_SPM);
		gguf_build_array(&b, cases[i].key, cases[i].type, cases[i].n, cases[i].data, cases[i].bytes);
		CHECK(!open_built(&o, &b, 0));
		CHECK_INT(o.e.code, ERR_FILE);
		CHECK(strstr(o.e.msg, cases[i].key));
		close_vocab(&o);
	}
}

static void a_vocabulary_must_fit_the_embedding_and_be_of_a_known_kind(void **state)
{
	struct gguf_build b;
	struct open_vocab o;

	(void)state;
	put_spm(&b);
	CHECK(!open_built(&o, &b, N_SPM + 1));
	CHECK_INT(o.e.code, ERR_FILE);
	close_vocab(&o);
	put_tokens(&b, "bert", spm_tokens, NULL, N_SPM);
	CHECK(!open_built(&o, &b, 0));
	CHECK_INT(o.e.code, ERR_UNSUPPORTED);
	CHECK(strstr(o.e.msg, "bert"));
	close_vocab(&o);
	put_tokens(&b, "llama", spm_tokens, NULL, 0);
	CHECK(!open_built(&o, &b, 0));
	close_vocab(&o);
	put_tokens(&b, "gpt2", bpe_tokens, NULL, N_BPE);
	CHECK(!open_built(&o, &b, 0));
	CHECK(strstr(o.e.msg, "merges"));
	close_vocab(&o);
	gguf_build_init(&b);
	CHECK(!open_built(&o, &b, 0));
	CHECK_INT(o.e.code, ERR_FILE);
	close_vocab(&o);
}

static void a_malformed_merge_is_told_at_every_encoding(void **state)
{
	static const char *const merges[] = { "a b", "ab" };
	struct gguf_build b;
	struct open_vocab o;
	struct err e;
	int32_t *ids;
	size_t n;

	(void)state;
	put_tokens(&b, "gpt2", bpe_tokens, NULL, N_BPE);
	gguf_build_strings(&b, "tokenizer.ggml.merges", merges, 2);
	CHECK(open_built(&o, &b, 0));
	for (int i = 0; i < 2; i++) {
		e = (struct err){0};
		CHECK(!vocab_encode(o.v, "a", 1, false, false, &ids, &n, &e));
		CHECK_INT(e.code, ERR_FILE);
		CHECK(strstr(e.msg, "merges[1]"));
	}
	CHECK_INT(vocab_find(o.v, "a", 1), -1);
	close_vocab(&o);
}

static void odd_pieces_do_no_harm(void **state)
{
	char *big = malloc((1 << 20) + 1);
	const char *tokens[] = { "<unk>", "", "a", "\xff\xfe", big, "a", "\x1b]52;c;x\a" };
	static const int32_t kinds[] = { 2, 3, 1, 4, 4, 1, 3 };
	struct gguf_build b;
	struct open_vocab o;
	size_t n;

	(void)state;
	memset(big, 'x', 1 << 20);
	big[1 << 20] = 0;
	put_tokens(&b, "llama", tokens, kinds, 7);
	CHECK(open_built(&o, &b, 0));
	/* Of equal pieces the last one counts; an empty one is never found. */
	check_encoded(o.v, "a\xff\xfexx", false, true, IDS(0, 0, 0, 5, 3, 0, 0, 0, 0, 0));
	vocab_bytes(o.v, 1, &n);
	CHECK_INT(n, 0);
	vocab_bytes(o.v, 4, &n);
	CHECK_INT(n, 1 << 20);
	big[3] = 0;
	check_encoded(o.v, big, false, false, IDS(0, 0, 0, 0, 0, 0));
	close_vocab(&o);
	free(big);
}

/* A threaded test: the lazy parts are built once, whoever comes first. */
static void *use_vocab(void *arg)
{
	struct open_vocab *o = arg;

	for (int i = 0; i < 20; i++) {
		check_encoded(o->v, "ab<|user|>ab", true, true, IDS(1, 8, 9, 8));
		check_printed(o->v, 8, " ab");
		CHECK_INT(vocab_find(o->v, "\n", 1), 3);
	}
	return NULL;
}

static void *use_byte_level_vocab(void *arg)
{
	struct open_vocab *o = arg;

	for (int i = 0; i < 20; i++) {
		check_encoded(o->v, "a ab\xc3\xa9", false, false, IDS(0, 3, 1, 6, 7));
		check_printed(o->v, 3, " a");
	}
	return NULL;
}

static void run_threads(struct gguf_build *b, void *(*use)(void *))
{
	struct open_vocab o;
	pthread_t thread[4];

	CHECK(open_built(&o, b, 0));
	for (int i = 0; i < 4; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, use, &o), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	close_vocab(&o);
}

static void many_threads_may_ask_first(void **state)
{
	struct gguf_build b;

	(void)state;
	put_spm(&b);
	run_threads(&b, use_vocab);
	put_bpe(&b, "gpt-2");
	run_threads(&b, use_byte_level_vocab);
}

static void put_llama2c(struct buf *out, float score, const char *s)
{
	int32_t n = (int32_t)strlen(s);

	buf_add(out, &score, 4);
	buf_add(out, &n, 4);
	buf_add(out, s, (size_t)n);
}

static struct vocab *open_llama2c(const struct buf *b, int n_vocab, struct err *e)
{
	char *path = tiny_temp_file(b->data, b->len, ".bin");
	struct vocab *v = vocab_from_llama2c(path, n_vocab, e);

	unlink(path);
	free(path);
	return v;
}

static void llama2cs_tokenizer_is_read_and_used_as_run_c_does(void **state)
{
	struct buf b = {0};
	struct err e = {0};

	(void)state;
	buf_add(&b, "\x05\0\0\0", 4);
	put_llama2c(&b, 0, "<unk>");
	put_llama2c(&b, 0, "\n<s>\n");
	put_llama2c(&b, 0, "\n</s>\n");
	put_llama2c(&b, 0, "<0x0A>");
	put_llama2c(&b, 0, "<0xC3>");
	put_llama2c(&b, -1, " a");
	put_llama2c(&b, -9, "a");
	put_llama2c(&b, -9, " ");
	struct vocab *v = open_llama2c(&b, 8, &e);

	if (!v)
		fail_msg("%s", e.msg);
	CHECK_INT(vocab_bos(v), 1);
	CHECK_INT(vocab_eos(v), 2);
	CHECK(vocab_add_bos(v) && vocab_is_end(v, 2));
	check_printed(v, 3, "\n");
	check_printed(v, 5, " a");
	check_encoded(v, "a a\n\xc3", true, false, IDS(1, 5, 5, 3, 4));
	check_encoded(v, "", true, false, IDS(1));
	CHECK_INT(vocab_find(v, " a", 2), 5);
	CHECK_INT(vocab_find(v, "\n", 1), 3);
	vocab_free(v);
	buf_free(&b);
}

static void a_llama2c_tokenizer_cut_anywhere_is_refused(void **state)
{
	struct buf b = {0};
	struct err e;

	(void)state;
	buf_add(&b, "\x05\0\0\0", 4);
	put_llama2c(&b, 0, "<unk>");
	put_llama2c(&b, 0, "ab");
	struct vocab *v = open_llama2c(&b, 2, &e);

	CHECK(v);
	vocab_free(v);
	for (size_t n = 1; n < b.len; n++) {
		struct buf cut = { .data = b.data, .len = n };

		e = (struct err){0};
		CHECK(!open_llama2c(&cut, 2, &e));
		CHECK_INT(e.code, ERR_FILE);
	}
	CHECK(!open_llama2c(&b, 1, &e));
	CHECK(!open_llama2c(&b, 3, &e));
	memset(b.data + 8, 0xff, 4);
	CHECK(!open_llama2c(&b, 2, &e));
	memset(b.data + 8, 0x7f, 4);
	CHECK(!open_llama2c(&b, 2, &e));
	CHECK(!vocab_from_llama2c("/nonexistent", 2, &e));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sentencepiece_vocabulary_is_read_and_printed),
		TEST(a_byte_level_vocabulary_prints_the_bytes_behind_its_letters),
		TEST(the_pre_tokenizer_decides_about_bos_and_whole_words_unless_the_file_does),
		TEST(a_missing_pre_tokenizer_is_said_and_an_unknown_one_refused),
		TEST(special_tokens_are_found_on_request_and_user_defined_ones_always),
		TEST(special_tokens_inside_plain_spans_are_text),
		TEST(text_that_spells_a_control_token_stays_text),
		TEST(phi3s_special_tokens_swallow_the_spaces_behind_them),
		TEST(tokens_known_to_end_a_turn_end_it),
		TEST(ids_outside_the_vocabulary_are_refused_and_the_customary_ones_dropped),
		TEST(arrays_of_the_wrong_type_or_length_are_refused),
		TEST(a_vocabulary_must_fit_the_embedding_and_be_of_a_known_kind),
		TEST(a_malformed_merge_is_told_at_every_encoding),
		TEST(odd_pieces_do_no_harm),
		TEST(many_threads_may_ask_first),
		TEST(llama2cs_tokenizer_is_read_and_used_as_run_c_does),
		TEST(a_llama2c_tokenizer_cut_anywhere_is_refused),
	};

	return RUN(tests);
}
