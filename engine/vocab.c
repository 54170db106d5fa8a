#include "engine/vocab.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/mem.h"
#include "engine/base/utf8.h"
#include "engine/special.h"
#include "engine/tok_bpe.h"
#include "engine/tok_spm.h"
#include "engine/vocab_impl.h"

struct vocab *vocab_new(void)
{
	struct vocab *v = mem_zalloc(sizeof *v);

	pthread_mutex_init(&v->lock, NULL);
	v->bos = v->eos = v->p.unk = -1;
	return v;
}

static void coder_free(struct coder *c)
{
	if (!c)
		return;
	special_free(c->special);
	tok_spm_free(c->spm);
	tok_bpe_free(c->bpe);
	free(c->merges);
	free(c);
}

void vocab_free(struct vocab *v)
{
	if (!v)
		return;
	struct printed *printed = atomic_load(&v->printed);

	coder_free(atomic_load(&v->coder));
	if (printed) {
		free(printed->bytes);
		free(printed->at);
		free(printed);
	}
	free(v->p.raw);
	free(v->p.kind);
	free(v->p.score);
	free(v->end);
	mapfile_close(&v->map);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

int vocab_size(const struct vocab *v)
{
	return v->p.n;
}

enum token_kind vocab_kind(const struct vocab *v, int id)
{
	assert(id >= 0 && id < v->p.n);
	return (enum token_kind)v->p.kind[id];
}

int vocab_bos(const struct vocab *v)
{
	return v->bos;
}

int vocab_eos(const struct vocab *v)
{
	return v->eos;
}

bool vocab_is_end(const struct vocab *v, int id)
{
	return id >= 0 && id < v->p.n && v->end[id];
}

bool vocab_add_bos(const struct vocab *v)
{
	return v->add_bos;
}

const char *vocab_describe(const struct vocab *v)
{
	return v->describe;
}

const char *vocab_raw(const struct vocab *v, int id, size_t *n)
{
	assert(id >= 0 && id < v->p.n);
	*n = v->p.raw[id].n;
	return v->p.raw[id].s;
}

static bool uses_alphabet(const struct vocab *v)
{
	return v->row && !(v->row->flags & PRETOK_SPM);
}

/* U+2581 back to a space. */
static size_t print_spaces(struct gguf_str s, char *out)
{
	size_t n = 0, len = sizeof SPM_SPACE - 1;

	for (size_t i = 0; i < s.n;) {
		bool space = s.n - i >= len && !memcmp(s.s + i, SPM_SPACE, len);

		out[n++] = space ? ' ' : s.s[i];
		i += space ? len : 1;
	}
	return n;
}

/* Letters of the alphabet back to bytes; what is no letter of it stays as it is. */
static size_t print_letters(struct gguf_str s, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n;) {
		uint32_t cp;
		int len = utf8_decode(s.s + i, s.n - i, &cp);
		int byte = len > 0 ? alphabet_byte(cp) : -1;

		if (len < 1)
			len = 1;
		if (byte >= 0)
			out[n++] = (char)byte;
		else
			for (int k = 0; k < len; k++)
				out[n++] = s.s[i + (size_t)k];
		i += (size_t)len;
	}
	return n;
}

/* Never longer than the piece itself. */
static size_t print_piece(const struct vocab *v, int id, char *out)
{
	struct gguf_str s = v->p.raw[id];
	int byte = v->p.kind[id] == TOKEN_BYTE ? piece_byte(s) : -1;

	if (byte >= 0) {
		*out = (char)byte;
		return 1;
	}
	if (v->p.kind[id] == TOKEN_NORMAL || v->p.kind[id] == TOKEN_UNUSED) {
		if (uses_alphabet(v))
			return print_letters(s, out);
		if (!v->p.spaces_plain)
			return print_spaces(s, out);
	}
	if (s.n)
		memcpy(out, s.s, s.n);
	return s.n;
}

static struct printed *print_all(const struct vocab *v)
{
	struct printed *p = mem_zalloc(sizeof *p);
	size_t room = 0;

	for (int id = 0; id < v->p.n; id++)
		room += v->p.raw[id].n;
	p->bytes = mem_resize(NULL, room, 1);
	p->at = mem_array((size_t)v->p.n + 1, sizeof *p->at);
	for (int id = 0; id < v->p.n; id++)
		p->at[id + 1] = p->at[id] + (uint32_t)print_piece(v, id, p->bytes + p->at[id]);
	return p;
}

const char *vocab_bytes(const struct vocab *v, int id, size_t *n)
{
	struct vocab *w = (struct vocab *)v;    /* the lazy parts are not const */
	struct printed *p = atomic_load_explicit(&w->printed, memory_order_acquire);

	assert(id >= 0 && id < v->p.n);
	if (!p) {
		pthread_mutex_lock(&w->lock);
		if (!(p = atomic_load(&w->printed))) {
			p = print_all(v);
			atomic_store_explicit(&w->printed, p, memory_order_release);
		}
		pthread_mutex_unlock(&w->lock);
	}
	*n = p->at[id + 1] - p->at[id];
	return p->bytes + p->at[id];
}

static struct coder *coder_new(const struct vocab *v)
{
	struct coder *c = mem_zalloc(sizeof *c);
	size_t n_merges = 0;

