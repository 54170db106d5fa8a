#include "tests/tiny_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/half.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/base/utf8.h"

struct tiny_spec tiny_spec(const char *arch, enum dtype type)
{
	bool wide = dtypes[type]->block > 64;

	return (struct tiny_spec){
		.arch = arch, .type = type, .seed = 1, .n_layers = 2, .n_ctx = 128,
		.d_model = wide ? 256 : 64, .n_heads = 4, .n_kv_heads = strcmp(arch, "gpt2") ? 2 : 4, .d_ff = wide ? 256 : 96,
	};
}

static const struct arch *arch_of(const struct tiny_spec *s)
{
	return arch_find(s->arch, strlen(s->arch));
}

static const char *key(const struct tiny_spec *s, const char *name)
{
	static _Thread_local char text[96];

	snprintf(text, sizeof text, "%s.%s", s->arch, name);
	return text;
}

void tiny_hparams(struct gguf_build *b, const struct tiny_spec *s)
{
	bool rms = arch_of(s)->norm == NORM_RMS;

	gguf_build_str(b, "general.architecture", s->arch);
	gguf_build_str(b, "general.name", "tiny");
	gguf_build_u32(b, key(s, "block_count"), (uint32_t)s->n_layers);
	gguf_build_u32(b, key(s, "context_length"), (uint32_t)s->n_ctx);
	gguf_build_u32(b, key(s, "embedding_length"), (uint32_t)s->d_model);
	gguf_build_u32(b, key(s, "feed_forward_length"), (uint32_t)s->d_ff);
	gguf_build_u32(b, key(s, "attention.head_count"), (uint32_t)s->n_heads);
	gguf_build_u32(b, key(s, "attention.head_count_kv"), (uint32_t)s->n_kv_heads);
	gguf_build_f32(b, key(s, rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon"), 1e-5f);
	if (s->rope_scale > 0) {
		gguf_build_str(b, key(s, "rope.scaling.type"), "linear");
		gguf_build_f32(b, key(s, "rope.scaling.factor"), s->rope_scale);
	}
}

/* The letters of common English, and pairs of them for what a vocabulary of
 * merges needs; a piece is left + right. */
static const char *const merges[][2] = {
	{ " ", "t" }, { "h", "e" }, { " t", "he" }, { " ", "a" }, { "i", "n" }, { "r", "e" }, { "o", "n" }, { " ", "s" },
	{ " ", "w" }, { "a", "n" }, { "n", "d" }, { " a", "nd" }, { "i", "t" }, { "o", "u" }, { " ", "o" }, { " o", "f" },
	{ "l", "l" }, { "e", "r" }, { "i", "s" }, { "in", "g" }, { "o", "r" }, { " ", "d" }, { " d", "o" }, { " do", "g" },
	{ " ", "c" }, { "a", "t" }, { " c", "at" }, { "e", "n" }, { " s", "a" }, { " sa", "t" }, { " w", "e" }, { "1", "2" },
};
enum { N_MERGES = sizeof merges / sizeof *merges };

/* Tokens in order, with the kinds of tokenizer.ggml.token_type. */
struct pieces {
	char text[TINY_VOCAB][24];
	const char *ptr[TINY_VOCAB];
	int32_t kind[TINY_VOCAB];
	float score[TINY_VOCAB];
	size_t n;
};

static void add_piece(struct pieces *p, const char *text, enum token_kind kind)
{
	if (p->n == TINY_VOCAB)
		return;
	snprintf(p->text[p->n], sizeof p->text[0], "%s", text);
	p->ptr[p->n] = p->text[p->n];
	p->kind[p->n] = kind;
	/* Merged first: what comes first. */
	p->score[p->n] = -(float)p->n;
	p->n++;
}

/* `space` stands for ' ' in the file: the lower one eighth block or GPT-2's G. */
static void spell(const char *left, const char *right, const char *space, char *out, size_t room)
{
	snprintf(out, room, "%s%s%s", *left == ' ' ? space : "", left + (*left == ' '), right);
}

static void fill_up(struct pieces *p, size_t n_reserved)
{
	char text[24];

	for (int i = 0; p->n + n_reserved < TINY_VOCAB; i++) {
		snprintf(text, sizeof text, "<extra_%d>", i);
		add_piece(p, text, TOKEN_UNUSED);
	}
}

static void sentencepiece(struct pieces *p)
{
	static const char space[] = "\xe2\x96\x81";
	char text[24];

	add_piece(p, "<unk>", TOKEN_UNKNOWN);
	add_piece(p, "<s>", TOKEN_CONTROL);
	add_piece(p, "</s>", TOKEN_CONTROL);
	for (int c = 0; c < 256; c++) {
		snprintf(text, sizeof text, "<0x%02X>", c);
		add_piece(p, text, TOKEN_BYTE);
	}
	for (size_t i = 0; i < N_MERGES; i++) {
		spell(merges[i][0], merges[i][1], space, text, sizeof text);
		add_piece(p, text, TOKEN_NORMAL);
	}
	add_piece(p, space, TOKEN_NORMAL);
	for (char c = 'a'; c <= 'z'; c++)
		add_piece(p, (char[]){ c, 0 }, TOKEN_NORMAL);
	fill_up(p, 0);
}

/* GPT-2 writes a byte as itself when it is printable and no space, else as the
 * next code point from 256 on (openai/gpt-2, encoder.py, bytes_to_unicode). */
static void byte_alphabet(struct pieces *p)
{
	char text[5];
	uint32_t spare = 256;

	for (uint32_t c = 0; c < 256; c++) {
		bool printable = (c >= 33 && c <= 126) || (c >= 161 && c <= 172) || c >= 174;
		uint32_t cp = printable ? c : spare++;

		text[utf8_encode(cp, text)] = 0;
		add_piece(p, text, TOKEN_NORMAL);
	}
}

static void byte_level(struct gguf_build *b, struct pieces *p)
{
	static const char space[] = "\xc4\xa0";
	static char lines[N_MERGES][24];
	const char *ptr[N_MERGES];
	char text[24];

	byte_alphabet(p);
	for (size_t i = 0; i < N_MERGES; i++) {
		const char *right = merges[i][1];

		spell(merges[i][0], right, space, text, sizeof text);
		add_piece(p, text, TOKEN_NORMAL);
		spell(merges[i][0], " ", space, lines[i], sizeof lines[i]);
		snprintf(lines[i] + strlen(lines[i]), sizeof lines[i] - strlen(lines[i]), "%s", right);
		ptr[i] = lines[i];
	}
	fill_up(p, 3);
	add_piece(p, "<|endoftext|>", TOKEN_CONTROL);
	add_piece(p, "<|im_start|>", TOKEN_CONTROL);
	add_piece(p, "<|im_end|>", TOKEN_CONTROL);
	gguf_build_strings(b, "tokenizer.ggml.merges", ptr, N_MERGES);
}

void tiny_vocab(struct gguf_build *b, const struct tiny_spec *s)
{
	bool spm = !strcmp(s->arch, "llama");
	struct pieces *p = mem_zalloc(sizeof *p);

	gguf_build_str(b, "tokenizer.ggml.model", spm ? "llama" : "gpt2");
	gguf_build_str(b, "tokenizer.ggml.pre", spm ? "default" : !strcmp(s->arch, "qwen2") ? "qwen2" : "gpt-2");
	if (spm) {
		sentencepiece(p);
		gguf_build_array(b, "tokenizer.ggml.scores", GGUF_F32, p->n, p->score, p->n * sizeof *p->score);
	} else {
		byte_level(b, p);
	}
	gguf_build_strings(b, "tokenizer.ggml.tokens", p->ptr, p->n);
	gguf_build_array(b, "tokenizer.ggml.token_type", GGUF_I32, p->n, p->kind, p->n * sizeof *p->kind);
	gguf_build_u32(b, "tokenizer.ggml.bos_token_id", spm ? 1 : TINY_VOCAB - 3);
	gguf_build_u32(b, "tokenizer.ggml.eos_token_id", spm ? 2 : TINY_VOCAB - 3);
	gguf_build_bool(b, "tokenizer.ggml.add_bos_token", spm);
	if (s->chat)
		gguf_build_str(b, "tokenizer.chat_template", s->chat);
	free(p);
}

/* Numbers of one tensor, uniform around `mean`: uniform is as good as normal
 * here, and needs no logarithm, which two C libraries may round differently. */
static void fill(float *x, size_t n, float mean, float deviation, uint64_t seed, uint64_t tensor)
{
	for (size_t i = 0; i < n; i++)
		x[i] = mean + deviation * (float)((rng_uniform(seed, tensor, i) - 0.5) * 3.4641016151377544);
}

/* Where a super-block keeps d and dmin, and what they must be for random bytes
 * everywhere else to give weights of mean 0 and deviation 1. */
static const struct { int d, dmin; float scale, min; } random_block[N_DTYPES] = {
	[DTYPE_Q2_K] = { .d = 80, .dmin = 82, .scale = 1 / 13.9f, .min = 1.5f / 13.9f },
	[DTYPE_Q3_K] = { .d = 108, .dmin = -1, .scale = 1 / 43.3f },
	[DTYPE_Q4_K] = { .d = 0, .dmin = 2, .scale = 1 / 258.f, .min = 7.5f / 258.f },
	[DTYPE_Q5_K] = { .d = 0, .dmin = 2, .scale = 1 / 527.f, .min = 15.5f / 527.f },
	[DTYPE_Q6_K] = { .d = 208, .dmin = -1, .scale = 1 / 1366.f },
};

static void put_f16(unsigned char *p, float f)
{
	uint16_t h = f16_from_f32(f);

	memcpy(p, &h, sizeof h);
}

static void random_blocks(unsigned char *p, size_t bytes, enum dtype t, float deviation, uint64_t seed, uint64_t tensor)
{
	for (size_t i = 0; i < bytes; i++)
		p[i] = (unsigned char)rng_bits(seed, tensor, i);
	for (size_t at = 0; at < bytes; at += (size_t)dtypes[t]->bytes) {
		put_f16(p + at + random_block[t].d, deviation * random_block[t].scale);
		if (random_block[t].dmin >= 0)
			put_f16(p + at + random_block[t].dmin, deviation * random_block[t].min);
	}
}

static bool contains(const char *name, const char *part)
{
	return strstr(name, part) != NULL;
}

static void add_matrix(struct gguf_build *b, const struct tiny_spec *s, const char *name, size_t rows, size_t cols)
{
	enum dtype t = contains(name, "position_embd") ? DTYPE_F32 : s->type;
	size_t n = rows * cols, bytes = dtype_row_bytes(t, n);
	unsigned char *out = mem_zalloc(bytes);
	float deviation = (contains(name, "embd") || !strncmp(name, "output.", 7) ? 4 : 1) / sqrtf((float)cols);

	if (dtypes[t]->quantize && random_block[t].scale == 0) {
		float *x = mem_array(n, sizeof *x);

		fill(x, n, 0, deviation, s->seed, b->n_tensors);
		dtypes[t]->quantize(x, out, n);
		free(x);
	} else {
		random_blocks(out, bytes, t, deviation, s->seed, b->n_tensors);
	}
	gguf_build_tensor(b, name, t, 2, (uint64_t[]){ cols, rows }, out, bytes);
	free(out);
}

static void add_vector(struct gguf_build *b, const struct tiny_spec *s, const char *name, size_t n)
{
	bool bias = contains(name, ".bias");
	float *x = mem_array(n, sizeof *x);

	fill(x, n, bias ? 0 : 1, 0.1f, s->seed, b->n_tensors);
	gguf_build_tensor(b, name, DTYPE_F32, 1, (uint64_t[]){ n }, x, n * sizeof *x);
	free(x);
}

static void add(struct gguf_build *b, const struct tiny_spec *s, const char *name, int rows, int cols, bool need)
{
	if (!need)
		return;
	if (rows == 1)
		add_vector(b, s, name, (size_t)cols);
	else
		add_matrix(b, s, name, (size_t)rows, (size_t)cols);
}

#define QD  (hp->n_heads * hp->d_head)
#define KVD (hp->n_kv_heads * hp->d_head)

void tiny_tensors(struct gguf_build *b, const struct tiny_spec *s)
{
	const struct arch *a = arch_of(s);
	const struct hparams h = {
		.arch = a, .n_layers = s->n_layers, .d_model = s->d_model, .n_heads = s->n_heads, .n_kv_heads = s->n_kv_heads,
		.d_head = s->d_model / s->n_heads, .d_ff = s->d_ff, .n_vocab = TINY_VOCAB, .n_ctx_train = s->n_ctx,
		.n_rot = s->d_model / s->n_heads,
	}, *hp = &h;
	char name[64];

#define GLOBAL(field, name_, rows, cols, need)                                                        \
	add(b, s, name_, rows, cols, (need) || (s->own_head && !strcmp(name_, "output.weight")) ||    \
	    (s->rope_freqs && !strcmp(name_, "rope_freqs.weight")));
#define LAYER(field, name_, rows, cols, need)
#include "engine/weights.def"
	for (int l = 0; l < s->n_layers; l++) {
#define GLOBAL(field, name_, rows, cols, need)
#define LAYER(field, name_, rows, cols, need)                                                         \
		snprintf(name, sizeof name, "blk.%d.%s", l, name_);                                   \
		add(b, s, name, rows, cols, need);
#include "engine/weights.def"
	}
}

void tiny_bytes(const struct tiny_spec *s, struct buf *out)
{
	struct gguf_build b;

	gguf_build_init(&b);
	tiny_hparams(&b, s);
	tiny_vocab(&b, s);
	tiny_tensors(&b, s);
	gguf_build_bytes(&b, out);
	gguf_build_free(&b);
}

bool tiny_open(struct tiny *t, const struct tiny_spec *s, struct err *e)
{
	*t = (struct tiny){ .model = NULL };
	tiny_bytes(s, &t->bytes);
	t->model = model_open_mem("tiny.gguf", t->bytes.data, t->bytes.len, e);
	if (!t->model)
		tiny_close(t);
	return t->model != NULL;
}

void tiny_close(struct tiny *t)
{
	model_close(t->model);
	buf_free(&t->bytes);
	*t = (struct tiny){ .model = NULL };
}

char *tiny_temp_file(const void *data, size_t n, const char *suffix)
{
	const char *dir = getenv("TMPDIR");
	struct buf path = { .data = NULL };
	FILE *f;
	int fd;
	bool ok;

	buf_printf(&path, "%s/clampmeter-test-XXXXXX%s", dir ? dir : "/tmp", suffix);
	fd = mkstemps(path.data, (int)strlen(suffix));
	f = fd >= 0 ? fdopen(fd, "wb") : NULL;
	if (!f) {
		if (fd >= 0)
			close(fd);
		buf_free(&path);
		return NULL;
	}
	ok = fwrite(data, 1, n, f) == n;
	if (fclose(f) || !ok) {
		unlink(path.data);
		buf_free(&path);
	}
	return path.data;
}

char *tiny_temp_model(const struct tiny_spec *s)
{
	struct buf b = { .data = NULL };
	char *path;

	tiny_bytes(s, &b);
	path = tiny_temp_file(b.data, b.len, ".gguf");
	buf_free(&b);
	return path;
}
