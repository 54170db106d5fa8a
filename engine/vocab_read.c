/*
 * vocab_read -- vocabularies from files: GGUF metadata and llama2.c's tokenizer.bin.
 *
 * Only views and small arrays are made here; maps wait for the first text.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "engine/base/buf.h"
#include "engine/base/mem.h"
#include "engine/base/utf8.h"
#include "engine/vocab_impl.h"

enum { MAX_VOCAB = 1 << 22, MAX_BYTES = 1 << 30 };

/* Tokens known by name, after llama.cpp's llama-vocab.cpp: files often fail to say
 * that they end a turn, or that they are to be read and written as text. */
static const struct { const char *name; enum { ENDS, SHOWN } what; } known[] = {
	{ "</s>", ENDS }, { "<eos>", ENDS }, { "<|endoftext|>", ENDS }, { "<|end_of_text|>", ENDS },
	{ "<|eot_id|>", ENDS }, { "<|eom_id|>", ENDS }, { "<|im_end|>", ENDS }, { "<|end|>", ENDS },
	{ "<end_of_turn>", ENDS }, { "<turn|>", ENDS }, { "<|tool_response>", ENDS }, { "<|return|>", ENDS },
	{ "<|call|>", ENDS }, { "<|calls|>", ENDS }, { "<|flush|>", ENDS }, { "<EOT>", ENDS }, { "_<EOT>", ENDS },
	{ "[EOT]", ENDS }, { "[EOS]", ENDS }, { "[e~[", ENDS }, { "<end_of_utterance>", ENDS },
	/* <|end_of_sentence|> with U+FF5C bars and U+2581 blanks, DeepSeek */
	{ "<\xef\xbd\x9c" "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>", ENDS },
	/* padding and file borders of fill-in-the-middle */
	{ "<|fim_pad|>", ENDS }, { "<fim-pad>", ENDS }, { "<fim_pad>", ENDS }, { "<PAD>", ENDS }, { "[PAD]", ENDS },
	{ "<|fim_repo|>", ENDS }, { "<|repo_name|>", ENDS }, { "<fim-repo>", ENDS }, { "<REPO>", ENDS },
	{ "<reponame>", ENDS }, { "<|file_sep|>", ENDS },
	/* gpt-oss writes its channels with these */
	{ "<|channel|>", SHOWN }, { "<|message|>", SHOWN }, { "<|start|>", SHOWN }, { "<|constrain|>", SHOWN },
};

static bool is_named(struct gguf_str s, const char *name)
{
	return s.n == strlen(name) && !memcmp(s.s, name, s.n);
}

static int find_end(const struct vocab *v, const char *name)
{
	for (int id = 0; id < v->p.n; id++)
		if (v->end[id] && is_named(v->p.raw[id], name))
			return id;
	return -1;
}

static void mark(struct vocab *v, int id)
{
	for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
		if (!is_named(v->p.raw[id], known[k].name))
			continue;
		v->p.kind[id] = known[k].what == ENDS ? TOKEN_CONTROL : TOKEN_USER;
		v->end[id] = known[k].what == ENDS;
	}
}

/* Families in which one of the names means something else. */
static void mark_exceptions(struct vocab *v)
{
	bool call = find_end(v, "<|call|>") >= 0 || find_end(v, "<|calls|>") >= 0;
	bool harmony = call && (find_end(v, "<|return|>") >= 0 || find_end(v, "<|flush|>") >= 0);
	int id;

	if (harmony && (id = find_end(v, "<|end|>")) >= 0) {
		v->p.kind[id] = TOKEN_USER;
		v->end[id] = false;
	}
	if (find_end(v, "<|tool_response>") >= 0 && (id = find_end(v, "</s>")) >= 0) {
		v->p.kind[id] = TOKEN_NORMAL;
		v->end[id] = false;
	}
}

static void mark_ends(struct vocab *v)
{
	v->end = mem_array((size_t)v->p.n, sizeof *v->end);
	for (int id = 0; id < v->p.n; id++) {
		struct gguf_str s = v->p.raw[id];

		if (s.n > 3 && s.n < 40 && (*s.s == '<' || *s.s == '[' || *s.s == '_'))
			mark(v, id);
	}
	mark_exceptions(v);
}