	c->special = special_new(&v->p);
	if (!v->row)
		c->spm = tok_spm_new(&v->p);
	else if (gguf_strings(v->file, "tokenizer.ggml.merges", &c->merges, &n_merges, &c->err))
		c->bpe = tok_bpe_new(&v->p, v->row, c->merges, n_merges, &c->err);
	return c;
}

/* Built by whoever asks first; a failure is remembered and told to everyone. */
static const struct coder *coder(const struct vocab *v, struct err *e)
{
	struct vocab *w = (struct vocab *)v;
	struct coder *c = atomic_load_explicit(&w->coder, memory_order_acquire);

	if (!c) {
		pthread_mutex_lock(&w->lock);
		if (!(c = atomic_load(&w->coder))) {
			c = coder_new(v);
			atomic_store_explicit(&w->coder, c, memory_order_release);
		}
		pthread_mutex_unlock(&w->lock);
	}
	if (c->spm || c->bpe)
		return c;
	*e = c->err;
	return NULL;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Phi-3's special tokens swallow the white space behind them, these three excepted. */
static bool strips_after(const struct vocab *v, int id)
{
	static const char *const keep[] = { "<unk>", "<s>", "<|endoftext|>" };

	for (size_t i = 0; v->strip_after && i < sizeof keep / sizeof *keep; i++)
		if (v->p.raw[id].n == strlen(keep[i]) && !memcmp(v->p.raw[id].s, keep[i], v->p.raw[id].n))
			return false;
	return v->strip_after;
}

/* Text at the start or behind a special token: that is where SentencePiece puts its space. */
static bool encode_text(const struct vocab *v, const struct coder *c, const char *s, size_t n, struct ids *out,
    struct err *e)
{
	if (!n)
		return true;
	if (c->bpe)
		return tok_bpe_encode(c->bpe, s, n, out, e);
	return tok_spm_encode(c->spm, s, n, v->p.space_prefix, out, e);
}

static bool encode(const struct vocab *v, const char *text, size_t n, bool add_bos, struct special_rule rule,
    struct ids *ids, struct err *e)
{
	const struct coder *c = coder(v, e);
	struct special_hit *hits = NULL;
	size_t at = 0, n_hits = c ? special_find(c->special, text, n, rule, &hits) : 0;
	bool ok = c != NULL;

	if (add_bos && v->bos >= 0)
		ids_add(ids, v->bos);
	for (size_t i = 0; ok && i < n_hits; i++) {
		size_t next = i + 1 < n_hits ? hits[i + 1].at : n;

		ok = encode_text(v, c, text + at, hits[i].at - at, ids, e);
		ids_add(ids, hits[i].id);
		at = hits[i].at + hits[i].n;
		while (strips_after(v, hits[i].id) && at < next && is_space(text[at]))
			at++;
	}
	free(hits);
	return ok && encode_text(v, c, text + at, n - at, ids, e);
}

/* Never NULL on success, so that nobody takes an empty text for a failure. */
static bool hand_over(bool ok, struct ids *ids, int32_t **out, size_t *n_out)
{
	if (!ok) {
		free(ids->v);
		return false;
	}
	*out = ids->v ? ids->v : mem_zalloc(sizeof *ids->v);
	*n_out = ids->n;
	return true;
}

bool vocab_encode(const struct vocab *v, const char *text, size_t n, bool add_bos, bool special, int32_t **out,
    size_t *n_out, struct err *e)
{
	struct ids ids = {0};
	bool ok = encode(v, text, n, add_bos, (struct special_rule){ .control = special }, &ids, e);

	return hand_over(ok, &ids, out, n_out);
}

bool vocab_encode_spans(const struct vocab *v, const char *text, size_t n, bool add_bos,
    const struct vocab_span *plain, size_t n_plain, int32_t **out, size_t *n_out, struct err *e)
{
	struct special_rule rule = { .control = true, .plain = plain, .n_plain = n_plain };
	struct ids ids = {0};

	return hand_over(encode(v, text, n, add_bos, rule, &ids, e), &ids, out, n_out);
}

static int find_written(const struct coder *c, const char *bytes, size_t n)
{
	return c->bpe ? tok_bpe_find(c->bpe, bytes, n) : tok_spm_find(c->spm, bytes, n);
}

static bool prints(const struct vocab *v, int id, const char *bytes, size_t n)
{
	size_t len;
	const char *s = id < 0 ? NULL : vocab_bytes(v, id, &len);

	return s && len == n && !memcmp(s, bytes, n);
}

int vocab_find(const struct vocab *v, const char *bytes, size_t n)
{
	struct err e = {0};
	const struct coder *c = coder(v, &e);
	struct buf spaced = {0};
	char hex[8];
	int id;

	if (!c || !n)
		return -1;
	for (size_t i = 0; i < n; i++)
		buf_add(&spaced, bytes[i] == ' ' ? SPM_SPACE : bytes + i, bytes[i] == ' ' ? sizeof SPM_SPACE - 1 : 1);
	/* A word with its spaces written as the file does, a name, a byte. */
	id = find_written(c, spaced.data, spaced.len);
	buf_free(&spaced);
	if (!prints(v, id, bytes, n))
		id = find_written(c, bytes, n);
	if (!prints(v, id, bytes, n)) {
		snprintf(hex, sizeof hex, "<0x%02X>", (unsigned)(unsigned char)*bytes);
		id = find_written(c, hex, 6);
	}
	return prints(v, id, bytes, n) ? id : -1;
}
