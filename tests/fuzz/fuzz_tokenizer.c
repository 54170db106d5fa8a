/*
 * A random vocabulary and a random text: the ids must spell the text again.
 *
 * The input is a list of strings, each a length byte and its bytes: one byte of choices
 * (tokenizer, pre-tokenizer), then pieces, then an empty string, then merges, then the
 * rest is the text.  Every byte has its own token, so nothing may get lost.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/base/utf8.h"
#include "engine/tok_bpe.h"
#include "engine/tok_spm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t left;
};

enum { MAX_PIECES = 256 + 200, MAX_MERGES = 200 };

struct world {
	struct gguf_str raw[MAX_PIECES], merges[MAX_MERGES];
	uint8_t kind[MAX_PIECES];
	float score[MAX_PIECES];
	char base[256][8];
	struct pieces p;
	size_t n_merges;
};

static struct gguf_str next_string(struct input *in)
{
	size_t n = in->left ? *in->p : 0;
	struct gguf_str s = { .s = (const char *)in->p + (in->left ? 1 : 0), .n = n };

	if (in->left)
		in->p++, in->left--;
	if (s.n > in->left)
		s.n = in->left;
	in->p += s.n;
	in->left -= s.n;
	return s;
}

static void base_pieces(struct world *w, bool hex)
{
	for (int byte = 0; byte < 256; byte++) {
		int n = hex ? snprintf(w->base[byte], sizeof w->base[byte], "<0x%02X>", (unsigned)byte)
			    : utf8_encode(alphabet_char((unsigned char)byte), w->base[byte]);

		w->raw[byte] = (struct gguf_str){ .s = w->base[byte], .n = (size_t)n };
		w->kind[byte] = hex ? TOKEN_BYTE : TOKEN_NORMAL;
	}
	w->p = (struct pieces){ .n = 256, .raw = w->raw, .kind = w->kind, .score = w->score, .unk = -1 };
}

/* What a token prints, with U+2581 left as it is. */
static void print(const struct world *w, int32_t id, bool hex, struct buf *out)
{
	struct gguf_str s = w->raw[id];
	uint32_t cp;

	if (hex && piece_byte(s) >= 0)
		buf_char(out, (char)piece_byte(s));
	else if (hex)
		buf_add(out, s.s, s.n);
	else
		for (size_t i = 0; i < s.n; i += (size_t)utf8_decode(s.s + i, s.n - i, &cp)) {
			if (utf8_decode(s.s + i, s.n - i, &cp) < 1 || alphabet_byte(cp) < 0)
				__builtin_trap();
			buf_char(out, (char)alphabet_byte(cp));
		}
}

static void check(const struct world *w, const struct ids *ids, bool hex, const char *text, size_t n)
{
	struct buf got = {0}, want = {0};

	buf_add(&got, "", 0);
	buf_add(&want, "", 0);
	for (size_t i = 0; i < n; i++)
		if (hex && text[i] == ' ')
			buf_str(&want, SPM_SPACE);
		else
			buf_char(&want, text[i]);
	for (size_t i = 0; i < ids->n; i++) {
		if (ids->v[i] < 0 || ids->v[i] >= w->p.n)
			__builtin_trap();
		print(w, ids->v[i], hex, &got);
	}
	if (got.len != want.len || memcmp(got.data, want.data, got.len) != 0)
		__builtin_trap();
	buf_free(&got);
	buf_free(&want);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	struct input in = { data, size };
	struct gguf_str choice = next_string(&in), s;
	unsigned pick = choice.n ? (unsigned char)*choice.s : 0;
	const struct pretok_row *row = pretok_at(pick);
	bool hex = !row || row->flags & PRETOK_SPM;
	struct ids ids = {0};
	struct err e;
	bool ok = false;

	base_pieces(&w, hex);
	w.n_merges = 0;
	while ((s = next_string(&in)).n && w.p.n < MAX_PIECES) {
		w.raw[w.p.n] = s;
		w.kind[w.p.n] = hex && piece_byte(s) >= 0 ? TOKEN_BYTE : TOKEN_NORMAL;
		w.score[w.p.n++] = (float)(signed char)s.s[s.n - 1];
	}
	while (row && (s = next_string(&in)).n && w.n_merges < MAX_MERGES)
		w.merges[w.n_merges++] = s;
	const char *text = (const char *)in.p;

	if (!row) {
		struct tok_spm *t = tok_spm_new(&w.p);

		ok = tok_spm_encode(t, text, in.left, false, &ids, &e);
		tok_spm_free(t);
	} else {
		struct tok_bpe *t = tok_bpe_new(&w.p, row, w.merges, w.n_merges, &e);

		ok = t && tok_bpe_encode(t, text, in.left, &ids, &e);
		tok_bpe_free(t);
	}
	if (ok)
		check(&w, &ids, hex, text, in.left);
	free(ids.v);
	return 0;
}