/* Kinds where the file has none: bytes and the three usual names. */
static void guess_kinds(struct vocab *v)
{
	for (int id = 0; id < v->p.n; id++) {
		struct gguf_str s = v->p.raw[id];

		v->p.kind[id] = TOKEN_NORMAL;
		if (s.n < 3 || *s.s != '<')
			continue;
		if (piece_byte(s) >= 0)
			v->p.kind[id] = TOKEN_BYTE;
		else if (is_named(s, "<unk>"))
			v->p.kind[id] = TOKEN_UNKNOWN;
		else if (is_named(s, "<s>") || is_named(s, "</s>"))
			v->p.kind[id] = TOKEN_CONTROL;
	}
}

static bool read_kinds(struct vocab *v, const struct gguf *g, struct err *e)
{
	bool bytes_are_hex = !v->row || v->row->flags & PRETOK_SPM;
	const void *data;
	size_t n;

	if (!gguf_array(g, "tokenizer.ggml.token_type", GGUF_I32, &data, &n, e))
		return false;
	v->p.kind = mem_array((size_t)v->p.n, sizeof *v->p.kind);
	if (!data) {
		guess_kinds(v);
		return true;
	}
	if (n != (size_t)v->p.n)
		return err_set(e, ERR_FILE, "tokenizer.ggml.token_type has %zu entries, the vocabulary %d tokens", n, v->p.n);
	for (size_t i = 0; i < n; i++) {
		int32_t kind;

		memcpy(&kind, (const char *)data + i * sizeof kind, sizeof kind);
		if (kind < 0 || kind > TOKEN_BYTE)
			return err_set(e, ERR_FILE, "tokenizer.ggml.token_type[%zu] is %" PRId32 ", expected 0 to %d", i,
			    kind, TOKEN_BYTE);
		v->p.kind[i] = (uint8_t)(kind ? kind : TOKEN_NORMAL);   /* 0: undefined */
		/* Early converters forgot; the tokenizers go by the form. */
		if (kind <= TOKEN_NORMAL && bytes_are_hex && piece_byte(v->p.raw[i]) >= 0)
			v->p.kind[i] = TOKEN_BYTE;
	}
	return true;
}

static bool read_scores(struct vocab *v, const struct gguf *g, struct err *e)
{
	const void *data;
	size_t n;

	if (!gguf_array(g, "tokenizer.ggml.scores", GGUF_F32, &data, &n, e))
		return false;
	if (!data)
		return true;
	if (n != (size_t)v->p.n)
		return err_set(e, ERR_FILE, "tokenizer.ggml.scores has %zu entries, the vocabulary %d tokens", n, v->p.n);
	v->p.score = mem_dup(data, n * sizeof *v->p.score);
	for (size_t i = 0; i < n; i++)
		if (isnan(v->p.score[i]))
			return err_set(e, ERR_FILE, "tokenizer.ggml.scores[%zu] is not a number", i);
	return true;
}

static bool read_tokens(struct vocab *v, const struct gguf *g, int n_expected, struct err *e)
{
	size_t n, bytes = 0;

	if (!gguf_strings(g, "tokenizer.ggml.tokens", &v->p.raw, &n, e))
		return false;
	if (!n || n > MAX_VOCAB)
		return err_set(e, ERR_FILE, "tokenizer.ggml.tokens has %zu tokens, expected 1 to %d", n, MAX_VOCAB);
	if (n_expected && n != (size_t)n_expected)
		return err_set(e, ERR_FILE, "tokenizer.ggml.tokens has %zu tokens, the embedding %d rows", n, n_expected);
	for (size_t i = 0; i < n; i++)
		bytes += v->p.raw[i].n;
	if (bytes > MAX_BYTES)
		return err_set(e, ERR_FILE, "the pieces of the vocabulary are %zu bytes, at most %d are allowed", bytes,
		    MAX_BYTES);
	v->p.n = (int)n;
	return true;
}

/* A special id from the file, or the customary one, both only inside the
 * vocabulary.  Some converters write -1 for "none". */
