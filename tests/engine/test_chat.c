#include "tests/test.h"

#include <stdlib.h>

#include "engine/chat.h"
#include "engine/gguf.h"
#include "engine/vocab.h"
#include "tests/gguf_build.h"

/* A file with three tokens and, if given, a template. */
static struct gguf *open_file(struct buf *bytes, const char *template)
{
	static const char *const tokens[] = { "<unk>", "<s>", "</s>" };
	struct gguf_build b;
	struct err e;

	gguf_build_init(&b);
	gguf_build_str(&b, "tokenizer.ggml.model", "llama");
	gguf_build_strings(&b, "tokenizer.ggml.tokens", tokens, 3);
	if (template)
		gguf_build_str(&b, "tokenizer.chat_template", template);
	gguf_build_bytes(&b, bytes);
	gguf_build_free(&b);
	return gguf_open_mem("chat", bytes->data, bytes->len, &e);
}

/* Cut from the templates of the models named. */
static const struct { const char *template, *name, *want; } cases[] = {
	{ "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}", "chatml",
	  "<|im_start|>system\n Be brief. <|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHo<|im_end|>\n"
	  "<|im_start|>user\n Why?<|im_end|>\n<|im_start|>assistant\n" },
	{ "<|im_start|>user<|im_sep|>", "phi-4",
	  "<|im_start|>system<|im_sep|> Be brief. <|im_end|><|im_start|>user<|im_sep|>Hi<|im_end|>"
	  "<|im_start|>assistant<|im_sep|>Ho<|im_end|><|im_start|>user<|im_sep|> Why?<|im_end|><|im_start|>assistant<|im_sep|>" },
	{ "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }} '<<SYS>>\n'", "llama-2",
	  "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST] Ho </s><s>[INST] Why? [/INST]" },
	{ "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim }}", "llama-3",
	  "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
	  "<|start_header_id|>assistant<|end_header_id|>\n\nHo<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nWhy?<|eot_id|>"
	  "<|start_header_id|>assistant<|end_header_id|>\n\n" },
	{ "{{ '<|user|>\n' + message['content'] + eos_token }} '<|assistant|>'", "zephyr",
	  "<|system|>\n Be brief. </s>\n<|user|>\nHi</s>\n<|assistant|>\nHo</s>\n<|user|>\n Why?</s>\n<|assistant|>\n" },
	{ "{{'<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n'}}", "gemma",
	  "<start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\nHo<end_of_turn>\n"
	  "<start_of_turn>user\nWhy?<end_of_turn>\n<start_of_turn>model\n" },
	{ "{{'<|user|>\n' + message['content'] + '<|end|>\n<|assistant|>\n'}} eos_token", "phi-3",
	  "<|system|>\n Be brief. <|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\nHo<|end|>\n<|user|>\n Why?<|end|>\n<|assistant|>\n" },
	{ "{{ '[INST] ' + message['content'] + ' [/INST]' }}", "mistral",
	  "[INST]  Be brief. \n\nHi [/INST]Ho</s>[INST]  Why? [/INST]" },
	{ "{{- \"[AVAILABLE_TOOLS] [\" }} {{- \"[INST] \" + message[\"content\"] + \"[/INST]\" }}", "mistral-v3",
	  "[INST]  Be brief. \n\nHi[/INST] Ho</s>[INST]  Why?[/INST]" },
	{ "USER: ASSISTANT: ", "vicuna", " Be brief. \n\nUSER: Hi\nASSISTANT: Ho</s>\nUSER:  Why?\nASSISTANT:" },
};

static void known_templates_are_recognised_and_rendered(void **state)
{
	static const struct chat_turn turns[] = { { CHAT_SYSTEM, " Be brief. " }, { CHAT_USER, "Hi" },
		{ CHAT_ASSISTANT, "Ho" }, { CHAT_USER, " Why?" } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf bytes = {0}, out = {0};
		struct err e = {0};
		struct gguf *g = open_file(&bytes, cases[i].template);
		struct vocab *v = vocab_from_gguf(g, 0, &e);
		const struct chat *c = chat_from_gguf(g, &e);

		CHECK(v);
		if (!c)
			fail_msg("%s: %s", cases[i].name, e.msg);
		CHECK_STR(chat_name(c), cases[i].name);
		chat_render(c, v, turns, 4, true, &out);
		CHECK_STR(out.data, cases[i].want);
		vocab_free(v);
		gguf_close(g);
		buf_free(&bytes);
		buf_free(&out);
	}
}

static void the_text_of_a_turn_cannot_end_it(void **state)
{
	static const char *const tokens[] = { "<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>" };
	static const struct chat_turn turns[] = { { CHAT_USER, "<|im_end|>" }, { CHAT_ASSISTANT, "" } };
	struct buf bytes = {0};
	struct gguf_build b;
	struct err e = {0};
	int32_t *ids;
	size_t n, n_start = 0, n_end = 0;

	(void)state;
	gguf_build_init(&b);
	gguf_build_str(&b, "tokenizer.ggml.model", "llama");
	gguf_build_strings(&b, "tokenizer.ggml.tokens", tokens, 5);
	gguf_build_array(&b, "tokenizer.ggml.token_type", GGUF_I32, 5, (int32_t[]){ 2, 3, 3, 3, 3 }, 20);
	gguf_build_bytes(&b, &bytes);
	gguf_build_free(&b);
	struct gguf *g = gguf_open_mem("chat", bytes.data, bytes.len, &e);
	struct vocab *v = vocab_from_gguf(g, 0, &e);

	CHECK(v && chat_encode(chat_from_name("chatml", &e), v, turns, 2, true, &ids, &n, &e));
	for (size_t i = 0; i < n; i++) {
		n_start += ids[i] == 3;
		n_end += ids[i] == 4;
	}
	CHECK_INT(ids[0], 1);
	CHECK_INT(ids[1], 3);
	CHECK_INT(n_start, 3);
	CHECK_INT(n_end, 2);
	free(ids);
	vocab_free(v);
	gguf_close(g);
	buf_free(&bytes);
}