static bool read_id(const struct vocab *v, const struct gguf *g, const char *key, int customary, int *id, struct err *e)
{
	int64_t got = customary < v->p.n ? customary : -1;

	if (!gguf_int(g, key, INT64_MIN, INT64_MAX, &got, e))
		return false;
	if (got == UINT32_MAX)
		got = -1;
	if (got < -1 || got >= v->p.n)
		return err_set(e, ERR_FILE, "%s is %" PRId64 ", the vocabulary has %d tokens", key, got, v->p.n);
	*id = (int)got;
	return true;
}

static bool read_ids(struct vocab *v, const struct gguf *g, struct err *e)
{
	bool spm = !v->row;
	int eot = -1, eom = -1;

	if (!read_id(v, g, "tokenizer.ggml.bos_token_id", spm ? 1 : -1, &v->bos, e) ||
	    !read_id(v, g, "tokenizer.ggml.eos_token_id", spm ? 2 : -1, &v->eos, e) ||
	    !read_id(v, g, "tokenizer.ggml.unknown_token_id", spm ? 0 : -1, &v->p.unk, e) ||
	    !read_id(v, g, "tokenizer.ggml.eot_token_id", -1, &eot, e) ||
	    !read_id(v, g, "tokenizer.ggml.eom_token_id", -1, &eom, e))
		return false;
	if (v->eos >= 0)
		v->end[v->eos] = true;
	if (eot >= 0)
		v->end[eot] = true;
	if (eom >= 0)
		v->end[eom] = true;
	v->add_bos = spm || v->row->flags & PRETOK_BOS;
	if (!gguf_bool(g, "tokenizer.ggml.add_bos_token", &v->add_bos, e))
		return false;
	v->add_bos = v->add_bos && v->bos >= 0;
	v->p.space_prefix = spm;
	return gguf_bool(g, "tokenizer.ggml.add_space_prefix", &v->p.space_prefix, e);
}

/* The row of the pre-tokenizer; a file that names none gets the default, and it is said. */
static bool read_pretok(struct vocab *v, const struct gguf *g, bool spm_bpe, struct err *e)
{
	const char *pre;
	size_t n;

	if (!gguf_str(g, "tokenizer.ggml.pre", &pre, &n, e))
		return false;
	bool named = pre && n;

	if (spm_bpe)
		v->row = pretok_find("gemma4", 6, e);
	else
		v->row = named ? pretok_find(pre, n, e) : pretok_find("default", 7, e);
	if (!v->row)
		return false;
	if (!named && !spm_bpe)
		snprintf(v->describe, sizeof v->describe, "byte-level BPE (the file names no pre-tokenizer: default)");
	else
		snprintf(v->describe, sizeof v->describe, "%s BPE (%s)",
		    v->row->flags & PRETOK_SPM ? "character-level" : "byte-level", v->row->name);
	return true;
}

static bool read_model(struct vocab *v, const struct gguf *g, struct err *e)
{
	struct buf shown = {0};
	const char *model;
	size_t n;

	if (!gguf_str(g, "tokenizer.ggml.model", &model, &n, e))
		return false;
	if (!model)
		return err_set(e, ERR_FILE, "the file has no tokenizer (tokenizer.ggml.model is missing)");
	struct gguf_str name = { .s = model, .n = n };

	if (is_named(name, "llama")) {
		snprintf(v->describe, sizeof v->describe, "SentencePiece BPE");
		return true;
	}
	if (is_named(name, "gpt2") || is_named(name, "gemma4"))
		return read_pretok(v, g, is_named(name, "gemma4"), e);
	utf8_escape(model, n < 60 ? n : 60, &shown);
	err_set(e, ERR_UNSUPPORTED, "tokenizer.ggml.model is \"%s\", this program knows \"llama\" (SentencePiece BPE) and "
	    "\"gpt2\" (byte-level BPE)", shown.data);
	buf_free(&shown);
	return false;
}

/* llama.cpp goes by the model's name here, for want of anything better in the file. */
static bool read_strip(struct vocab *v, const struct gguf *g, struct err *e)
{
	const char *name;
	size_t n;

	if (!gguf_str(g, "general.name", &name, &n, e))
		return false;
	for (size_t i = 0; name && i + 4 <= n && i < 256; i++) {
		bool phi = !strncasecmp(name + i, "phi", 3);

		if (phi && (name[i + 3] == '3' || (i + 5 <= n && name[i + 3] == '-' && name[i + 4] == '3')))
			v->strip_after = true;
	}
	return true;
}

struct vocab *vocab_from_gguf(const struct gguf *g, int n_expected, struct err *e)
{
	struct vocab *v = vocab_new();

	v->file = g;
	if (!read_model(v, g, e) || !read_tokens(v, g, n_expected, e) || !read_kinds(v, g, e) || !read_scores(v, g, e))
		goto fail;
	mark_ends(v);
	if (!read_ids(v, g, e) || !read_strip(v, g, e))
		goto fail;
	if (v->row && !gguf_find(g, "tokenizer.ggml.merges")) {
		err_set(e, ERR_FILE, "tokenizer.ggml.merges is missing, byte-level BPE needs it");
		goto fail;
	}
	return v;
fail:
	vocab_free(v);
	return NULL;
}

/* Walks tokenizer.bin: max_token_length i32, then (score f32, length i32, bytes) for
 * each token (karpathy/llama2.c, tokenizer.py).  With v->p.raw NULL it only counts. */
static bool walk_llama2c(struct vocab *v, int n_vocab, int *n_found, struct err *e)
{
	const char *data = (const char *)v->map.data;
	size_t at = 4;
	int id = 0;

	for (; at < v->map.size && (!n_vocab || id < n_vocab); id++) {
		float score;
		int32_t len;

		if (v->map.size - at < 8)
			return err_set(e, ERR_FILE, "token %d at offset %zu is cut off", id, at);
		memcpy(&score, data + at, 4);
		memcpy(&len, data + at + 4, 4);
		at += 8;
		if (len < 0 || (size_t)len > v->map.size - at)
			return err_set(e, ERR_FILE, "token %d at offset %zu says it has %" PRId32 " bytes, %zu are left", id,
			    at - 8, len, v->map.size - at);
		if (isnan(score))
			return err_set(e, ERR_FILE, "the score of token %d at offset %zu is not a number", id, at - 8);
		if (id >= MAX_VOCAB)
			return err_set(e, ERR_FILE, "more than %d tokens", MAX_VOCAB);
		if (v->p.raw) {
			v->p.raw[id] = (struct gguf_str){ .s = data + at, .n = (size_t)len };
			v->p.score[id] = score;
		}
		at += (size_t)len;
	}
	*n_found = id;
	if (n_vocab && (id < n_vocab || at < v->map.size))
		return err_set(e, ERR_FILE, "%d tokens and %zu bytes behind them, expected %d tokens", id,
		    v->map.size - at, n_vocab);
	return true;
}

struct vocab *vocab_from_llama2c(const char *path, int n_vocab, struct err *e)
{
	struct vocab *v = vocab_new();
	int n;

	if (!mapfile_open(&v->map, path, e))
		goto fail;
	if (v->map.size < 12 || v->map.size > MAX_BYTES) {
		err_set(e, ERR_FILE, "%zu bytes are no llama2.c tokenizer", v->map.size);
		goto wrap;
	}
	if (!walk_llama2c(v, n_vocab, &n, e))
		goto wrap;
	v->p.raw = mem_array((size_t)n, sizeof *v->p.raw);
	v->p.score = mem_array((size_t)n, sizeof *v->p.score);
	v->p.kind = mem_array((size_t)n, sizeof *v->p.kind);
	if (!walk_llama2c(v, n_vocab, &v->p.n, e))
		goto wrap;
	guess_kinds(v);
	mark_ends(v);
	v->p.spaces_plain = v->p.space_prefix = true;
	/* Fixed in llama2.c: 0 unknown, 1 BOS, 2 EOS, bytes from 3 on. */
	v->p.unk = 0;
	v->bos = n > 1 ? 1 : -1;
	v->eos = n > 2 ? 2 : -1;
	v->add_bos = v->bos >= 0;
	for (int id = 1; id <= 2 && id < n; id++) {
		v->p.kind[id] = TOKEN_CONTROL;
		v->end[id] = true;      /* llama2.c stops at BOS too: it starts the next story */
	}
	snprintf(v->describe, sizeof v->describe, "SentencePiece BPE (llama2.c)");
	return v;
wrap:
	err_wrap(e, "tokenizer %s", path);
fail:
	vocab_free(v);
	return NULL;
}