/* Every mark of every template, bytes for the rest; <|end|> and the like end a generation. */
static struct vocab *marks_and_bytes(struct buf *bytes, struct gguf **g)
{
	static const char *const marks[] = { "<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|eot_id|>",
		"<|end|>", "<end_of_turn>", "<start_of_turn>", "<|start_header_id|>", "<|end_header_id|>", "<|user|>",
		"<|assistant|>" };
	enum { N = sizeof marks / sizeof *marks };
	static char names[256][8];
	const char *tokens[N + 256];
	int32_t kinds[N + 256];
	struct gguf_build b;
	struct err e = {0};

	for (int i = 0; i < N + 256; i++) {
		if (i >= N)
			snprintf(names[i - N], sizeof *names, "<0x%02X>", i - N);
		tokens[i] = i < N ? marks[i] : names[i - N];
		kinds[i] = i == 0 ? TOKEN_UNKNOWN : i < N ? TOKEN_CONTROL : TOKEN_BYTE;
	}
	gguf_build_init(&b);
	gguf_build_str(&b, "tokenizer.ggml.model", "llama");
	gguf_build_strings(&b, "tokenizer.ggml.tokens", tokens, N + 256);
	gguf_build_array(&b, "tokenizer.ggml.token_type", GGUF_I32, N + 256, kinds, sizeof kinds);
	gguf_build_bytes(&b, bytes);
	gguf_build_free(&b);
	*g = gguf_open_mem("chat", bytes->data, bytes->len, &e);
	return vocab_from_gguf(*g, 0, &e);
}

/* Where the tokens of `end` begin when those of `all` end with them; -1. */
static int ends_with(const int32_t *all, size_t n, const int32_t *end, size_t n_end)
{
	if (n_end > n || memcmp(all + n - n_end, end, n_end * sizeof *end) != 0)
		return -1;
	return (int)(n - n_end);
}

static void the_next_turn_is_that_of_the_whole_conversation(void **state)
{
	static const struct chat_turn turns[] = { { CHAT_USER, "Hi" }, { CHAT_ASSISTANT, "Yes." }, { CHAT_USER, "And <|im_end|>?" } };
	struct buf bytes = {0};
	struct gguf *g;
	struct vocab *v = marks_and_bytes(&bytes, &g);
	struct err e = {0};

	(void)state;
	CHECK(v != NULL);
	for (size_t i = 0; chat_at(i); i++) {
		const struct chat *c = chat_at(i);
		int32_t *all, *rest, *whole;
		size_t n_all, n_rest, n_whole;
		int at;

		CHECK(chat_encode(c, v, turns, 3, true, &all, &n_all, &e));
		CHECK(chat_encode_next(c, v, turns[2].text, true, &rest, &n_rest, &e));
		CHECK(chat_encode_next(c, v, turns[2].text, false, &whole, &n_whole, &e));
		/* What the model wrote ends with the token that ends it, and is not said again. */
		at = ends_with(all, n_all, rest, n_rest);
		if (at < 1 || !vocab_is_end(v, all[at - 1]))
			fail_msg("%s: the turn behind a finished answer is another one", chat_name(c));
		/* llama-2 puts a space between a text and its end, which here is a token of its own. */
		if (ends_with(all, n_all, whole, n_whole) != at - 1 && strcmp(chat_name(c), "llama-2") != 0)
			fail_msg("%s: the turn behind an answer cut short is another one", chat_name(c));
		CHECK(n_whole > n_rest);
		free(all);
		free(rest);
		free(whole);
	}
	vocab_free(v);
	gguf_close(g);
	buf_free(&bytes);
}

static void an_unknown_or_missing_template_says_so(void **state)
{
	struct buf bytes = {0};
	struct err e = {0};
	struct gguf *g = open_file(&bytes, "{% for x in range(10**9) %}{{ ((((((x)))))) }}{% endfor %}");

	(void)state;
	CHECK(!chat_from_gguf(g, &e));
	CHECK_INT(e.code, ERR_UNSUPPORTED);
	gguf_close(g);
	buf_clear(&bytes);
	g = open_file(&bytes, NULL);
	CHECK(!chat_from_gguf(g, &e));
	CHECK_INT(e.code, ERR_UNSUPPORTED);
	gguf_close(g);
	buf_free(&bytes);
	CHECK(!chat_recognise("", 0));
	CHECK(!chat_recognise("[INST", 5));
}

static void every_row_is_found_by_a_name_of_its_own(void **state)
{
	struct err e = {0};

	(void)state;
	for (size_t i = 0; chat_at(i); i++) {
		CHECK(chat_from_name(chat_name(chat_at(i)), &e) == chat_at(i));
		for (size_t k = 0; k < i; k++)
			CHECK(strcmp(chat_name(chat_at(i)), chat_name(chat_at(k))) != 0);
	}
	CHECK(!chat_from_name("nonsense", &e));
	CHECK(strstr(e.msg, "llama-3"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(known_templates_are_recognised_and_rendered),
		TEST(the_text_of_a_turn_cannot_end_it),
		TEST(the_next_turn_is_that_of_the_whole_conversation),
		TEST(an_unknown_or_missing_template_says_so),
		TEST(every_row_is_found_by_a_name_of_its_own),
	};

	return RUN(tests);
}
